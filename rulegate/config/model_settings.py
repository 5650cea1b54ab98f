"""How models are held: what holds for every model, and what a route or a target may say otherwise for its own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from rulegate.config.field_types import (
    DELAY,
    DURATION,
    MEMORY,
    NAMED,
    OPTIONAL_DURATION,
    OVERRIDING_DURATION,
    SIZE,
    STRICT,
    BatchSize,
    Flag,
    Glob,
    ReplicaCount,
    VariableName,
)
from rulegate.config.tree import Text
from rulegate.config.values import GIB, NEVER, Share

MAX_LISTED: Final = 1000
"""How many globs may be listed, inclusive: every model that a file names is held against all of them."""

Environment = Literal["local", "uv", "virtualenv", "conda"]
"""Whose packages models have: the gateway's, or their own, installed by one of these."""


@dataclass(frozen=True, slots=True)
class BatchingSettings:
    """Bounds of a batch; to name them turns batching on for models of every flavor that answer row by row."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    max_size: BatchSize = 128
    """1 to 1024: the most requests in a batch."""
    max_delay_s: Annotated[float, DELAY, Field(alias="max_delay")] = 0.0
    """A duration, `0ms` to `24h`: how long the first request of a batch waits for others."""


def _form_of_batching(value: object) -> str:
    return "(word)" if isinstance(value, Text | bool) else "(mapping)"


def _off(value: object) -> object:
    # YAML 1.1 takes the bare word for a truth value.
    return "off" if value is False else value


Batching = Annotated[
    Annotated[Literal["auto", "off"], BeforeValidator(_off), Tag("(word)")]
    | Annotated[BatchingSettings, Tag("(mapping)")],
    Discriminator(_form_of_batching),
]

_DEFAULT_MEMORY: Final = Share(0.7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverrides:
    """What a route or a target says of its model; a field of None is as `models` says, and `NEVER` is no duration."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    idle_timeout_s: Annotated[float | None, OVERRIDING_DURATION, Field(alias="idle_timeout")] = None
    """As `models.idle_timeout`, for this model."""
    refresh_interval_s: Annotated[float | None, OVERRIDING_DURATION, Field(alias="refresh_interval")] = None
    """As `models.refresh_interval`, for this model."""
    load_timeout_s: Annotated[float | None, DURATION, Field(alias="load_timeout")] = None
    """As `models.load_timeout`, for this model."""
    preload: Annotated[Flag | None, NAMED] = None
    """As `models.preload`, for this model."""
    replicas: Annotated[ReplicaCount | None, NAMED] = None
    """As `models.replicas`, for this model."""
    batching: Annotated[Batching | None, NAMED] = None
    """As `models.batching`, for this model."""
    environment: Annotated[Environment | None, NAMED] = None
    """As `models.environment`, for this model."""

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
    """A size, or a share of the memory of the machine or of its control group: what all loaded models may hold
    together, measured as the memory of each process's own. Beyond it, the least recently used idle model is unloaded;
    while all are in use, a model that is not loaded waits."""
    idle_timeout_s: Annotated[float | None, OPTIONAL_DURATION, Field(alias="idle_timeout")] = 900.0
    """A duration, or `never`: after how long without a request a model is unloaded. The next request loads it again."""
    refresh_interval_s: Annotated[float | None, OPTIONAL_DURATION, Field(alias="refresh_interval")] = 10.0
    """A duration, or `never`: how often stages, aliases, `latest` and folders are looked up again."""
    replicas: ReplicaCount = 1
    """1 to 64: processes of each model. A request goes to the least busy one; one that ends is replaced, after a pause
    if it is the fourth in a row that has not answered, while the others do."""
    batching: Batching = "auto"
    """`auto`, `off`, or a mapping: whether requests that queued while a model was busy are merged, predicted once and
    split again. `auto` does so for the scikit-learn, XGBoost, LightGBM and CatBoost flavors, a mapping for all; in both
    cases only for models that answer rows like those of their input example together as they answer them apart, to the
    last digit, and that take no times. Only requests with the same columns, types and parameters merge, and a batch
    that fails is answered one by one, so nobody can tell."""
    cache_limit_bytes: Annotated[int, SIZE, Field(alias="cache_limit")] = 20 * GIB
    """A size, `1B` to `64TiB`: what the files of models may take up on disk, and as much again their environments.
    Beyond it, those least recently loaded are removed, but for those of loaded models."""
    load_timeout_s: Annotated[float, DURATION, Field(alias="load_timeout")] = 120.0
    """A duration, `1ms` to `24h`: how long a model may take to be resolved, fetched and loaded. A load goes on when the
    request that began it has given up."""
    preload: Flag = False
    """`true` loads all models at the start, instead of each by the first request that needs it. `GET /ready` answers
    200 once every one has been loaded."""
    environment: Environment = "local"
    """`local`, `uv`, `virtualenv` or `conda`: whether models run with the gateway's packages, or each with those that
    it asks for, and what installs them. See [environments of models](#environments-of-models)."""
    allow: Annotated[tuple[Glob, ...], Field(min_length=1, max_length=MAX_LISTED)] = ("*",)
    """A list of 1 to 1000 globs: the model URIs that this file may name. `*` is any text, slashes included. See
    [who may name which models](#who-may-name-which-models)."""
    env: tuple[VariableName, ...] = ()
    """A list of names of environment variables, or of their beginnings followed by `*`: what models' processes get of
    the gateway's environment besides what is harmless. See [what models see](#what-models-see)."""

    def overridden_by(self, overrides: ModelOverrides) -> ModelSettings:
        """What holds for a model of which a route or a target says more."""
        said: dict[str, Any] = {name: None if value == NEVER else value for name, value in overrides.overrides.items()}
        return replace(self, **said)
