"""Whoever waits in an event loop lets others run, gets what it waits for, and waits no longer than it may."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate import waiting
from rulegate.http_server import new_loop


def together(*works, after=None):
    """What the works return or raise that one loop runs beside each other; ``after`` is called when all have begun."""

    async def run():
        with ThreadPoolExecutor(4) as threads:
            tasks = [asyncio.ensure_future(waiting.run(work, threads)) for work in works]
            await asyncio.sleep(0)
            if after is not None:
                after()
            return await asyncio.gather(*tasks, return_exceptions=True)

    loop = new_loop()
    try:
        return loop.run_until_complete(run())
    finally:
        loop.close()


def elsewhere(work) -> None:
    threading.Thread(target=work).start()


def test_work_that_never_waits_is_done_at_once():
    assert together(lambda: 1, waiting.has_thread) == [1, False]


def test_an_error_is_raised_to_whoever_runs_the_work():
    box: waiting.Box[int] = waiting.Box()

    def late() -> None:
        box.take(10)
        raise KeyError("late")

    def early() -> None:
        raise KeyError("early")

    outcomes = together(late, early, after=lambda: box.put(1))
    assert [(type(outcome), outcome.args) for outcome in outcomes] == [(KeyError, ("late",)), (KeyError, ("early",))]


@given(st.lists(st.integers(), max_size=20), st.integers(0, 20), st.booleans())
def test_what_is_put_is_taken_in_its_order_whoever_comes_first(items, before, from_thread):
    box: waiting.Box[int] = waiting.Box()
    for item in items[:before]:
        box.put(item)

    def put() -> None:
        for item in items[before:]:
            box.put(item)

    (taken,) = together(lambda: [box.take(10) for _ in items], after=partial(elsewhere, put) if from_thread else put)
    assert taken == items


def test_those_who_wait_get_each_their_own():
    boxes: list[waiting.Box[int]] = [waiting.Box() for _ in range(1000)]

    def put() -> None:
        for number in reversed(range(1000)):
            boxes[number].put(number)

    assert together(*(partial(box.take, 10) for box in boxes), after=put) == list(range(1000))


def test_nothing_that_comes_is_told_in_time_and_others_run_meanwhile():
    box: waiting.Box[int] = waiting.Box()
    begin_s = time.monotonic()
    outcomes = together(*[partial(box.take, 0.05)] * 100)
    assert {type(outcome) for outcome in outcomes} == {waiting.Empty}
    assert 0.05 <= time.monotonic() - begin_s < 100 * 0.05


def test_what_comes_too_late_is_there_for_the_next():
    box: waiting.Box[int] = waiting.Box()

    def twice() -> int:
        with pytest.raises(waiting.Empty):
            box.take(0)
        box.put(1)
        return box.take(0)

    assert together(twice) == [1]


@pytest.mark.parametrize("in_loop", [True, False])
def test_the_outcome_of_a_future_is_awaited(in_loop):
    done: Future[int] = Future()
    failed: Future[int] = Future()
    never: Future[int] = Future()

    def end() -> None:
        done.set_result(1)
        failed.set_exception(KeyError())

    def all_three():
        with pytest.raises(FutureTimeout):
            waiting.result_of(never, 0.01)
        with pytest.raises(KeyError):
            waiting.result_of(failed, 10)
        return waiting.result_of(done, 10), waiting.result_of(done, 0)

    if in_loop:
        assert together(all_three, after=partial(elsewhere, end)) == [(1, 1)]
    else:
        elsewhere(end)
        assert all_three() == (1, 1)


def test_what_waits_otherwise_borrows_a_thread():
    barrier = threading.Barrier(4)
    assert together(*[partial(waiting.in_thread, partial(barrier.wait, 10))] * 4).sort() is None
    assert waiting.in_thread(threading.get_ident) == threading.get_ident(), "whoever has a thread borrows none"

    def fails() -> None:
        raise KeyError

    (failure,) = together(partial(waiting.in_thread, fails))
    assert isinstance(failure, KeyError)


def test_who_is_woken_when_the_loop_is_gone_is_lost_and_nobody_is_disturbed():
    box: waiting.Box[int] = waiting.Box()
    loop = new_loop()
    with ThreadPoolExecutor(1) as threads:
        task = loop.create_task(waiting.run(partial(box.take, 10), threads))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
        threads.submit(box.put, 1).result()
