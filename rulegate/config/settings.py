"""The settings of a gateway: what a configuration file says, as checked, frozen values.

The classes are also the schema of the file: their fields are its keys, but for those whose unit is in the field's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, InstanceOf, PlainValidator, Tag, ValidationInfo

from rulegate.condition import Condition, ConditionError, compile_condition
from rulegate.config.tree import Text
from rulegate.config.values import (
    BODY_SIZE,
    DELAY,
    DURATION,
    GIB,
    MEMORY,
    MIB,
    OPTIONAL_DURATION,
    SIZE,
    TEXT,
    BatchSize,
    Expected,
    Flag,
    Glob,
    ModelUri,
    Name,
    Port,
    ReplicaCount,
    Share,
    ThreadCount,
    VariableName,
)
from rulegate.diagnostics import Diagnostic

DEFAULT_PATH = "gateway_config.yaml"
"""The file that commands read when they are not told which."""

OnError = Literal["no_match", "match", "fail"]
"""What an error in a condition means: the next route, this route, or a failed request."""

Environment = Literal["local", "uv", "virtualenv"]
"""Whose packages models have: the gateway's, or their own, installed by one of these."""

_STRICT = ConfigDict(extra="forbid")


def _compile(value: object, info: ValidationInfo[list[Diagnostic]]) -> Condition | None:
    """The condition that a text of the file compiles to; its diagnostics go to the context, placed in the file."""
    if not isinstance(value, Text):
        raise Expected("a condition")
    diagnostics = info.context
    try:
        condition = compile_condition(str(value), origin=value.scalar.excerpt())
    except ConditionError as error:
        diagnostics.extend(error.diagnostics)
        return None
    diagnostics.extend(condition.warnings)
    return condition


_COMPILED = PlainValidator(_compile)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the gateway listens and what it takes."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    host: Annotated[str, TEXT] = "127.0.0.1"
    port: Port = 5000
    """0 stands for any free port."""
    threads: ThreadCount = 256
    """Requests in flight at once; one model gets at most as many of them as are still free."""
    max_body_bytes: Annotated[int, BODY_SIZE, Field(alias="max_body")] = 10 * MIB
    """The largest request body taken, inclusive."""
    request_timeout_s: Annotated[float, DURATION, Field(alias="request_timeout")] = 60.0
    """How long a request may take, its model's load included."""


@dataclass(frozen=True, slots=True)
class BatchingSettings:
    """Bounds of a batch; to name them turns batching on for models of every flavor that answer row by row."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    max_size: BatchSize = 128
    """The most requests in a batch."""
    max_delay_s: Annotated[float, DELAY, Field(alias="max_delay")] = 0.0
    """How long the first request of a batch waits for others."""


def _form_of_batching(value: object) -> str:
    return "word" if isinstance(value, Text) else "mapping"


_DEFAULT_MEMORY: Final = Share(0.7)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What holds for every model."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    memory_limit: Annotated[int | Share, MEMORY] = _DEFAULT_MEMORY
    """What all loaded models may hold together: bytes, or a share of the memory of the machine or its control group."""
    idle_timeout_s: Annotated[float | None, OPTIONAL_DURATION, Field(alias="idle_timeout")] = 900.0
    """After how long without a request a model is unloaded; `never` keeps it."""
    refresh_interval_s: Annotated[float | None, OPTIONAL_DURATION, Field(alias="refresh_interval")] = 10.0
    """How often stages, aliases and `latest` are looked up again; `never` only when a model is loaded."""
    replicas: ReplicaCount = 1
    """Processes of each model; the least busy one is taken."""
    batching: Annotated[
        Annotated[Literal["auto", "off"], Tag("word")] | Annotated[BatchingSettings, Tag("mapping")],
        Discriminator(_form_of_batching),
    ] = "auto"
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


@dataclass(frozen=True, slots=True)
class RouteSettings:
    """One route: a model, and the condition under which it answers; without one it answers when no other does."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    alias: Name
    model_uri: ModelUri
    condition: Annotated[InstanceOf[Condition] | None, _COMPILED, Field(alias="model_request_condition")] = None
    on_error: OnError = "no_match"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """A named list of routes, at least one, their aliases unique in it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: Name
    routes: Annotated[tuple[RouteSettings, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What stands in one file, key for key."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    endpoints: Annotated[tuple[EndpointSettings, ...], Field(alias="model_endpoints", min_length=1)]
    registry_uri: Annotated[str | None, TEXT] = None
    default_endpoint: Annotated[str | None, TEXT] = None
    server: ServerSettings = field(default_factory=ServerSettings)
    models: ModelSettings = field(default_factory=ModelSettings)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration without an error. Immutable, safe to share between threads.

    ``endpoints`` has at least one, their names are unique, and ``default_endpoint`` is one of the names.
    ``registry_uri`` is None where MLflow's own choice holds. ``path`` is the file it was read from, or None for a text;
    ``text`` is what stood there.
    """

    endpoints: tuple[EndpointSettings, ...]
    default_endpoint: str
    registry_uri: str | None = None
    server: ServerSettings = field(default_factory=ServerSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    path: Path | None = None
    text: str = field(default="", repr=False, compare=False)
    warnings: tuple[Diagnostic, ...] = ()
