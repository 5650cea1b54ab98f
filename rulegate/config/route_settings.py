"""Endpoints and routes: which condition leads where, to one model, to one of several, or to a refusal."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, InstanceOf

from rulegate.condition import Condition
from rulegate.config.expressions import CONDITION, EXPRESSION
from rulegate.config.model_settings import ModelOverrides
from rulegate.config.values import (
    DURATION,
    NAMED,
    SHARE,
    STRICT,
    TOLERANCE,
    WEIGHT,
    ModelUri,
    Name,
    Share,
)
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
    """The target's name in headers and metrics, unique in its route."""
    model_uri: ModelUri
    """The model that answers."""
    weight: Annotated[float, WEIGHT] = 1.0
    """How often it is picked, against the sum of its route's weights; 0 gives it no request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSettings:
    """A model that gets a copy of requests; its answers are recorded and never returned."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    alias: Name
    """The shadow's name in logs and metrics."""
    model_uri: ModelUri
    """The model that gets the copies."""
    sample: Annotated[Share, SHARE] = _WHOLE
    """Which part of the route's requests is copied."""
    tolerance: Annotated[float, TOLERANCE] = 1e-6
    """By how much numbers may differ, relative to the larger or absolutely, and still agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenySettings:
    """How requests are refused."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    status: RefusalStatus = 403
    """The status of the answer."""
    message: Annotated[str, MESSAGE] = "denied"
    """What the answer says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings(ModelOverrides):
    """One route: where it leads, and under which condition; without one it answers when no other route does.

    Exactly one of ``model_uri``, ``targets`` and ``deny`` says something. What is overridden is of ``model_uri``;
    ``all_targets`` has it, and is what most readers want.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    alias: Name
    """The route's name in headers and logs, unique in its endpoint."""
    condition: Annotated[InstanceOf[Condition] | None, CONDITION, Field(alias="model_request_condition")] = None
    """A condition on the request. A route without one answers when no other does."""
    on_error: Annotated[OnError | None, NAMED] = None
    """What it means when the condition cannot be evaluated for a request; None, where the file says nothing, means
    `no_match`."""
    model_uri: Annotated[ModelUri | None, NAMED] = None
    """The model that answers."""
    targets: Annotated[tuple[TargetSettings, ...], Field(min_length=1)] = ()
    """The models of which one is picked for each request."""
    deny: Annotated[DenySettings | None, NAMED] = None
    """The refusal that is the answer, in place of a model's."""
    balance: Balance = "weighted"
    """How a target is picked."""
    sticky_on: Annotated[InstanceOf[Condition] | None, EXPRESSION] = None
    """An expression: requests for which its value is the same get the same target."""
    shadow: Annotated[ShadowSettings | None, NAMED] = None
    """A model that gets a copy of requests."""
    fallback: tuple[Name, ...] = ()
    """Routes of the endpoint that are tried in this order when the model cannot answer."""
    timeout_s: Annotated[float | None, DURATION, Field(alias="timeout")] = None
    """How long a model of the route may take to answer; without it, what is left of `server.request_timeout`."""

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
    """The endpoint's name, unique in the file."""
    routes: Annotated[tuple[RouteSettings, ...], Field(min_length=1)]
    """The routes, in the order in which their conditions are tried."""
