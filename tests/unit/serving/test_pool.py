"""The pool's promises: one load a version, the same outcome for all who wait, a failure that leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rulegate.serving.errors import ModelBroken, ModelDied, ModelNotLoaded, ModelNotResolved, ModelStillLoading
from rulegate.serving.models import ModelVersion, Prediction
from rulegate.serving.pool import ModelPool


class Shelf:
    """A registry whose versions are named by the URI up to the first `#`."""

    def __init__(self) -> None:
        self.resolved: list[str] = []
        self.discarded: list[str] = []

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        self.resolved.append(model_uri)
        if model_uri.startswith("unknown"):
            raise ModelNotResolved("no such model")
        name = model_uri.partition("#")[0]
        return ModelVersion(name, name, name)

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path(version.identity)

    def discard(self, version: ModelVersion) -> None:
        self.discarded.append(version.identity)


class Running:
    """A model that answers with its number, until it is ended."""

    def __init__(self, number: int, on_end: Callable[[], None]) -> None:
        self.number, self.on_end, self.ended = number, on_end, False

    def predict(self, body: bytes, content_type: str, *, timeout_s: float) -> Prediction:
        if self.ended:
            raise ModelDied("gone")
        return Prediction(str(self.number).encode(), "text/plain")

    def close(self) -> None:
        if not self.ended:
            self.ended = True
            self.on_end()


class Stage:
    """A backend whose loads go on when the test says so, and fail as often as the test says."""

    def __init__(self) -> None:
        self.models: list[Running] = []
        self.loads = 0
        self.failures: list[Exception] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self.end_early = False

    def load(self, version: ModelVersion, folder: Path, *, timeout_s: float, on_end: Callable[[], None]) -> Running:
        self.loads += 1
        number = self.loads
        self.begun.release()
        assert self.gate.wait(30)
        if self.failures:
            raise self.failures.pop()
        model = Running(number, on_end)
        if self.end_early:
            self.end_early = False
            model.close()
        self.models.append(model)
        return model


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def pool(shelf, stage) -> ModelPool:
    return ModelPool(shelf, stage, load_timeout_s=30)


def ask(pool: ModelPool, uri: str, timeout_s: float = 30) -> bytes:
    with pool.lease(uri, timeout_s=timeout_s) as lease:
        return lease.predict(b"", "", timeout_s=1).body


def test_a_version_is_loaded_once_however_many_ask_and_by_whatever_uri(pool, stage):
    stage.gate.clear()
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(ask, pool, f"m#{i % 4}") for i in range(20)]
        stage.begun.acquire()
        stage.gate.set()
        assert {answer.result() for answer in answers} == {b"1"}
    assert stage.loads == 1


def test_what_is_loaded_is_neither_resolved_nor_loaded_again(pool, shelf, stage):
    for _ in range(3):
        with pool.lease("m", timeout_s=30) as lease:
            load_s = lease.load_s
    assert (shelf.resolved, stage.loads, load_s) == (["m"], 1, 0.0)


def test_models_load_side_by_side(pool, stage):
    stage.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(ask, pool, uri) for uri in ("a", "b")]
        for _ in answers:
            assert stage.begun.acquire(timeout=30), "the second load waits for the first"
        stage.gate.set()
        assert {answer.result() for answer in answers} == {b"1", b"2"}


def test_all_who_wait_get_the_one_error_and_the_next_try_begins_anew(pool, stage):
    stage.gate.clear()
    stage.failures = [ModelNotLoaded("no memory")]
    with ThreadPoolExecutor(5) as threads:
        calls = [threads.submit(ask, pool, "m") for _ in range(5)]
        stage.begun.acquire()
        # Whoever comes while the load is under way waits for it.
        stage.gate.set()
        errors = {call.exception() for call in calls if call.exception() is not None}
    assert len(errors) == 1
    assert not pool.is_ready("m")
    assert ask(pool, "m")


def test_an_unknown_model_is_asked_for_again(pool, shelf):
    for _ in range(2):
        with pytest.raises(ModelNotResolved):
            ask(pool, "unknown")
    assert shelf.resolved == ["unknown", "unknown"]


def test_files_are_discarded_only_when_they_are_at_fault(pool, shelf, stage):
    stage.failures = [ModelBroken("bad pickle"), ModelNotLoaded("too slow")]
    for kind in (ModelNotLoaded, ModelBroken):
        with pytest.raises(kind):
            ask(pool, "m")
    assert shelf.discarded == ["m"]


def test_who_cannot_wait_is_told_and_the_load_goes_on(pool, stage):
    stage.gate.clear()
    with pytest.raises(ModelStillLoading):
        ask(pool, "m", timeout_s=0.01)
    stage.gate.set()
    assert ask(pool, "m") == b"1"
    assert stage.loads == 1


def test_a_model_that_ends_is_loaded_again_for_the_next_request(pool, shelf, stage):
    assert ask(pool, "m#a") == ask(pool, "m#b") == b"1"
    stage.models[0].close()
    assert not pool.is_ready("m#a")
    assert ask(pool, "m#a") == ask(pool, "m#b") == b"2"


def test_a_model_that_ends_as_it_becomes_ready_is_not_kept(pool, stage):
    stage.end_early = True
    with pytest.raises(ModelDied):
        ask(pool, "m")
    assert ask(pool, "m") == b"2"


def test_a_closed_pool_has_ended_its_models_and_loads_no_more(pool, stage):
    ask(pool, "m")
    pool.close()
    assert stage.models[0].ended
    with pytest.raises(ModelNotLoaded):
        ask(pool, "m")
    pool.close()


def test_a_model_that_becomes_ready_after_the_end_is_ended_too(pool, stage):
    stage.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(ask, pool, "m")
        stage.begun.acquire()
        pool.close()
        stage.gate.set()
        assert isinstance(call.exception(), ModelDied)
    assert stage.models[0].ended
