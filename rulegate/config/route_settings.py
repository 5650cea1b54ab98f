"""Endpoints and routes: which condition leads where, to one model, to one of several, or to a refusal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, InstanceOf

from rulegate.condition import Condition
from rulegate.config.expressions import CONDITION, EXPRESSION
from rulegate.config.field_types import DURATION, NAMED, SHARE, STRICT, TOLERANCE, WEIGHT, ModelUri, Name
from rulegate.config.model_settings import ModelOverrides
from rulegate.config.values import Share
from rulegate.config.web_values import MESSAGE, RefusalStatus

OnError = Literal["no_match", "match", "fail"]
"""What an error in a condition means: the next route, this route, or a failed request."""

Balance = Literal["weighted", "round_robin", "least_busy"]
"""How one of several targets is picked: by their weights, in turn, or the one with the fewest requests in flight."""

_WHOLE = Share(1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings(ModelOverrides):
    """One of the models among which a route picks."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    alias: Name
    """The target's name in headers and metrics: as an endpoint's name, unique in its route."""
    model_uri: ModelUri
    """The model that answers."""
    weight: Annotated[float, WEIGHT] = 1.0
    """A number, 0 to 1000000000: how often the target is picked, against the sum of the route's weights. 0 gives it no
    request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSettings:
    """A model that gets a copy of requests; its answers are recorded and never returned."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    alias: Name
    """The shadow's name in logs and metrics."""
    model_uri: ModelUri
    """The model that gets the copies."""
    sample: Annotated[Share, SHARE] = _WHOLE
    """A share: which part of the route's requests is copied."""
    tolerance: Annotated[float, TOLERANCE] = 1e-6
    """A number, 0 to 1000000000: by how much numbers may differ, relative to the larger or absolutely, and still
    agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenySettings:
    """How requests are refused."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    status: RefusalStatus = 403
    """400 to 599: the status of the answer."""
    message: Annotated[str, MESSAGE] = "denied"
    """One line of at most 500 characters: what the answer says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings(ModelOverrides):
    """One route: where it leads, and under which condition; without one it answers when no other route does.

    Exactly one of ``model_uri``, ``targets`` and ``deny`` says something. What is overridden is of ``model_uri``;
    ``all_targets`` has it, and is what most readers want. An ``on_error`` of None means `no_match`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    alias: Name
    """The route's name in headers and logs: as an endpoint's name, unique in its endpoint."""
    condition: Annotated[InstanceOf[Condition] | None, CONDITION, Field(alias="model_request_condition")] = None
    """A condition on the request. A route without one answers when no other does."""
    on_error: Annotated[OnError | None, NAMED] = None
    """What it means when the condition cannot be evaluated for a request, such as a missing header: `no_match`, the
    next route is tried; `match`, this route answers; `fail`, the request fails with 422. Only beside a condition."""
    model_uri: Annotated[ModelUri | None, NAMED] = None
    """The model that answers, see below."""
    targets: Annotated[tuple[TargetSettings, ...], Field(min_length=1)] = ()
    """A list of models, at least one, of which one is picked for each request. A route has one of `model_uri`,
    `targets` and `deny`."""
    deny: Annotated[DenySettings | None, NAMED] = None
    """A mapping, which may be empty (`{}`): requests are refused."""
    balance: Balance = "weighted"
    """`weighted`, `round_robin` or `least_busy`: how one of several targets is picked."""
    sticky_on: Annotated[InstanceOf[Condition] | None, EXPRESSION] = None
    """An expression on the request: requests for which its value is the same get the same target. Only with `balance:
    weighted`."""
    shadow: Annotated[ShadowSettings | None, NAMED] = None
    """A model that gets a copy of requests; its answers are recorded and never returned."""
    fallback: tuple[Name, ...] = ()
    """A list of routes of the endpoint that are tried in this order when the model cannot answer."""
    timeout_s: Annotated[float | None, DURATION, Field(alias="timeout")] = None
    """A duration, `1ms` to `24h`: how long a model of the route may take to answer; without it, what is left of
    `server.request_timeout`."""

    @property
    def all_targets(self) -> tuple[TargetSettings, ...]:
        """The models among which the route picks: of a route with ``model_uri`` one, named as the route."""
        if self.model_uri is None:
            return self.targets
        overrides = {field.name: getattr(self, field.name) for field in fields(ModelOverrides)}
        return (TargetSettings(alias=self.alias, model_uri=self.model_uri, **overrides),)


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """A named list of routes, at least one, their aliases unique in it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """1 to 100 letters, digits, `-` and `_`; unique. The endpoint answers at `/endpoints/NAME/invocations`."""
    routes: Annotated[tuple[RouteSettings, ...], Field(min_length=1)]
    """A list of routes, at least one."""
