"""Copies for shadows: sampled, bounded, dropped first, recorded, and nobody's answer waits for one."""

from __future__ import annotations

import logging
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.breaker import FAILURES, FIRST_PAUSE_S
from rulegate.routing import Shadow, Target
from rulegate.serving.errors import ModelDied, ModelOverloaded, NoMemoryForModel, PredictionFailed, PredictionTimeout
from rulegate.serving.models import Prediction
from rulegate.shadowing import Copy, Dropped, Outcome, Shadows
from rulegate.shadowing.shadows import MAX_ANSWER_BYTES, MAX_LONGER, MEMORY_PAUSE_S, THREADS

NAMES = ("sentiment", "fast", "next")
PATIENCE_S = 30


def copy_of(
    answer: bytes = b'{"predictions": [1]}', body: bytes = b"{}", uri: str = "models:/next/1", **shadow
) -> Copy:
    return Copy(
        "sentiment",
        "fast",
        Shadow(Target("next", uri), **shadow),
        body,
        "application/json",
        answer,
        0.003,
        5.0,
        "some-request",
    )


class Trial:
    """Shadows whose models answer what the test says, when it says so."""

    def __init__(self, **settings) -> None:
        self.answer: bytes | Exception = b'{"predictions": [1]}'
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Semaphore(0)
        self.busy = False
        self.rest = None
        self.drawn: list[float] = []
        settings.setdefault("random", lambda: 0.0)
        self.shadows = Shadows(self._ask, is_busy=lambda: self.busy, **settings)

    def _ask(self, copy: Copy) -> tuple[Prediction, float]:
        self.asked.release()
        if not copy.shadow.target.model_uri.startswith("quick"):
            assert self.gate.wait(PATIENCE_S)
        if isinstance(self.answer, Exception):
            raise self.answer
        return Prediction(self.answer, "application/json", self.rest), 0.002

    def counted(self, outcome: Outcome, names: tuple[str, str, str] = NAMES) -> int:
        return self.shadows.outcomes.counts().get((*names, outcome.value), 0)

    def dropped(self, why: Dropped) -> int:
        return self.shadows.drops.counts().get((*NAMES, why.value), 0)


def wait_until(what: Callable[[], object]) -> None:
    for _ in range(PATIENCE_S * 1000):
        if what():
            return
        threading.Event().wait(0.001)
    raise AssertionError("waited in vain")


@pytest.fixture
def trial() -> Iterator[Trial]:
    trial = Trial()
    trial.shadows.start()
    yield trial
    trial.gate.set()
    trial.shadows.close()


def test_an_answer_that_agrees_is_counted_with_both_durations(trial, caplog):
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.AGREED))
    durations = trial.shadows.durations.spreads()
    assert durations[(*NAMES, "real")].sum_s == 0.003
    assert durations[(*NAMES, "shadow")].sum_s == 0.002
    assert not caplog.records


def test_an_answer_that_disagrees_is_logged_without_what_it_says(trial, caplog):
    trial.answer = b'{"predictions": ["secret"]}'
    trial.shadows.offer(copy_of(answer=b'{"predictions": ["private"]}', body=b"confidential"))
    wait_until(lambda: trial.counted(Outcome.DISAGREED))
    wait_until(lambda: caplog.records)
    (record,) = caplog.records
    assert record.getMessage() == "a shadow disagrees: a value differs"
    assert record.facts == {
        "request_id": "some-request",
        "endpoint": "sentiment",
        "route": "fast",
        "shadow": "next",
        "model": "models:/next/1",
    }


def test_the_tolerance_is_the_shadows(trial):
    trial.answer = b'{"predictions": [1.05]}'
    trial.shadows.offer(copy_of(tolerance=0.1))
    trial.shadows.offer(copy_of(tolerance=0.01))
    wait_until(lambda: trial.counted(Outcome.AGREED) == 1 == trial.counted(Outcome.DISAGREED))


