"""Whatever routes there are and whatever their models do: who answers is who should, in time, and all leases end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import given, settings

from rulegate.answers import LEAST_S, Answers, Breakers, RequestDenied
from rulegate.condition import Request
from rulegate.journey import Journey
from rulegate.routing import Deny, Endpoint, Route, Target, decide
from rulegate.serving.errors import (
    ModelDied,
    ModelNotLoaded,
    PredictionFailed,
    PredictionTimeout,
    ResultNotEncodable,
    ServingError,
)
from rulegate.serving.models import Lease, ModelVersion, Prediction

TIME_S = 10.0

FAILURES = {
    "cannot be loaded": lambda: ModelNotLoaded("no"),
    "dies": lambda: ModelDied("no"),
    "raises": lambda: PredictionFailed("no", error_code="BAD_REQUEST", by_model=True),
    "refuses": lambda: PredictionFailed("no", error_code="BAD_REQUEST"),
    "returns an object": lambda: ResultNotEncodable("no", error_code="INTERNAL_ERROR"),
}


@dataclass(frozen=True)
class Part:
    """What the model of a route does, and how long that takes; a route that denies has none."""

    does: str
    takes_s: float
    timeout_s: float | None
    fallback: tuple[str, ...]


def parts(aliases: str) -> st.SearchStrategy[Part]:
    # Times whose sums are exact.
    seconds = st.integers(0, 96).map(lambda number: number / 8)
    return st.builds(
        Part,
        st.sampled_from(["answers", "denies", *FAILURES]),
        seconds,
        st.none() | seconds.filter(bool),
        st.lists(st.sampled_from(aliases), unique=True).map(tuple),
    )


casts = st.sampled_from(["a", "ab", "abcde"]).flatmap(lambda aliases: st.tuples(*(parts(aliases) for _ in aliases)))


class Models:
    """Models that play their parts, on a clock of their own, and count who is leased."""

    def __init__(self, cast: dict[str, Part]) -> None:
        self.cast = cast
        self.now_s = 0.0
        self.leased: Counter[str] = Counter()
        self.asked: list[str] = []

    def busy(self, model_uri: str) -> int:
        return self.leased[model_uri]

    def lease(self, model_uri: str, *, timeout_s: float) -> Lease:
        self.asked.append(model_uri)
        if self.cast[model_uri].does == "cannot be loaded":
            self.play(model_uri, timeout_s)
        self.leased[model_uri] += 1
        version = ModelVersion(model_uri, model_uri, model_uri)
        return Lease(version, 0.0, Playing(self, model_uri), lambda: self.leased.subtract([model_uri]))

    def play(self, name: str, timeout_s: float) -> Prediction:
        part = self.cast[name]
        self.now_s += min(part.takes_s, timeout_s)
        if part.takes_s > timeout_s:
            raise PredictionTimeout("too slow")
        if part.does in FAILURES:
            raise FAILURES[part.does]()
        return Prediction(name.encode(), "text/plain")


class Playing:
    def __init__(self, models: Models, name: str) -> None:
        self._models, self._name = models, name

    def predict(self, body, content_type, *, timeout_s, headers) -> Prediction:
        return self._models.play(self._name, timeout_s)


def in_order(cast: dict[str, Part], alias: str) -> list[str]:
    """A route, then its fallbacks, each with its own behind it, and none twice."""
    found = [alias]
    for one in cast[alias].fallback:
        found += [other for other in in_order_without(cast, one, found) if other not in found]
    return found


def in_order_without(cast: dict[str, Part], alias: str, met: list[str]) -> list[str]:
    if alias in met:
        return []
    found = [alias]
    for one in cast[alias].fallback:
        found += in_order_without(cast, one, [*met, *found])
    return found


def expected(cast: dict[str, Part]) -> tuple[str, list[str]]:
    """What comes of a request, as plainly as it can be said; and who is asked for it."""
    left_s, asked, first_failure = TIME_S, [], None
    for alias in in_order(cast, "a"):
        part = cast[alias]
        if first_failure is not None and left_s < LEAST_S:
            break
        if part.does == "denies":
            return "denied", asked
        asked.append(alias)
        allowed_s = min(left_s, part.timeout_s or left_s)
        left_s -= min(part.takes_s, allowed_s)
        does = "is too slow" if part.takes_s > allowed_s else part.does
        if does == "answers":
            return alias, asked
        first_failure = first_failure or does
        if first_failure == "refuses":
            break
    return first_failure, asked


@settings(deadline=None, max_examples=400)
@given(casts)
def test_who_answers_is_the_first_that_can_and_else_the_first_failure_does(chosen: tuple[Part, ...]):
    cast = dict(zip("abcde", chosen, strict=False))
    routes = [
        Route(
            alias,
            () if part.does == "denies" else (Target(alias, alias),),
            deny=Deny() if part.does == "denies" else None,
            fallback=() if part.does == "denies" else part.fallback,
            timeout_s=part.timeout_s,
        )
        for alias, part in cast.items()
    ]
    models = Models(cast)
    answers = Answers(models, Breakers(), clock=lambda: models.now_s)
    journey = Journey()
    try:
        decision = decide(Endpoint("e", tuple(routes)), Request())
        got = answers.answer(decision, b"{}", "application/json", journey, timeout_s=TIME_S).body.decode()
    except RequestDenied:
        got = "denied"
    except ServingError as error:
        kinds = {type(make()): does for does, make in FAILURES.items()} | {PredictionTimeout: "is too slow"}
        got = kinds[type(error)]
        if type(error) is PredictionFailed:
            got = "raises" if error.by_model else "refuses"
    outcome, asked = expected(cast)
    assert (got, models.asked) == (outcome, asked)
    assert models.now_s <= TIME_S
    assert not +models.leased
    answered = outcome in cast or outcome == "denied"
    assert [leg.route for leg in journey.legs][: len(asked)] == asked
    assert journey.leg is journey.legs[-1 if answered else 0]
