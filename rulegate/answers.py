"""Has a decision answered: by the model that was picked, and where it cannot, by the route's fallbacks in their order.

A fallback is asked where the model in front of it cannot be had, does not answer in time, raises, or returns what
cannot be encoded; never where the request itself is wrong, as it would be wrong again. All share the request's time.
If no fallback answers either, the request ends with what was wrong first.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from rulegate.breaker import Attempt, Breaker, BreakerOpen, BreakerState
from rulegate.condition import BudgetExceededError, MalformedBodyError, Request
from rulegate.journey import Journey, Leg
from rulegate.routing import Decision, Deny, Route, Target
from rulegate.serving.errors import (
    CircuitOpen,
    ModelNotLoaded,
    ModelUnavailable,
    PredictionFailed,
    PredictionTimeout,
    RemoteBroken,
    ResultNotEncodable,
    ServingError,
)
from rulegate.serving.health import tell
from rulegate.serving.models import Headers, Lease, Models, Parts, Prediction
from rulegate.serving.protocol import check_content_type

LEAST_S: Final = 0.01
"""Seconds that must be left of a request's time for a fallback to be asked."""

FAIR_SHARE: Final = 0.5
"""Which part of its time a model must have had for a timeout to count against it: the rest may have gone elsewhere."""

Key = tuple[str, str, str, str]
"""A target: its endpoint, its route, its alias and its model URI."""


class RequestDenied(Exception):
    """The route refuses the request. ``deny`` says how."""

    def __init__(self, deny: Deny) -> None:
        super().__init__(deny.message)
        self.deny = deny


class Breakers:
    """A circuit breaker for each target that has been asked. Safe to use from many threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._breakers: dict[Key, Breaker] = {}

    def of(self, key: Key) -> Breaker:
        """The target's breaker."""
        breaker = self._breakers.get(key)
        if breaker is None:
            endpoint, route, target, _ = key
            name = f"the target `{target}` of the route `{route}` of `{endpoint}`"
            # One step of the interpreter: of two threads that make one, both get the same.
            breaker = self._breakers.setdefault(key, Breaker(name, clock=self._clock))
        return breaker

    def states(self) -> dict[Key, BreakerState]:
        """How each is now."""
        return {key: breaker.state() for key, breaker in self._breakers.copy().items()}

    def keep(self, keys: Collection[Key]) -> None:
        """Forgets those of all other targets."""
        for key in self._breakers.copy().keys() - keys:
            self._breakers.pop(key, None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks of whichever route answers it."""

    decision: Decision
    body: bytes
    content_type: str | None
    headers: Headers
    timeout_s: float
    until_s: float


class Answers:
    """Asks models for answers. Safe to use from many threads.

    Args:
        models: Loads and keeps the models; without it, all that is asked of one fails.
        breakers: Say which targets are not to be asked for a while.
        clock: Seconds that only grow; another one only in tests.
    """

    def __init__(
        self, models: Models | None, breakers: Breakers, *, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._models = models
        self._breakers = breakers
        self._clock = clock

    def answer(
        self, decision: Decision, body: bytes, content_type: str | None, journey: Journey, *, timeout_s: float
    ) -> Prediction:
        """The prediction of the target that was picked, or of the first fallback that can answer.

        Args:
            decision: Who is to answer.
            body: The request's body as it came.
            content_type: The value of the header, or None.
            journey: Gets a leg for each route that is tried.
            timeout_s: How long all of them may take together. An answer that comes in parts has begun by then.

        Raises:
            RequestDenied: If the route denies, or a fallback that is reached does.
            UnsupportedContentType: If the scoring protocol does not know the content type.
            ServingError: If neither the target nor a fallback can answer: what was wrong with the first.
            Exception: What kept a fallback from being asked at all, such as a malformed body, counts as its failure.
        """
        headers = partial(headers_of, decision.request, journey)
        asked = _Asked(decision, body, content_type, headers, timeout_s, self._clock() + timeout_s)
        first = Leg(decision.route)
        journey.legs.append(first)
        try:
            return self._ask(asked, decision.chosen, decision.chosen_target, first)
        except ServingError as error:
            first.error = failure = error
            if not decision.chosen.fallback or not _another_may_answer(error):
                raise
        for route in decision.asked.fallbacks(decision.chosen):
            if asked.until_s - self._clock() < LEAST_S:
                break
            leg = Leg(route.alias)
            journey.legs.append(leg)
            try:
                return self._ask(asked, route, None, leg)
            except (ServingError, MalformedBodyError, BudgetExceededError) as error:
                # The last two are of a sticky expression, which is this route's own.
                leg.error = error
        raise failure

    def _ask(self, asked: _Asked, route: Route, picked: Target | None, leg: Leg) -> Prediction:
        """The prediction of one route, within the time that is left and that the route allows."""
        if route.deny is not None:
            raise RequestDenied(route.deny)
        decision = asked.decision
        target = picked or decision.asked.balancer.pick(route, decision.request)
        leg.target = target.alias
        check_content_type(asked.content_type)
        if self._models is None:
            raise ModelNotLoaded("this gateway was made without models")
        begin_s = self._clock()
        until_s = asked.until_s if route.timeout_s is None else min(begin_s + route.timeout_s, asked.until_s)
        breaker = self._breakers.of((decision.endpoint, route.alias, target.alias, target.model_uri))
        with _allowed(breaker, target) as attempt:
            lease = self._models.lease(target.model_uri, timeout_s=until_s - begin_s)
            # Not a ``with`` block: the lease may outlast this.
            try:
                leg.model, leg.load_s = lease.version.reference, lease.load_s
                leased_s = self._clock()
                try:
                    prediction = lease.predict(
                        asked.body, asked.content_type or "", timeout_s=until_s - leased_s, headers=asked.headers
                    )
                except ServingError as error:
                    whole_s = min(route.timeout_s or math.inf, asked.timeout_s)
                    tell(attempt, error, had_enough=until_s - leased_s >= FAIR_SHARE * whole_s)
                    raise
                finally:
                    leg.predict_s = self._clock() - leased_s
            except BaseException:
                lease.give_back()
                raise
            attempt.succeeded()
        if prediction.rest is None:
            lease.give_back()
            return prediction
        # The model is in use until the last part has come, or nobody wants it any more.
        return replace(prediction, rest=_Leased(prediction.rest, lease))


class _Leased:
    """Parts of an answer, and the lease that lasts as long as they come."""

    def __init__(self, parts: Parts, lease: Lease) -> None:
        self._parts = parts
        self._lease: Lease | None = lease

    def __next__(self) -> bytes:
        try:
            return next(self._parts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            with lease:
                self._parts.close()


def headers_of(request: Request, journey: Journey) -> Mapping[str, str]:
    """What a model of another server may be told of a request."""
    ours = {"x-request-id": journey.request_id, "x-rulegate-via": journey.via}
    return {**request.folded_headers, **{name: value for name, value in ours.items() if value is not None}}


def _allowed(breaker: Breaker, target: Target) -> Attempt:
    try:
        return breaker.attempt()
    except BreakerOpen as error:
        raise CircuitOpen(
            f"{target.model_uri} has failed again and again, and is left alone for a while",
            retry_after_s=error.retry_after_s,
        ) from None


def _another_may_answer(error: ServingError) -> bool:
    match error:
        case ResultNotEncodable() | ModelUnavailable() | PredictionTimeout() | RemoteBroken():
            return True
        case PredictionFailed():
            return error.by_model
        case _:
            return False