def test_a_shadow_that_fails_is_logged_with_the_detail(trial, caplog):
    trial.answer = ModelDied("it died", detail="of hunger")
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.FAILED) and caplog.records)
    assert caplog.records[0].getMessage() == "a shadow failed: it died"
    assert caplog.records[0].facts["detail"] == "of hunger"


@pytest.mark.parametrize("error", [RuntimeError("ours"), OSError()])
def test_a_fault_of_ours_does_not_end_the_asking(trial, caplog, error):
    trial.answer = error
    for _ in range(THREADS + 1):
        trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.FAILED) == THREADS + 1)
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


@pytest.mark.parametrize(
    ("error", "why"), [(NoMemoryForModel("none"), Dropped.MEMORY), (ModelOverloaded("much"), Dropped.BUSY)]
)
def test_what_the_model_cannot_take_is_dropped(trial, caplog, error, why):
    trial.answer = error
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.dropped(why) == 1)
    assert trial.counted(Outcome.DROPPED) == 1
    assert not caplog.records


def test_a_model_for_which_there_was_no_memory_is_left_alone_for_a_while():
    now = [100.0]
    trial = Trial(clock=lambda: now[0])
    trial.shadows.start()
    trial.answer = NoMemoryForModel("none")
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.dropped(Dropped.MEMORY) == 1)
    trial.answer = b'{"predictions": [1]}'
    trial.shadows.offer(copy_of())
    assert trial.dropped(Dropped.MEMORY) == 2
    now[0] += MEMORY_PAUSE_S
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.AGREED) == 1)
    trial.shadows.close()


def test_a_shadow_that_is_ill_is_left_alone_and_tried_again_and_another_goes_on():
    now = [100.0]
    trial = Trial(clock=lambda: now[0])
    trial.shadows.start()
    trial.answer = PredictionTimeout("it is too slow")
    for number in range(1, FAILURES + 1):
        trial.shadows.offer(copy_of())
        wait_until(lambda number=number: trial.counted(Outcome.FAILED) == number)
    trial.answer = b'{"predictions": [1]}'
    trial.shadows.offer(copy_of())
    assert (trial.dropped(Dropped.LEFT_ALONE), trial.counted(Outcome.FAILED)) == (1, FAILURES)
    trial.shadows.offer(copy_of(uri="models:/next/2"))
    wait_until(lambda: trial.counted(Outcome.AGREED) == 1)
    now[0] += FIRST_PAUSE_S
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.AGREED) == 2)
    trial.shadows.close()


def test_a_shadow_that_answers_is_well_whatever_it_answers(trial):
    trial.answer = PredictionFailed("no", error_code="BAD_REQUEST", by_model=True)
    for number in range(1, 2 * FAILURES):
        trial.shadows.offer(copy_of())
        wait_until(lambda number=number: trial.counted(Outcome.FAILED) == number)
    assert trial.dropped(Dropped.LEFT_ALONE) == 0


def test_while_the_gateway_is_busy_nothing_is_taken_and_nothing_that_waits_is_asked(trial):
    trial.gate.clear()
    for _ in range(THREADS):
        trial.shadows.offer(copy_of())
    for _ in range(THREADS - 1):
        assert trial.asked.acquire(timeout=PATIENCE_S)
    trial.busy = True
    trial.shadows.offer(copy_of())
    assert trial.dropped(Dropped.BUSY) == 1
    trial.gate.set()
    wait_until(lambda: trial.dropped(Dropped.BUSY) == 2)
    assert trial.counted(Outcome.AGREED) == THREADS - 1


def test_one_shadow_that_hangs_leaves_a_thread_to_the_others(trial):
    trial.gate.clear()
    for _ in range(2 * THREADS):
        trial.shadows.offer(copy_of(uri="hangs"))
    for _ in range(THREADS - 1):
        assert trial.asked.acquire(timeout=PATIENCE_S)
    trial.shadows.offer(copy_of(uri="quick"))
    wait_until(lambda: trial.counted(Outcome.AGREED) == 1)


