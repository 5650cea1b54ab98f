"""Who is asked after whom, for how long, and what counts against a target's health."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rulegate.answers import FAIR_SHARE, LEAST_S, Answers, Breakers, RequestDenied
from rulegate.breaker import FAILURES, FIRST_PAUSE_S, Phase
from rulegate.condition import Request, compile_condition
from rulegate.journey import Journey
from rulegate.routing import Balance, Deny, Endpoint, Route, Target, decide
from rulegate.serving.errors import (
    CircuitOpen,
    ModelBroken,
    ModelDied,
    ModelNotResolved,
    PredictionFailed,
    PredictionTimeout,
    ResultNotEncodable,
    ServingError,
    UnsupportedContentType,
)
from rulegate.serving.models import Headers, ModelVersion, Prediction
from rulegate.serving.pool import ModelPool, PoolSettings

REFUSED = PredictionFailed("the request is wrong", error_code="BAD_REQUEST")
RAISED = PredictionFailed("it raised", error_code="BAD_REQUEST", by_model=True)
NOT_ENCODABLE = ResultNotEncodable("what is this", error_code="INTERNAL_ERROR")
DIED = ModelDied("its process ended")
SLOW = PredictionTimeout("it did not answer in time")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Parts:
    """Two parts that follow a first one, or one and an error."""

    def __init__(self, error: Exception | None) -> None:
        self._error, self._taken, self.closed = error, 0, False

    def __next__(self) -> bytes:
        self._taken += 1
        if self._taken == 2 and self._error:
            raise self._error
        if self._taken > 2:
            raise StopIteration
        return b"more"

    def close(self) -> None:
        self.closed = True


class Models:
    """A registry and a backend whose models do what the test says; who is asked how, in `asked`."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.behaviour: dict[str, Callable[[float], Prediction]] = {}
        self.failures: dict[str, Exception] = {}
        self.asked: list[tuple[str, float]] = []

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        if model_uri == "unknown":
            raise ModelNotResolved("there is no such model")
        return ModelVersion(model_uri, model_uri, model_uri)

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path("/nowhere")

    def release(self, version: ModelVersion) -> None:
        pass

    def discard(self, version: ModelVersion) -> None:
        pass

    def load(self, version: ModelVersion, folder: Path, **_rest) -> Model:
        if version.reference == "broken":
            raise ModelBroken("its code fails")
        return Model(self, version.reference)


class Model:
    def __init__(self, models: Models, name: str) -> None:
        self._models, self._name = models, name

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        self._models.asked.append((self._name, round(timeout_s, 6)))
        if self._name in self._models.failures:
            raise self._models.failures[self._name]
        return self._models.behaviour.get(self._name, lambda _: Prediction(self._name.encode(), "text/plain"))(
            timeout_s
        )

    def memory_bytes(self) -> int:
        return 1

    def close(self) -> None:
        pass


