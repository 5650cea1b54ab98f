"""Decision services: what they are told, when they are asked, and what holds where they have no answer."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from rulegate.breaker import FAILURES, FIRST_PAUSE_S, Phase
from rulegate.condition import (
    BudgetExceededError,
    EvaluationError,
    ExternalUnavailableError,
    MalformedBodyError,
    Request,
    compile_condition,
    compile_expression,
)
from rulegate.external import Answered, Default, Fault, NoAnswer, Service, Services, ServiceSettings
from rulegate.external.cache import MAX_ANSWERS, MAX_BYTES

FOREVER = float("inf")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Source:
    """Answers questions by a function, and remembers what was asked and how much time there was."""

    def __init__(self, clock: Clock, answer: Callable[[Any], Any] = lambda question: question) -> None:
        self.clock = clock
        self.answer = answer
        self.questions: list[bytes] = []
        self.times_s: list[float] = []

    def ask(self, question: bytes, *, until_s: float) -> Answered:
        self.questions.append(question)
        self.times_s.append(until_s - self.clock())
        value = self.answer(json.loads(question))
        if isinstance(value, NoAnswer):
            raise value
        return Answered(value, len(json.dumps(value)))


def settings(**others: Any) -> ServiceSettings:
    inputs = others.pop("inputs", {"user": "request.headers.get('X-User')"})
    compiled = {name: compile_expression(text) for name, text in inputs.items()}
    facts = {"name": "risk", "url": "http://a", "headers": {}, "timeout_s": 0.05} | others
    return ServiceSettings(inputs=compiled, **facts)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> Source:
    return Source(clock)


def ask(service: Service, **headers: str) -> Any:
    return service.answer(Request(headers=headers), until_s=FOREVER)


def dead(fault: Fault = Fault.UNREACHABLE, **others: Any) -> Callable[[Any], NoAnswer]:
    return lambda _: NoAnswer(fault, "it is dead", **others)


# What it is told


def test_a_service_is_told_the_values_of_its_inputs(clock: Clock, source: Source):
    inputs = {"z": "request.json['a']", "a": "request.method", "é": "(1, 'x')", "half": "request.json['half']"}
    service = Service(settings(inputs=inputs), source, clock=clock)
    request = Request(json={"a": {"c": 1, "b": None}, "half": "\ud800"})
    assert service.answer(request, until_s=FOREVER) == {
        "z": {"c": 1, "b": None}, "a": "POST", "é": [1, "x"], "half": "\ud800",
    }  # fmt: skip
    assert source.questions == [b'{"a":"POST","half":"\\ud800","z":{"b":null,"c":1},"\\u00e9":[1,"x"]}']


def test_a_service_without_inputs_is_told_an_empty_object(clock: Clock, source: Source):
    assert ask(Service(settings(inputs={}), source, clock=clock)) == {}


def unavailable(service: Service, request: Request) -> str:
    with pytest.raises(ExternalUnavailableError) as raised:
        service.answer(request, until_s=FOREVER)
    assert raised.value.name == "risk"
    return raised.value.reason


@pytest.mark.parametrize(
    ("text", "request_of", "reason"),
    [
        ("request.headers['X-User']", {}, "its input `user` erred: `request.headers['X-User']`: "),
        ("{'a', 'b'}", {}, "its input `user` is a value that JSON does not have"),
        ("request.json", {"json": float("nan")}, "its input `user` is a value that JSON does not have"),
        ("request.json", {"json": 10**5000}, "its input `user` is a value that JSON does not have"),
        ("request.json", {"json": "x" * 1024**2}, "its input is larger than 1 MiB"),
    ],
)
def test_an_input_that_cannot_be_told_makes_the_reading_err_and_asks_nobody(
    clock: Clock, source: Source, text: str, request_of: dict[str, Any], reason: str
):
    service = Service(settings(inputs={"user": text}, default=Default("gold")), source, clock=clock)
    assert unavailable(service, Request(**request_of)).startswith(reason)
    assert source.questions == []
    assert (service.figures().unasked, service.figures().failed) == (1, {})


def test_what_fails_a_request_in_a_condition_fails_it_in_an_input(clock: Clock, source: Source):
    service = Service(settings(inputs={"user": "request.json"}, default=Default(1)), source, clock=clock)
    broken = Request.from_body(b"{", content_type="application/json")
    with pytest.raises(MalformedBodyError):
        service.answer(broken, until_s=FOREVER)
    costly = "sum(sum(b for b in request.json) for a in request.json)"
    service = Service(settings(inputs={"user": costly}, default=Default(1)), source, clock=clock)
    with pytest.raises(BudgetExceededError):
        service.answer(Request(json=[1.5] * 10_000), until_s=FOREVER)
    assert source.questions == []


# Where it has no answer


@pytest.mark.parametrize("fault", Fault)
def test_without_an_answer_the_default_holds_or_the_reading_errs(clock: Clock, source: Source, fault: Fault):
    source.answer = dead(fault)
    assert unavailable(Service(settings(), source, clock=clock), Request()) == "it is dead"
    assert ask(Service(settings(default=Default(None)), source, clock=clock)) is None
    service = Service(settings(default=Default({"tier": "free"})), source, clock=clock)
    assert ask(service) == {"tier": "free"}
    assert (service.figures().asked, service.figures().failed, service.figures().defaulted) == (1, {fault: 1}, 1)


def test_a_service_that_fails_again_and_again_is_left_alone_and_asked_again_later(clock: Clock, source: Source):
    service = Service(settings(default=Default("default")), source, clock=clock)
    source.answer = dead()
    for _ in range(FAILURES + 3):
        assert ask(service) == "default"
    assert len(source.questions) == FAILURES
    figures = service.figures()
    assert figures.breaker.phase is Phase.OPEN
    assert figures.failed == {Fault.UNREACHABLE: FAILURES, Fault.LEFT_ALONE: 3}
    source.answer = lambda _: "answer"
    assert ask(service) == "default"
    clock.now_s += FIRST_PAUSE_S
    assert [ask(service), ask(service)] == ["answer", "answer"]
    assert service.figures().breaker.phase is Phase.CLOSED


def test_a_service_that_refuses_or_has_no_answer_is_well(clock: Clock, source: Source):
    source.answer = dead(Fault.UNDEFINED, is_ill=False)
    service = Service(settings(default=Default(1)), source, clock=clock)
    for _ in range(FAILURES + 1):
        ask(service)
    assert len(source.questions) == FAILURES + 1


def test_a_service_has_its_own_time_and_no_more_than_the_request_has_left(clock: Clock, source: Source):
    service = Service(settings(timeout_s=2.0, default=Default(1)), source, clock=clock)
    source.answer = dead(Fault.TIMEOUT)
    service.answer(Request(), until_s=clock() + 10)
    for _ in range(FAILURES):
        service.answer(Request(), until_s=clock() + 0.5)
    assert source.times_s == [pytest.approx(2.0), *[pytest.approx(0.5)] * FAILURES]
    assert service.figures().breaker.failures == 1, "it is no fault of the service that a request has less time"


def test_that_a_service_fails_is_said_once_and_that_it_is_back(
    clock: Clock, source: Source, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "rulegate.external")
    service = Service(settings(default=Default(1)), source, clock=clock)
    source.answer = dead()
    for _ in range(3):
        ask(service)
    source.answer = dead(Fault.UNDEFINED, is_ill=False)
    ask(service)
    source.answer = lambda _: 1
    ask(service)
    ask(service)
    assert [record.getMessage() for record in caplog.records] == [
        "the decision service `risk` has no answer: it is dead",
        "the decision service `risk` answers again",
    ]


# What is remembered


def test_without_a_cache_every_request_asks(clock: Clock, source: Source):
    service = Service(settings(), source, clock=clock)
    for _ in range(3):
        ask(service)
    assert (service.figures().asked, service.figures().cached) == (3, 0)


def test_an_answer_is_used_again_for_the_same_input_and_no_longer_than_it_may(clock: Clock, source: Source):
    service = Service(settings(cache_s=30.0), source, clock=clock)
    assert ask(service, **{"X-User": "a"}) == ask(service, **{"X-User": "a"}) == {"user": "a"}
    assert ask(service, **{"X-User": "b"}) == {"user": "b"}
    clock.now_s += 29.9
    ask(service, **{"X-User": "a"})
    assert len(source.questions) == 2
    clock.now_s += 0.1
    ask(service, **{"X-User": "a"})
    assert len(source.questions) == 3
    assert (service.figures().cached, service.figures().kept) == (2, 2)


def test_the_same_object_in_another_order_is_the_same_input_and_one_is_not_true(clock: Clock, source: Source):
    service = Service(settings(cache_s=30.0, inputs={"it": "request.json"}), source, clock=clock)
    for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, 1, True, 1.0, "1"):
        assert service.answer(Request(json=value), until_s=FOREVER) == {"it": value}
    assert len(source.questions) == 5


def test_that_there_is_no_answer_is_not_remembered(clock: Clock, source: Source):
    service = Service(settings(cache_s=30.0, default=Default("default")), source, clock=clock)
    source.answer = dead()
    assert ask(service) == "default"
    source.answer = lambda _: "answer"
    assert ask(service) == "answer"


def test_what_is_remembered_holds_while_the_service_is_left_alone(clock: Clock, source: Source):
    service = Service(settings(cache_s=30.0, default=Default("default")), source, clock=clock)
    ask(service, **{"X-User": "known"})
    source.answer = dead()
    for number in range(FAILURES):
        ask(service, **{"X-User": str(number)})
    assert ask(service, **{"X-User": "known"}) == {"user": "known"}
    assert ask(service, **{"X-User": "unknown"}) == "default"


def test_as_many_answers_are_kept_as_may_be_those_last_used(clock: Clock, source: Source):
    service = Service(settings(cache_s=30.0), source, clock=clock)
    for number in range(MAX_ANSWERS):
        ask(service, **{"X-User": str(number)})
    ask(service, **{"X-User": "0"})
    ask(service, **{"X-User": "one more"})
    assert service.figures().kept == MAX_ANSWERS
    asked = len(source.questions)
    ask(service, **{"X-User": "0"})
    assert len(source.questions) == asked
    ask(service, **{"X-User": "1"})
    assert len(source.questions) == asked + 1


def test_large_answers_are_kept_within_a_bound_of_their_own(clock: Clock, source: Source):
    source.answer = lambda _: "x" * 1024**2
    service = Service(settings(cache_s=30.0), source, clock=clock)
    for number in range(40):
        ask(service, **{"X-User": str(number)})
    assert service.figures().kept == MAX_BYTES // 1024**2 - 1


def test_an_answer_that_is_larger_than_all_may_be_is_not_kept_and_displaces_none(clock: Clock, source: Source):
    source.answer = lambda question: "x" * MAX_BYTES if question["user"] == "large" else "small"
    service = Service(settings(cache_s=30.0), source, clock=clock)
    for user in ("one", "large", "large", "one"):
        ask(service, **{"X-User": user})
    assert (service.figures().kept, service.figures().asked, service.figures().cached) == (1, 3, 1)


def test_an_answer_that_is_replaced_is_not_counted_twice(clock: Clock, source: Source):
    source.answer = lambda _: "x" * (MAX_BYTES // 2)
    service = Service(settings(cache_s=30.0), source, clock=clock)
    for _ in range(4):
        ask(service)
        clock.now_s += 31
    assert service.figures().kept == 1


def several(count: int, what: Callable[[], Any]) -> list[Any]:
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(what())
        except ExternalUnavailableError as error:
            results.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("outcome", ["answer", NoAnswer(Fault.TIMEOUT, "it is dead")], ids=["answer", "failure"])
def test_many_who_want_to_know_the_same_ask_once(outcome: Any):
    begun, waiting, count = threading.Event(), threading.Semaphore(0), 8

    class Slow(Source):
        def ask(self, question: bytes, *, until_s: float) -> Answered:
            begun.set()
            for _ in range(count):
                assert waiting.acquire(timeout=30)
            return super().ask(question, until_s=until_s)

    clock = Clock()
    slow = Slow(clock, lambda _: outcome)
    service = Service(settings(cache_s=30.0, timeout_s=60.0), slow, clock=clock)

    def one() -> Any:
        waiting.release()
        return ask(service)

    expected = outcome if isinstance(outcome, str) else "it is dead"
    assert several(count, one) == [expected] * count
    assert len(slow.questions) <= (1 if expected == "answer" else count)
    assert begun.is_set()


def test_who_waits_for_the_question_of_another_waits_no_longer_than_its_own_time():
    begun, go_on = threading.Event(), threading.Event()

    class Slow(Source):
        def ask(self, question: bytes, *, until_s: float) -> Answered:
            begun.set()
            assert go_on.wait(30)
            return super().ask(question, until_s=until_s)

    clock = Clock()
    service = Service(settings(cache_s=30.0, timeout_s=60.0), Slow(clock), clock=clock)
    first = threading.Thread(target=ask, args=(service,))
    first.start()
    assert begun.wait(30)
    with pytest.raises(ExternalUnavailableError, match="it did not answer in time"):
        service.answer(Request(), until_s=clock() + 0.01)
    go_on.set()
    first.join()


# The services of a configuration


def test_a_service_is_asked_once_a_request_and_only_by_a_condition_that_is_reached(clock: Clock, source: Source):
    services = Services([settings()], lambda _: source)

    def asking(name: str, request: Request) -> Any:
        return services.answer(name, request, until_s=FOREVER)

    request = Request.from_body(b"{}", ask=asking, headers={"X-User": "a"})
    known = frozenset({"risk"})
    assert not compile_condition("request.method == 'GET' and external['risk']['user'] == 'a'", external=known).matches(
        request
    )
    assert source.questions == []
    for _ in range(3):
        assert compile_condition("external['risk']['user'] == 'a'", external=known).matches(request)
        assert compile_condition("external['risk']['user'] == 'a'", external=known).matches(request.afresh())
    assert source.questions == [b'{"user":"a"}']


def test_a_request_that_has_ended_asks_nobody(source: Source):
    services = Services([settings()], lambda _: source)
    request = Request.from_body(b"{}", ask=lambda name, one: services.answer(name, one, until_s=FOREVER))
    answers = request.external
    del request
    with pytest.raises(ExternalUnavailableError, match="the request has ended"):
        answers["risk"]


def test_an_unknown_service_has_no_answer(source: Source):
    with pytest.raises(ExternalUnavailableError, match="there is no such service"):
        Services([], lambda _: source).answer("risk", Request(), until_s=FOREVER)


def test_the_message_of_a_condition_tells_why_there_is_no_answer(clock: Clock, source: Source):
    source.answer = dead()
    services = Services([settings()], lambda _: source)
    request = Request.from_body(b"{}", ask=lambda name, one: services.answer(name, one, until_s=FOREVER))
    condition = compile_condition("external['risk'] == 1", external=frozenset({"risk"}))
    with pytest.raises(EvaluationError, match="the decision service `risk` has no answer: it is dead"):
        condition.value(request)


@pytest.mark.parametrize(
    "change",
    [
        {"url": "http://b"},
        {"headers": {"a": "b"}},
        {"timeout_s": 1.0},
        {"cache_s": 10.0},
        {"default": Default(True)},
        {"default": None},
        {"inputs": {"user": compile_expression("request.method")}},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_service_that_another_configuration_describes_alike_keeps_what_it_knows(change: dict[str, Any]):
    def described() -> ServiceSettings:
        return settings(cache_s=30.0, default=Default(1))

    clock = Clock()
    before = Services([described()], lambda _: Source(clock))
    assert before.answer("risk", Request(), until_s=FOREVER) == {"user": None}
    same = Services([described()], lambda _: Source(clock), before)
    assert [figures.kept for figures in same.figures()] == [1]
    other = Services([replace(described(), **change)], lambda _: Source(clock), same)
    assert [figures.kept for figures in other.figures()] == [0]


def test_secrets_are_not_shown():
    shown = repr(settings(url="http://a?key=secret", headers={"authorization": "secret"}))
    assert "secret" not in shown
