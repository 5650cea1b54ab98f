"""The settings of a gateway: what a configuration file says, as checked, frozen values.

The classes are also the schema of the file: their fields are its keys, but for those whose unit is in the field's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from rulegate.config.external_settings import ExternalSettings
from rulegate.config.field_types import BODY_SIZE, DURATION, NAMED, STRICT, TEXT, Port, ThreadCount
from rulegate.config.model_settings import ModelSettings
from rulegate.config.route_settings import EndpointSettings
from rulegate.config.values import MIB
from rulegate.config.web_values import AdminToken, HeaderName
from rulegate.diagnostics import Diagnostic

DEFAULT_PATH = "gateway_config.yaml"
"""The file that commands read when they are not told which."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Where the gateway listens and what it takes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    host: Annotated[str, TEXT] = "127.0.0.1"
    """The name or address to listen on. `0.0.0.0` is every IPv4 address of the machine. `--host` overrides it."""
    port: Port = 5000
    """0 to 65535; 0 is any free port, which the gateway prints. `--port` overrides it."""
    threads: ThreadCount = 256
    """1 to 1024: requests to models in flight at once. One model gets at most as many as are still free, so at most
    half of them while no other is asked; what goes beyond is answered with 503 at once, and the other models go on as
    before."""
    max_body_bytes: Annotated[int, BODY_SIZE, Field(alias="max_body")] = 10 * MIB
    """A size, `1B` to `4GiB`, inclusive: the largest request body. A larger one is answered with 413."""
    request_timeout_s: Annotated[float, DURATION, Field(alias="request_timeout")] = 60.0
    """A duration, `1ms` to `24h`: how long one request may take once its body has come, the load of its model included.
    A connection that has been sent nothing for twice as long, and for 5 s at least, is ended. Requests in flight when
    the gateway is told to stop get that long, and 5 s more, to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """Where those who run the gateway see and change what it does."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    host: Annotated[str, TEXT] = "127.0.0.1"
    """The name or address to listen on."""
    port: Port
    """0 to 65535; 0 is any free port."""
    token: AdminToken = field(repr=False)
    """At least 16 characters of ASCII without white space: what a request proves its right with, in `Authorization:
    Bearer …`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSettings:
    """How servers are asked that models' `http://` and `https://` URIs name."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    headers: tuple[HeaderName, ...] = ()
    """A list of names of headers: those of a request that are passed on to the server that answers it, in any case."""
    connect_timeout_s: Annotated[float, DURATION, Field(alias="connect_timeout")] = 1.0
    """A duration, `1ms` to `24h`: how long a connection may take to be made."""
    max_answer_bytes: Annotated[int, BODY_SIZE, Field(alias="max_answer")] = 100 * MIB
    """A size, `1B` to `4GiB`, inclusive: the largest answer that is taken."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """What stands in one file, key for key."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    endpoints: Annotated[tuple[EndpointSettings, ...], Field(alias="model_endpoints", min_length=1)]
    """A list of endpoints, at least one."""
    registry_uri: Annotated[str | None, TEXT] = None
    """The model registry, such as `sqlite:///mlflow.db` or `http://registry:5000`. Without it, `MLFLOW_REGISTRY_URI`,
    then `MLFLOW_TRACKING_URI`, then MLflow's own default hold. Runs and logged models (`runs:/…`, `models:/m-…`) are
    looked up there too, unless `MLFLOW_TRACKING_URI` names another place."""
    default_endpoint: Annotated[str | None, TEXT] = None
    """The name of the endpoint that `POST /invocations` reaches."""
    server: ServerSettings = field(default_factory=ServerSettings)
    """Where the gateway listens and what it takes."""
    admin: Annotated[AdminSettings | None, NAMED] = None
    """Where those who run the gateway see and change what it does. Without it there is no such port."""
    models: ModelSettings = field(default_factory=ModelSettings)
    """What holds for every model."""
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    """How models of other servers are reached."""
    external: tuple[ExternalSettings, ...] = ()
    """A list of decision services that conditions can ask."""


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration without an error. Immutable, safe to share between threads.

    ``endpoints`` has at least one, their names are unique, and ``default_endpoint`` is one of the names.
    ``registry_uri`` is None where MLflow's own choice holds; ``admin`` is None where there is no such port. ``path`` is
    the file it was read from, or None for a text; ``text`` is what stood there.
    """

    endpoints: tuple[EndpointSettings, ...]
    default_endpoint: str
    registry_uri: str | None = None
    server: ServerSettings = field(default_factory=ServerSettings)
    models: ModelSettings = field(default_factory=ModelSettings)
    path: Path | None = None
    text: str = field(default="", repr=False, compare=False)
    warnings: tuple[Diagnostic, ...] = ()
    admin: AdminSettings | None = None
    remote: RemoteSettings = field(default_factory=RemoteSettings)
    external: tuple[ExternalSettings, ...] = ()

    def settings_by_model(self) -> dict[str, ModelSettings]:
        """What holds for each model URI that the file names, shadows included, in the order of the file.

        That is what a route or a target says of the model, and of the rest what `models` says.
        """
        found: dict[str, ModelSettings] = {}
        for route in (route for endpoint in self.endpoints for route in endpoint.routes):
            for target in route.all_targets:
                if target.model_uri not in found or target.overrides:
                    found[target.model_uri] = self.models.overridden_by(target)
            if route.shadow:
                found.setdefault(route.shadow.model_uri, self.models)
        return found
