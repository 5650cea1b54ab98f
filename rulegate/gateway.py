"""The use case without HTTP: a request comes in, a decision is made, a model is leased, a prediction goes back."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace

from rulegate.condition import Request
from rulegate.config import Config, EndpointSettings, ShadowSettings
from rulegate.routing import Balance, Decision, Deny, Endpoint, OnError, Route, Shadow, Target, decide
from rulegate.serving.errors import ModelNotLoaded
from rulegate.serving.models import Parts, Prediction
from rulegate.serving.pool import ModelPool
from rulegate.serving.protocol import check_content_type


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


@dataclass(slots=True)
class Journey:
    """How far one request has come; filled on the way, so that a request that fails is known up to its failure.

    Durations are in seconds, and None for a part that was not reached.
    """

    endpoint: str | None = None
    route: str | None = None
    target: str | None = None
    model: str | None = None
    decide_s: float | None = None
    load_s: float | None = None
    predict_s: float | None = None


class _Leased:
    """Parts of an answer, and the lease that lasts as long as they come."""

    def __init__(self, parts: Parts, lease: contextlib.ExitStack) -> None:
        self._parts = parts
        self._lease = lease

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with self._lease:
            self._parts.close()


class Gateway:
    """Endpoints and the models behind them. Immutable but for the pool; safe to use from many threads.

    Args:
        config: A configuration without errors.
        models: Loads and keeps the models; without it the gateway decides but does not answer.
    """

    def __init__(self, config: Config, models: ModelPool | None = None) -> None:
        self._endpoints = {settings.name: endpoint_of(settings) for settings in config.endpoints}
        self._default = config.default_endpoint
        self._models = models

    @property
    def endpoint_names(self) -> tuple[str, ...]:
        """The names of all endpoints, in the order of the configuration."""
        return tuple(self._endpoints)

    def decide(self, endpoint: str | None, request: Request) -> Decision:
        """Which route of ``endpoint`` (None: the default one) answers this request. Needs no model.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            NoRouteMatched: If no condition matches and every route has one.
            ConditionFailed: If a condition errs on a route that wants the request to fail then.
            MalformedBodyError: If a condition reads a JSON body that is none.
        """
        return decide(self._endpoint(endpoint), request)

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
        """The prediction of the model that the conditions pick, within ``timeout_s`` seconds.

        Args:
            endpoint: The endpoint's name; None for the default one.
            request: What conditions read.
            body: The request's body as it came; the model process decodes it.
            content_type: The value of the header, or None.
            journey: Filled with what is known, also when this raises.
            timeout_s: How long it may take, loading included. An answer that comes in parts may take longer: this
                bounds the time to its first part, and what is left then the time to each of the others.

        Raises:
            UnsupportedContentType: If the scoring protocol does not know the content type.
            ServingError: If the model cannot be loaded, fails or is too slow.
            Exception: Those of `decide`.
        """
        begin = time.perf_counter()
        found = self._endpoint(endpoint)
        journey.endpoint = found.name
        check_content_type(content_type)
        try:
            decision = decide(found, request)
        finally:
            decided = time.perf_counter()
            journey.decide_s = decided - begin
        journey.route, journey.target = decision.route, decision.target
        if self._models is None or decision.model_uri is None:
            raise ModelNotLoaded("this gateway was made without models, or this route has none")
        with contextlib.ExitStack() as held:
            lease = held.enter_context(self._models.lease(decision.model_uri, timeout_s=timeout_s - (decided - begin)))
            journey.model, journey.load_s = lease.version.reference, lease.load_s
            leased = time.perf_counter()
            try:
                prediction = lease.predict(body, content_type or "", timeout_s=timeout_s - (leased - begin))
            finally:
                journey.predict_s = time.perf_counter() - leased
            if prediction.rest is None:
                return prediction
            # The model is in use until the last part has come, or nobody wants it any more.
            return replace(prediction, rest=_Leased(prediction.rest, held.pop_all()))

    def _endpoint(self, name: str | None) -> Endpoint:
        endpoint = self._endpoints.get(self._default if name is None else name)
        if endpoint is None:
            raise EndpointNotFound(name or "", tuple(self._endpoints))
        return endpoint


def endpoint_of(settings: EndpointSettings) -> Endpoint:
    """The endpoint that settings describe, its index built."""
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
    return Endpoint(settings.name, routes)


def _shadow(settings: ShadowSettings) -> Shadow:
    return Shadow(Target(settings.alias, settings.model_uri), settings.sample.fraction, settings.tolerance)