def test_answers_too_large_to_be_compared_are_dropped(trial):
    trial.shadows.offer(copy_of(answer=b"1" * (MAX_ANSWER_BYTES + 1)))
    assert trial.dropped(Dropped.LARGE) == 1
    trial.answer = b"1" * (MAX_ANSWER_BYTES * MAX_LONGER + 1)
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.dropped(Dropped.LARGE) == 2)


def test_an_answer_in_parts_disagrees(trial):
    trial.rest = iter(())
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.DISAGREED) == 1)


def test_a_reload_drops_what_waits_and_makes_room():
    body = b"x" * 4000
    trial = Trial(max_held_bytes=10_000)
    trial.shadows.offer(copy_of(body=body))
    trial.shadows.offer(copy_of(body=body))
    assert trial.dropped(Dropped.FULL) == 1
    trial.shadows.clear()
    assert (trial.shadows.waiting(), trial.dropped(Dropped.RELOADED)) == (0, 1)
    trial.shadows.offer(copy_of(body=body))
    assert (trial.shadows.waiting(), trial.dropped(Dropped.FULL)) == (1, 1)


def test_the_end_drops_what_waits_and_ends_the_threads(caplog):
    before = set(threading.enumerate())
    trial = Trial()
    trial.gate.clear()
    trial.shadows.start()
    trial.shadows.start()
    threads = set(threading.enumerate()) - before
    assert len(threads) == THREADS
    for _ in range(2 * THREADS):
        trial.shadows.offer(copy_of())
    assert trial.asked.acquire(timeout=PATIENCE_S)
    trial.shadows.close()
    trial.answer = ModelDied("the gateway ends")
    trial.gate.set()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert not caplog.records
    trial.shadows.offer(copy_of())
    assert trial.shadows.waiting() == 0


@given(st.lists(st.tuples(st.integers(1, 7000), st.sampled_from("abc")), max_size=40))
def test_what_waits_is_within_its_bound_and_a_shadow_has_no_more_than_is_free(offers):
    trial = Trial(max_held_bytes=20_000)
    held = dict.fromkeys("abc", 0)
    for length, uri in offers:
        before = trial.shadows.waiting()
        copy = copy_of(body=b"x" * length, answer=b"", uri=uri)
        trial.shadows.offer(copy)
        size = copy.held_bytes
        fits = held[uri] + size <= 20_000 - sum(held.values()) - size
        assert trial.shadows.waiting() - before == fits
        held[uri] += size * fits
    assert sum(held.values()) <= 20_000


@given(st.integers(0, 3000), st.dictionaries(st.text("abc-", min_size=1, max_size=20), st.text("xyz", max_size=200)))
def test_what_a_copy_is_said_to_take_up_is_what_it_does(length, headers):
    one = copy_of()
    texts = [(name.encode(), value.encode()) for name, value in headers.items()]
    tracemalloc.start()
    try:
        # As a request brings them, each with its own.
        copies = [
            replace(
                one,
                body=bytes(length),
                answer=bytes(length),
                predict_s=number / 7,
                timeout_s=number / 3,
                request_id=f"request {number}",
                headers={name.decode(): value.decode() for name, value in texts},
            )
            for number in range(50)
        ]
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken_bytes / len(copies) <= copies[0].held_bytes
    assert copies[0].held_bytes <= 2 * taken_bytes / len(copies) + 1024


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20), st.floats(0, 1))
def test_a_request_is_sampled_if_its_number_is_below_the_share(numbers, share):
    drawn = iter(numbers)
    trial = Trial(random=lambda: next(drawn))
    for _ in numbers:
        trial.shadows.offer(copy_of(fraction=share))
    assert trial.shadows.waiting() == sum(number < share for number in numbers)


def test_counts_under_names_that_are_gone_are_forgotten(trial):
    trial.shadows.offer(copy_of())
    wait_until(lambda: trial.counted(Outcome.AGREED))
    trial.shadows.retain(lambda names: names == NAMES)
    assert trial.counted(Outcome.AGREED) == 1
    trial.shadows.retain(lambda names: False)
    assert not trial.shadows.outcomes.counts()
    assert not trial.shadows.durations.spreads()