class World:
    """Routes named by single letters, each with the model of its name, asked through `Answers`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.models = Models(self.clock)
        self.pool = ModelPool(self.models, self.models, PoolSettings())
        self.breakers = Breakers(clock=self.clock)
        self.answers = Answers(self.pool, self.breakers, clock=self.clock)
        self.journey = Journey()

    def ask(self, *routes: Route, timeout_s: float = 10.0, content_type: str = "application/json") -> Prediction:
        self.journey = Journey()
        self.models.asked.clear()
        decision = decide(Endpoint("e", routes), Request())
        return self.answers.answer(decision, b"{}", content_type, self.journey, timeout_s=timeout_s)

    def hang(self, name: str) -> None:
        """Has a model take all the time that it is given, and not answer."""

        def take_all(timeout_s: float) -> Prediction:
            self.clock.now_s += timeout_s
            raise SLOW

        self.models.behaviour[name] = take_all

    def take(self, name: str, seconds: float, error: ServingError) -> None:
        """Has a model fail after a time."""

        def fail(_timeout_s: float) -> Prediction:
            self.clock.now_s += seconds
            raise error

        self.models.behaviour[name] = fail

    def phase(self, route: str) -> Phase:
        return self.breakers.of(("e", route, route, route)).state().phase

    def failures(self, route: str) -> int:
        return self.breakers.of(("e", route, route, route)).state().failures


@pytest.fixture
def world() -> World:
    return World()


def route(alias: str, *fallback: str, **rest) -> Route:
    return Route(alias, () if "deny" in rest else (Target(alias, alias),), fallback=fallback, **rest)


@pytest.mark.parametrize("error", [DIED, SLOW, RAISED, NOT_ENCODABLE], ids=lambda error: type(error).__name__)
def test_a_fallback_answers_where_the_model_fails(world, error):
    world.models.failures["a"] = error
    assert world.ask(route("a", "b"), route("b")).body == b"b"
    assert world.journey.leg.route == world.journey.leg.target == world.journey.leg.model == "b"
    assert [(leg.route, leg.model, leg.error) for leg in world.journey.passed] == [("a", "a", error)]
    assert world.journey.in_vain == []


def test_who_was_picked_is_asked_and_nobody_is_picked_again(world):
    both = Route("r", (Target("x", "x"), Target("y", "y")), balance=Balance.ROUND_ROBIN)
    asked = Endpoint("e", (both,))
    for _ in range(4):
        decision = decide(asked, Request())
        prediction = world.answers.answer(decision, b"{}", "application/json", Journey(), timeout_s=1)
        assert prediction.body.decode() == decision.target


@pytest.mark.parametrize("name", ["unknown", "broken"])
def test_a_fallback_answers_where_the_model_cannot_be_had(world, name):
    assert world.ask(route(name, "b"), route("b")).body == b"b"
    assert [(leg.route, leg.model) for leg in world.journey.passed] == [(name, None)]


def test_a_fallback_is_not_asked_what_is_wrong_for_the_model_itself(world):
    world.models.failures["a"] = REFUSED
    with pytest.raises(PredictionFailed, match="the request is wrong"):
        world.ask(route("a", "b"), route("b"))
    assert [name for name, _ in world.models.asked] == ["a"]
    assert (world.journey.leg.route, world.journey.passed, world.journey.in_vain) == ("a", [], [])


def test_a_content_type_that_nobody_knows_is_refused_before_any_model_is_asked(world):
    with pytest.raises(UnsupportedContentType):
        world.ask(route("a", "b"), route("b"), content_type="text/html")
    assert world.models.asked == []
    assert world.journey.leg.target == "a"


def test_fallbacks_are_tried_in_order_until_one_answers(world):
    world.models.failures |= {"a": DIED, "b": RAISED, "c": NOT_ENCODABLE}
    routes = [route("a", "b", "d"), route("b", "c"), route("c"), route("d"), route("e")]
    assert world.ask(*routes).body == b"d"
    assert [name for name, _ in world.models.asked] == ["a", "b", "c", "d"]
    assert [leg.error for leg in world.journey.passed] == [DIED, RAISED, NOT_ENCODABLE]


def test_where_none_answers_the_request_ends_with_what_was_wrong_first(world):
    world.models.failures |= {"a": DIED, "b": REFUSED, "c": SLOW}
    with pytest.raises(ModelDied):
        world.ask(route("a", "b", "c"), route("b"), route("c"))
    assert (world.journey.leg.route, world.journey.leg.error, world.journey.passed) == ("a", DIED, [])
    assert [(leg.route, leg.error) for leg in world.journey.in_vain] == [("b", REFUSED), ("c", SLOW)]


def test_a_route_that_denies_asks_no_model_whatever_the_content_type(world):
    with pytest.raises(RequestDenied, match="go away") as denied:
        world.ask(route("a", deny=Deny(451, "go away")), content_type="text/html")
    assert denied.value.deny.status == 451
    assert (world.journey.leg.route, world.journey.leg.target, world.models.asked) == ("a", None, [])


def test_a_fallback_that_denies_ends_the_request(world):
    world.models.failures["a"] = DIED
    with pytest.raises(RequestDenied):
        world.ask(route("a", "b", "c"), route("b", deny=Deny()), route("c"))
    assert (world.journey.leg.route, [leg.route for leg in world.journey.passed]) == ("b", ["a"])


def test_a_fallback_whose_sticky_expression_cannot_read_the_body_counts_as_failed(world):
    world.models.failures["a"] = DIED
    sticky = Route("b", (Target("x", "x"), Target("y", "y")), sticky_on=compile_condition("request.json['id']"))
    routes = (route("a", "b", "c"), sticky, route("c"))
    decision = decide(Endpoint("e", routes), Request.from_body(b"{", content_type="application/json"))
    assert world.answers.answer(decision, b"{", "application/json", world.journey, timeout_s=1).body == b"c"
    assert [leg.route for leg in world.journey.passed] == ["a", "b"]


# Time


def test_a_model_has_the_requests_time_or_that_of_its_route_if_that_is_less(world):
    for timeout_s, given_s in ((None, 10.0), (3.0, 3.0), (30.0, 10.0)):
        world.ask(route("a", timeout_s=timeout_s))
        assert world.models.asked == [("a", given_s)]


def test_all_share_the_requests_time(world):
    world.hang("a")
    world.take("b", 1.5, DIED)
    world.ask(route("a", "b", "c", timeout_s=2.0), route("b"), route("c", timeout_s=20.0))
    assert world.models.asked == [("a", 2.0), ("b", 8.0), ("c", 6.5)]


def test_a_fallback_that_would_have_no_time_is_not_asked(world):
    world.hang("a")
    with pytest.raises(PredictionTimeout):
        world.ask(route("a", "b"), route("b"))
    assert [name for name, _ in world.models.asked] == ["a"]
    # To load it takes a thread, for which a busy machine may need longer than the time that is left below.
    world.ask(route("b"))
    world.take("a", 10.0 - LEAST_S, DIED)
    assert world.ask(route("a", "b"), route("b")).body == b"b"


# Parts


def test_an_answer_in_parts_falls_back_before_its_first_part_and_never_after(world):
    parts = Parts(DIED)
    world.models.behaviour["a"] = lambda _: Prediction(b"first", "text/event-stream", parts)
    prediction = world.ask(route("a", "b"), route("b"))
    assert world.pool.busy("a") == 1
    assert next(prediction.rest) == b"more"
    with pytest.raises(ModelDied):
        next(prediction.rest)
    assert [name for name, _ in world.models.asked] == ["a"]
    prediction.rest.close()
    assert (world.pool.busy("a"), parts.closed) == (0, True)
    world.models.failures["a"] = DIED
    assert world.ask(route("a", "b"), route("b")).body == b"b"


# Health


def fail(world: World, times: int = FAILURES, *, timeout_s: float = 10.0, **rest) -> None:
    for _ in range(times):
        with contextlib.suppress(ServingError):
            world.ask(route("a", **rest), timeout_s=timeout_s)


@pytest.mark.parametrize("error", [DIED, SLOW], ids=lambda error: type(error).__name__)
def test_a_target_that_fails_again_and_again_is_left_alone_then_tried_again(world, error):
    world.models.failures["a"] = error
    fail(world)
    assert world.phase("a") is Phase.OPEN
    with pytest.raises(CircuitOpen) as refused:
        world.ask(route("a"))
    assert refused.value.retry_after_s == FIRST_PAUSE_S
    assert world.models.asked == []
    assert world.ask(route("a", "b"), route("b")).body == b"b"
    assert [type(leg.error) for leg in world.journey.passed] == [CircuitOpen]
    world.clock.now_s += FIRST_PAUSE_S
    del world.models.failures["a"]
    assert world.ask(route("a", "b"), route("b")).body == b"a"
    assert world.phase("a") is Phase.CLOSED


@pytest.mark.parametrize("error", [REFUSED, RAISED, NOT_ENCODABLE], ids=["refused", "raised", "not encodable"])
def test_a_model_that_answers_is_well_whatever_it_answers(world, error):
    world.models.failures["a"] = DIED
    fail(world, FAILURES - 1)
    assert world.failures("a") == FAILURES - 1
    world.models.failures["a"] = error
    fail(world, 1)
    assert world.failures("a") == 0


def test_a_model_that_cannot_be_had_is_left_to_the_pool(world):
    for name in ("unknown", "broken"):
        for _ in range(2 * FAILURES):
            with pytest.raises((ModelNotResolved, ModelBroken)):
                world.ask(route(name))
        assert world.failures(name) == 0


def test_a_timeout_counts_only_where_the_model_had_its_time(world):
    world.models.failures["a"] = SLOW
    world.take("b", 10.0 * FAIR_SHARE + 1.0, DIED)
    for _ in range(2 * FAILURES):
        # Little of the request's time is left when the fallback is asked.
        with pytest.raises(ModelDied):
            world.ask(route("b", "a"), route("a"))
        world.clock.now_s += 100
    assert world.failures("a") == 0
    fail(world, 1, timeout_s=0.5)
    assert world.failures("a") == 1
    # A route that gives its model little gives it all of that.
    world.ask(route("a", "c", timeout_s=0.1), route("c"))
    assert world.failures("a") == 2


def test_requests_that_end_with_one_process_are_one_failure(world):
    under_way = 0

    def die_together(_timeout_s: float) -> Prediction:
        nonlocal under_way
        under_way += 1
        if under_way < 2 * FAILURES:
            with contextlib.suppress(ModelDied):
                world.ask(route("a"))
        raise DIED

    world.models.behaviour["a"] = die_together
    with pytest.raises(ModelDied):
        world.ask(route("a"))
    assert (under_way, world.failures("a")) == (2 * FAILURES, 1)


def test_what_is_known_of_targets_is_kept_for_those_that_there_still_are(world):
    world.models.failures["a"] = DIED
    fail(world)
    world.ask(route("b"))
    world.breakers.keep({("e", "a", "a", "a")})
    assert {key: state.phase for key, state in world.breakers.states().items()} == {("e", "a", "a", "a"): Phase.OPEN}
    world.breakers.keep(())
    assert world.breakers.states() == {}
