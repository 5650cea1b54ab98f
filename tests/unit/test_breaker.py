"""The circuit breaker: what opens it, for how long, and what closes it again."""

from __future__ import annotations

import contextlib
import logging
import threading

import pytest

from rulegate.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Breaker, BreakerOpen, Phase


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("m", clock=clock)


def succeed(breaker: Breaker) -> None:
    with breaker.attempt() as attempt:
        attempt.succeeded()


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with breaker.attempt() as attempt:
            attempt.failed()


def test_failures_in_a_row_open_it_and_nobody_may_try_then(breaker, clock):
    fail(breaker, FAILURES - 1)
    assert breaker.state().phase is Phase.CLOSED
    fail(breaker)
    state = breaker.state()
    assert (state.phase, state.failures, state.opened_at_s) == (Phase.OPEN, FAILURES, clock.now_s)
    clock.now_s += FIRST_PAUSE_S / 4
    with pytest.raises(BreakerOpen) as refused:
        breaker.attempt()
    assert refused.value.retry_after_s == pytest.approx(FIRST_PAUSE_S * 3 / 4)
    assert breaker.state().left_s == pytest.approx(FIRST_PAUSE_S * 3 / 4)


def test_a_success_between_failures_begins_the_count_anew(breaker):
    fail(breaker, FAILURES - 1)
    succeed(breaker)
    fail(breaker, FAILURES - 1)
    assert breaker.state().phase is Phase.CLOSED


def test_an_attempt_without_an_outcome_counts_as_nothing(breaker):
    fail(breaker, FAILURES - 1)
    with breaker.attempt():
        pass
    assert breaker.state().failures == FAILURES - 1
    with pytest.raises(ValueError, match="unforeseen"), breaker.attempt():
        raise ValueError("unforeseen")
    assert breaker.state().failures == FAILURES - 1


def test_after_the_pause_one_may_try_and_its_success_closes_it(breaker, clock):
    fail(breaker, FAILURES)
    clock.now_s += FIRST_PAUSE_S
    with breaker.attempt() as probe:
        assert breaker.state().phase is Phase.HALF_OPEN
        with pytest.raises(BreakerOpen):
            breaker.attempt()
        probe.succeeded()
    state = breaker.state()
    assert (state.phase, state.failures, state.opened_at_s) == (Phase.CLOSED, 0, None)
    succeed(breaker)


def test_each_probe_that_fails_doubles_the_pause_up_to_its_bound(breaker, clock):
    fail(breaker, FAILURES)
    opened_at_s = clock.now_s
    pauses_s = []
    for _ in range(8):
        pauses_s.append(breaker.state().left_s)
        clock.now_s += breaker.state().left_s
        fail(breaker)
    assert pauses_s == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    assert breaker.state().opened_at_s == opened_at_s
    clock.now_s += LONGEST_PAUSE_S
    succeed(breaker)
    fail(breaker, FAILURES)
    assert breaker.state().left_s == FIRST_PAUSE_S


def test_a_probe_without_an_outcome_lets_the_next_one_try(breaker, clock):
    fail(breaker, FAILURES)
    clock.now_s += FIRST_PAUSE_S
    with breaker.attempt():
        pass
    succeed(breaker)
    assert breaker.state().phase is Phase.CLOSED


def test_what_began_before_it_opened_says_nothing_any_more(breaker, clock):
    lucky, late = breaker.attempt(), breaker.attempt()
    fail(breaker, FAILURES)
    lucky.succeeded()
    assert breaker.state().phase is Phase.OPEN
    clock.now_s += FIRST_PAUSE_S
    probe = breaker.attempt()
    late.failed()
    assert breaker.state().phase is Phase.HALF_OPEN
    probe.succeeded()
    assert breaker.state().phase is Phase.CLOSED


def test_what_fails_all_requests_at_once_is_one_failure(breaker):
    under_way = [breaker.attempt() for _ in range(3 * FAILURES)]
    for attempt in under_way:
        attempt.failed(shared=True)
    assert breaker.state().failures == 1
    for _ in range(FAILURES - 1):
        with breaker.attempt() as attempt:
            attempt.failed(shared=True)
    assert breaker.state().phase is Phase.OPEN


def test_only_the_first_outcome_counts(breaker):
    attempt = breaker.attempt()
    for _ in range(FAILURES):
        attempt.failed()
    attempt.succeeded()
    assert breaker.state().failures == 1


def test_it_is_logged_when_it_opens_and_when_it_closes(breaker, clock, caplog):
    with caplog.at_level(logging.INFO, "rulegate.breaker"):
        fail(breaker, FAILURES)
        clock.now_s += FIRST_PAUSE_S
        succeed(breaker)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "m has failed 5 times in a row; it is left alone for 1 s"),
        ("INFO", "m answers again"),
    ]


def test_of_many_threads_that_ask_at_once_one_is_the_probe(breaker, clock):
    fail(breaker, FAILURES)
    clock.now_s += FIRST_PAUSE_S
    together = threading.Barrier(16)
    let_through = []

    def ask() -> None:
        together.wait()
        with contextlib.suppress(BreakerOpen):
            let_through.append(breaker.attempt())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_through) == 1


def test_however_many_threads_ask_each_pause_lets_one_through_and_its_success_all(breaker, clock):
    fail(breaker, FAILURES)
    threads, rounds = 8, 30
    together, let_through = threading.Barrier(threads), []

    def ask() -> None:
        for number in range(rounds):
            together.wait()
            probe = None
            with contextlib.suppress(BreakerOpen):
                probe = breaker.attempt()
            # Nobody's outcome is known before all have asked.
            together.wait()
            if probe is not None:
                let_through.append(number)
                (probe.succeeded if number == rounds - 2 else probe.failed)()
            if together.wait() == 0:
                clock.now_s += LONGEST_PAUSE_S

    clock.now_s += LONGEST_PAUSE_S
    askers = [threading.Thread(target=ask) for _ in range(threads)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(let_through) == [*range(rounds - 1), *[rounds - 1] * threads]
    assert breaker.state().phase is Phase.OPEN, "they all failed"


def test_outcomes_that_arrive_at_once_from_many_threads_are_all_counted_and_none_twice(breaker):
    together = threading.Barrier(FAILURES - 1)

    def run() -> None:
        attempt = breaker.attempt()
        together.wait()
        attempt.failed()
        attempt.failed()

    for _ in range(50):
        threads = [threading.Thread(target=run) for _ in range(FAILURES - 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (breaker.state().phase, breaker.state().failures) == (Phase.CLOSED, FAILURES - 1)
        succeed(breaker)
        assert breaker.state().failures == 0
