"""How models are held: what holds for every model, and what a route or a target may say otherwise for its own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from rulegate.config.tree import Text
from rulegate.config.values import (
    DELAY,
    DURATION,
    GIB,
    MEMORY,
    NAMED,
    NEVER,
    OPTIONAL_DURATION,
    OVERRIDING_DURATION,
    SIZE,
    STRICT,
    BatchSize,
    Flag,
    Glob,
    ReplicaCount,
    Share,
    VariableName,
)

Environment = Literal["local", "uv", "virtualenv"]
"""Whose packages models have: the gateway's, or their own, installed by one of these."""


@dataclass(frozen=True, slots=True)
class BatchingSettings:
    """Bounds of a batch; to name them turns batching on for models of every flavor that answer row by row."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    max_size: BatchSize = 128
    """The most requests in a batch."""
    max_delay_s: Annotated[float, DELAY, Field(alias="max_delay")] = 0.0
    """How long the first request of a batch waits for others."""


def _form_of_batching(value: object) -> str:
    return "(word)" if isinstance(value, Text) else "(mapping)"


Batching = Annotated[
    Annotated[Literal["auto", "off"], Tag("(word)")] | Annotated[BatchingSettings, Tag("(mapping)")],
    Discriminator(_form_of_batching),
]

_DEFAULT_MEMORY: Final = Share(0.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverrides:
    """What a route or a target says of its model; a field that is None is as `models` says."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    idle_timeout_s: Annotated[float | None, OVERRIDING_DURATION, Field(alias="idle_timeout")] = None
    """As `models.idle_timeout`; `NEVER` keeps the model."""
    refresh_interval_s: Annotated[float | None, OVERRIDING_DURATION, Field(alias="refresh_interval")] = None
    """As `models.refresh_interval`; `NEVER` looks up only when the model is loaded."""
    load_timeout_s: Annotated[float | None, DURATION, Field(alias="load_timeout")] = None
    """As `models.load_timeout`."""
    preload: Annotated[Flag | None, NAMED] = None
    """As `models.preload`."""
    replicas: Annotated[ReplicaCount | None, NAMED] = None
    """As `models.replicas`."""
    batching: Annotated[Batching | None, NAMED] = None
    """As `models.batching`."""
    environment: Annotated[Environment | None, NAMED] = None
    """As `models.environment`."""

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields that say something, by their names, which are those of `ModelSettings` too."""
        named = ((field.name, getattr(self, field.name)) for field in fields(ModelOverrides))
        return {name: value for name, value in named if value is not None}


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What holds for every model."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    memory_limit: Annotated[int | Share, MEMORY] = _DEFAULT_MEMORY
    """What all loaded models may hold together: bytes, or a share of the memory of the machine or its control group."""
    idle_timeout_s: Annotated[float | None, OPTIONAL_DURATION, Field(alias="idle_timeout")] = 900.0
    """After how long without a request a model is unloaded; `never` keeps it."""
    refresh_interval_s: Annotated[float | None, OPTIONAL_DURATION, Field(alias="refresh_interval")] = 10.0
    """How often stages, aliases and `latest` are looked up again; `never` only when a model is loaded."""
    replicas: ReplicaCount = 1
    """Processes of each model; the least busy one is taken."""
    batching: Batching = "auto"
    """Whether requests that have queued are merged; `auto`: for flavors that are known to answer row by row."""
    cache_limit_bytes: Annotated[int, SIZE, Field(alias="cache_limit")] = 20 * GIB
    """What the files of models may take up in the cache folder, but for those in use."""
    load_timeout_s: Annotated[float, DURATION, Field(alias="load_timeout")] = 120.0
    """How long a model may take to be fetched and loaded."""
    preload: Flag = False
    """Whether models are loaded at the start, rather than by the first request that needs them."""
    environment: Environment = "local"
    """Whose packages models' processes have: the gateway's (`local`), or those that each model asks for, and what
    installs them."""
    allow: Annotated[tuple[Glob, ...], Field(min_length=1)] = ("*",)
    """Which model URIs the file may name, as globs."""
    env: tuple[VariableName, ...] = ()
    """Variables of the gateway's environment that models get besides the harmless ones; `PREFIX_*` stands for many."""

    def overridden_by(self, overrides: ModelOverrides) -> ModelSettings:
        """What holds for a model of which a route or a target says more."""
        said: dict[str, Any] = {name: None if value == NEVER else value for name, value in overrides.overrides.items()}
        return replace(self, **said)
