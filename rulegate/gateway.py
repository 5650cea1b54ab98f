"""The use case without HTTP: a request comes in, a decision is made, a model is leased, a prediction goes back."""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from rulegate import waiting
from rulegate.answers import Answers, Breakers, Key, headers_of
from rulegate.condition import Request
from rulegate.config import Config, EndpointSettings, ShadowSettings, is_remote
from rulegate.journey import Journey
from rulegate.routing import (
    Balance,
    Busy,
    Decision,
    Deny,
    Endpoint,
    Mishaps,
    OnError,
    Route,
    Shadow,
    Target,
    decide,
    nobody_is_busy,
)
from rulegate.serving.models import Models, Prediction
from rulegate.shadowing import Copy, Shadows

COSTLY_NS: Final = 1_000_000
"""A decision that costs more, in estimated nanoseconds, is no longer made where all other requests wait for it."""


class EndpointNotFound(Exception):
    """No endpoint has this name.

    Attributes:
        name: The name that was asked for.
        known: The names that there are, in the order of the configuration.
    """

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no endpoint `{name}`")
        self.name = name
        self.known = known


class Gateway:
    """Endpoints and the models behind them. Immutable but for what it learns of them; safe to use from many threads.

    Args:
        config: A configuration without errors.
        models: Loads and keeps the models; without it the gateway decides but does not answer.
        breakers: What is known of the health of targets, by a gateway before this one; None: nothing.
        shadows: Where copies of requests go; None: nowhere.
        mishaps: Counts what goes wrong in routing without failing a request; None: nobody wants to know.
    """

    def __init__(
        self,
        config: Config,
        models: Models | None = None,
        breakers: Breakers | None = None,
        shadows: Shadows | None = None,
        mishaps: Mishaps | None = None,
    ) -> None:
        busy = nobody_is_busy if models is None else models.busy
        mishaps = mishaps or Mishaps()
        self._endpoints = {
            settings.name: endpoint_of(settings, busy=busy, mishaps=mishaps) for settings in config.endpoints
        }
        self._default = config.default_endpoint
        # Names of endpoints that have made a costly decision. One that can, will again.
        self._costly: set[str] = set()
        self._services = tuple(service.name for service in config.external)
        self._shadows = shadows
        # By endpoint and route.
        self._shadowed = {
            (name, route.alias): route.shadow
            for name, endpoint in self._endpoints.items()
            for route in endpoint.routes
            if route.shadow is not None
        }
        self._answers = Answers(models, breakers or Breakers())

    @property
    def endpoint_names(self) -> tuple[str, ...]:
        """The names of all endpoints, in the order of the configuration."""
        return tuple(self._endpoints)

    @property
    def service_names(self) -> tuple[str, ...]:
        """The names of all decision services, in the order of the configuration."""
        return self._services

    @property
    def targets(self) -> frozenset[Key]:
        """Every target that a request can get."""
        return frozenset(
            (name, route.alias, target.alias, target.model_uri)
            for name, endpoint in self._endpoints.items()
            for route in endpoint.routes
            for target in route.live
        )

    @property
    def names(self) -> frozenset[tuple[str, str, str]]:
        """Every endpoint, route and target or shadow that something may be counted under; empty where there is none."""
        routes = [(name, route) for name, endpoint in self._endpoints.items() for route in endpoint.routes]
        return frozenset(
            {("", "", "")}
            | {(name, "", "") for name in self._endpoints}
            | {(name, route.alias, "") for name, route in routes}
            | {(name, route.alias, target.alias) for name, route in routes for target in route.targets}
            | {(name, route, shadow.target.alias) for (name, route), shadow in self._shadowed.items()}
        )

    def endpoint(self, name: str | None) -> Endpoint:
        """The endpoint of this name; None: the default one.

        Raises:
            EndpointNotFound: If there is none.
        """
        endpoint = self._endpoints.get(self._default if name is None else name)
        if endpoint is None:
            raise EndpointNotFound(name or "", tuple(self._endpoints))
        return endpoint

    def decide(self, endpoint: str | None, request: Request) -> Decision:
        """Which route of ``endpoint`` (None: the default one) answers this request. Needs no model.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            NoRouteMatched: If no condition matches and every route has one.
            ConditionFailed: If a condition errs on a route that wants the request to fail then.
            MalformedBodyError: If a condition reads a JSON body that is none.
        """
        return decide(self.endpoint(endpoint), request)

    def answer(
        self,
        endpoint: str | None,
        request: Request,
        body: bytes,
        content_type: str | None,
        journey: Journey,
        *,
        timeout_s: float,
    ) -> Prediction:
        """The prediction of the model that the conditions pick, or of a fallback, within ``timeout_s`` seconds.

        Args:
            endpoint: The endpoint's name; None for the default one.
            request: What conditions read.
            body: The request's body as it came; the model process decodes it.
            content_type: The value of the header, or None.
            journey: Filled with what is known, also when this raises.
            timeout_s: How long it may take, loading included. An answer that comes in parts may take longer: this
                bounds the time to its first part, and what is left then the time to each of the others.

        Raises:
            RequestDenied: If the route denies, or a fallback that is reached does.
            UnsupportedContentType: If the scoring protocol does not know the content type.
            ServingError: If neither the model nor a fallback can answer.
            Exception: Those of `decide`.
        """
        begin_s = time.perf_counter()
        found = self.endpoint(endpoint)
        journey.endpoint = found.name
        try:
            if found.name in self._costly:
                decision = waiting.in_thread(partial(decide, found, request))
            else:
                decision = decide(found, request)
        finally:
            journey.decide_s = time.perf_counter() - begin_s
            if request.cost() > COSTLY_NS:
                self._costly.add(found.name)
        left_s = timeout_s - journey.decide_s
        prediction = self._answers.answer(decision, body, content_type, journey, timeout_s=left_s)
        if self._shadowed:
            self._offer(prediction, request, body, content_type, journey, timeout_s=timeout_s)
        return prediction

    def _offer(
        self,
        prediction: Prediction,
        request: Request,
        body: bytes,
        content_type: str | None,
        journey: Journey,
        *,
        timeout_s: float,
    ) -> None:
        """Offers a copy of a request that has been answered to the shadow of the route that answered."""
        leg = journey.leg
        if self._shadows is None or leg is None or prediction.rest is not None:
            return
        shadow = self._shadowed.get((journey.endpoint or "", leg.route))
        if shadow is not None:
            self._shadows.offer(
                Copy(
                    endpoint=journey.endpoint or "",
                    route=leg.route,
                    shadow=shadow,
                    body=body,
                    content_type=content_type or "",
                    answer=prediction.body,
                    predict_s=leg.predict_s or 0.0,
                    timeout_s=timeout_s,
                    request_id=journey.request_id,
                    # Built now: what they are read from is not to wait in a queue.
                    headers=headers_of(request, journey) if is_remote(shadow.target.model_uri) else {},
                )
            )


def endpoint_of(settings: EndpointSettings, *, busy: Busy = nobody_is_busy, mishaps: Mishaps | None = None) -> Endpoint:
    """The endpoint that settings describe, its index built.

    Args:
        settings: What the configuration says.
        busy: How many requests a model has in flight.
        mishaps: Counts what goes wrong without failing a request; None: for this endpoint alone.
    """
    routes = tuple(
        Route(
            route.alias,
            tuple(Target(target.alias, target.model_uri, target.weight) for target in route.all_targets),
            route.condition,
            OnError(route.on_error or "no_match"),
            Balance(route.balance),
            route.sticky_on,
            Deny(route.deny.status, route.deny.message) if route.deny else None,
            route.fallback,
            route.timeout_s,
            _shadow(route.shadow) if route.shadow else None,
        )
        for route in settings.routes
    )
    return Endpoint(settings.name, routes, busy, mishaps=mishaps or Mishaps())


def _shadow(settings: ShadowSettings) -> Shadow:
    return Shadow(Target(settings.alias, settings.model_uri), settings.sample.fraction, settings.tolerance)
