"""The pool's promises: one load a version, the same outcome for all who wait, a failure that leaves nothing behind."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rulegate.serving.admission import Admission
from rulegate.serving.backoff import FIRST_PAUSE_S, FREE_DEATHS, LONGEST_PAUSE_S
from rulegate.serving.errors import (
    ModelBroken,
    ModelDied,
    ModelNotLoaded,
    ModelNotResolved,
    ModelOverloaded,
    ModelStillLoading,
    ModelUnavailable,
    NoMemoryForModel,
    RegistryUnreachable,
)
from rulegate.serving.figures import BATCH_SIZES, ResidentFigures, Unload
from rulegate.serving.keeper import Keeper, is_due
from rulegate.serving.models import Batching, Headers, ModelVersion, Prediction, Setup, Terms
from rulegate.serving.pool import ModelPool, PoolSettings
from rulegate.serving.resident import State


class Shelf:
    """A registry whose versions are named by the URI up to the first `#`."""

    def __init__(self) -> None:
        self.resolved: list[str] = []
        self.meanings: dict[str, str] = {}
        self.unreachable = False
        self.failure: ModelUnavailable | None = None
        self.fetched: Counter[str] = Counter()
        self.discarded: list[str] = []

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        self.resolved.append(model_uri)
        if self.failure is not None:
            raise self.failure
        if self.unreachable:
            raise RegistryUnreachable("nobody answers")
        if model_uri.startswith("unknown"):
            raise ModelNotResolved("no such model")
        name = self.meanings.get(model_uri, model_uri.partition("#")[0])
        return ModelVersion(name, name, name)

    def may_move(self, model_uri: str) -> bool:
        return not model_uri.startswith("fixed")

    def resolve_all(self, model_uris, *, timeout_s: float):
        def answer(uri):
            try:
                return self.resolve(uri, timeout_s=timeout_s)
            except ModelUnavailable as error:
                return error

        return {uri: answer(uri) for uri in model_uris}

    def release(self, version: ModelVersion) -> None:
        self.fetched[version.identity] -= 1

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        self.fetched[version.identity] += 1
        return Path(f"/nowhere/{version.identity}")

    def discard(self, version: ModelVersion) -> None:
        self.discarded.append(version.identity)


class Running:
    """A model that answers with its number, until it is ended."""

    def __init__(self, number: int, version: ModelVersion, on_end, on_batch) -> None:
        self.number, self.version, self.on_end, self.on_batch = number, version, on_end, on_batch
        self.ended, self.size_bytes = False, 10

    @property
    def pid(self) -> int:
        return 1000 + self.number

    def memory_bytes(self) -> int:
        return 0 if self.ended else self.size_bytes

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        if self.ended:
            raise ModelDied("gone")
        self.on_batch(1)
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
        self.on_load: Callable[[], None] = lambda: None

    def load(self, version: ModelVersion, folder: Path, *, timeout_s: float, on_end, on_batch) -> Running:
        self.loads += 1
        number = self.loads
        self.begun.release()
        self.on_load()
        assert self.gate.wait(30)
        if self.failures:
            raise self.failures.pop()
        model = Running(number, version, on_end, on_batch)
        if self.end_early:
            self.end_early = False
            model.close()
        self.models.append(model)
        return model


def held(*, memory_limit_bytes: int | None = None, capacity: int = 256, **terms) -> PoolSettings:
    """Settings with the same terms for every model."""
    return PoolSettings(memory_limit_bytes=memory_limit_bytes, capacity=capacity, other_terms=Terms(**terms))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def stage() -> Stage:
    return Stage()


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(shelf, stage, clock) -> Iterator[ModelPool]:
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, idle_timeout_s=60), clock=clock)
    yield pool
    stage.gate.set()
    pool.close()


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


def test_all_who_wait_get_the_one_error_and_the_next_try_begins_anew_after_a_pause(pool, stage, clock):
    stage.gate.clear()
    stage.failures = [ModelNotLoaded("no memory")]
    with ThreadPoolExecutor(5) as threads:
        calls = [threads.submit(ask, pool, "m") for _ in range(5)]
        stage.begun.acquire()
        # Whoever comes while the load is under way waits for it.
        stage.gate.set()
        errors = {call.exception() for call in calls if call.exception() is not None}
    assert {str(error) for error in errors} == {"no memory"}
    assert not pool.is_ready("m")
    with pytest.raises(ModelNotLoaded) as again:
        ask(pool, "m")
    assert again.value.retry_after_s == FIRST_PAUSE_S
    assert stage.loads == 1
    clock.now_s += FIRST_PAUSE_S
    assert ask(pool, "m")


def test_the_trace_of_a_failed_load_is_logged_once_however_many_ask(pool, stage, clock, caplog):
    """Those who wait, and those who come in the pause, get the error without it: how many they are is up to clients."""
    for failure in (ModelBroken("bad pickle", detail="the trace"), ModelNotLoaded("no disk", detail="the trace")):
        caplog.clear()
        stage.gate.clear()
        stage.failures = [failure]
        with ThreadPoolExecutor(5) as threads:
            calls = [threads.submit(ask, pool, "m") for _ in range(5)]
            stage.begun.acquire()
            stage.gate.set()
            errors = [call.exception() for call in calls]
        with pytest.raises(type(failure)) as in_the_pause:
            ask(pool, "m")
        assert {error.detail for error in [*errors, in_the_pause.value]} == {""}
        (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
        assert "m cannot be loaded: " in record.message
        assert record.facts["detail"] == "the trace"
        clock.now_s += 10 * FIRST_PAUSE_S


@pytest.mark.parametrize("error", [RegistryUnreachable, ModelNotResolved])
def test_why_a_registry_does_not_resolve_a_model_is_logged_once(pool, shelf, caplog, error):
    shelf.failure = error("no answer", detail="the trace")
    for _ in range(3):
        with pytest.raises(error) as raised:
            ask(pool, "m")
        assert raised.value.detail == ""
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert record.facts["detail"] == "the trace"


def test_why_another_process_cannot_be_made_is_logged(shelf, stage, clock, caplog):
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, replicas=2), clock=clock)
    ask(pool, "m")
    stage.models[0].close()
    stage.failures = [ModelNotLoaded("not today", detail="the trace")]
    pool.tidy()
    while stage.loads < 3 or any(thread.name == "load m" for thread in threading.enumerate()):
        pass
    pool.close()
    assert [record.facts["detail"] for record in caplog.records if "cannot be made" in record.message] == ["the trace"]


@pytest.fixture
def no_threads(monkeypatch):
    """While it holds, the system allows no more threads to whoever asks for one of these names."""

    @contextlib.contextmanager
    def no_threads(kind: str) -> Iterator[None]:
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            if thread.name.startswith(kind):
                raise RuntimeError("can't start new thread")
            start(thread)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            yield

    return no_threads


@pytest.mark.parametrize(("kind", "error"), [("load", ModelNotLoaded), ("resolve", RegistryUnreachable)])
def test_a_system_that_allows_no_more_threads_fails_one_request_and_no_other(pool, stage, no_threads, kind, error):
    with no_threads(kind), pytest.raises(error, match="allows no more threads"):
        ask(pool, "a")
    assert pool.figures().residents == ()
    assert ask(pool, "a") == b"1"


def test_a_replica_that_gets_no_thread_is_made_when_there_is_one(shelf, stage, clock, no_threads):
    pool = ModelPool(shelf, stage, held(replicas=2), clock=clock)
    ask(pool, "a")
    stage.models[0].close()
    with no_threads("load"):
        pool.tidy()
        assert len(pool.figures().residents[0].pids) == 1
    pool.tidy()
    assert stage.begun.acquire(timeout=30)
    while len(pool.figures().residents[0].pids) < 2:
        threading.Event().wait(0.001)
    pool.close()


def test_an_unknown_model_is_asked_for_again(pool, shelf, clock):
    for _ in range(2):
        for _ in range(3):
            with pytest.raises(ModelNotResolved):
                ask(pool, "unknown")
        clock.now_s += FIRST_PAUSE_S
    assert shelf.resolved == ["unknown", "unknown"]


def test_files_are_discarded_only_when_they_are_at_fault(pool, shelf, stage, clock):
    stage.failures = [ModelBroken("bad pickle"), ModelNotLoaded("too slow")]
    for kind in (ModelNotLoaded, ModelBroken):
        with pytest.raises(kind):
            ask(pool, "m")
        clock.now_s += LONGEST_PAUSE_S
    assert shelf.discarded == ["m"]
    assert not +shelf.fetched, "files that nobody uses are held"


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


def test_a_model_that_ends_as_it_becomes_ready_is_not_kept(pool, stage, clock):
    stage.end_early = True
    with pytest.raises(ModelDied):
        ask(pool, "m")
    clock.now_s += FIRST_PAUSE_S
    assert ask(pool, "m") == b"2"


def end_without_an_answer(pool: ModelPool, stage: Stage) -> None:
    with pool.lease("m", timeout_s=30):
        stage.models[-1].close()


def test_single_deaths_are_forgiven_and_a_loop_of_deaths_is_slowed_down(pool, stage, clock):
    for _ in range(FREE_DEATHS + 1):
        end_without_an_answer(pool, stage)
    with pytest.raises(ModelDied) as refused:
        ask(pool, "m")
    assert refused.value.retry_after_s == FIRST_PAUSE_S
    assert refused.value.message == (
        "the process of m ends again and again without having answered; it is tried again in 0.5 s"
    )
    clock.now_s += FIRST_PAUSE_S
    end_without_an_answer(pool, stage)
    clock.now_s += FIRST_PAUSE_S
    with pytest.raises(ModelDied):
        ask(pool, "m")


def test_a_model_that_works_is_loaded_again_at_once_however_often_its_process_is_killed(pool, stage):
    for number in range(1, 30):
        assert ask(pool, "m") == str(number).encode()
        stage.models[-1].close()


def test_an_answer_ends_the_row_of_deaths_and_of_failed_loads(pool, stage, clock):
    """Also where it is another process that ends, and where the model has left memory in between."""
    for leave in (process_ends, nobody_asks):
        stage.failures = [ModelNotLoaded("not today")]
        with pytest.raises(ModelNotLoaded):
            ask(pool, "m")
        clock.now_s += FIRST_PAUSE_S
        for _ in range(FREE_DEATHS - 1):
            end_without_an_answer(pool, stage)
        ask(pool, "m")
        leave(pool, stage, clock)
        assert not pool.is_ready("m")
    for _ in range(FREE_DEATHS):
        end_without_an_answer(pool, stage)
    assert ask(pool, "m")


def process_ends(_: ModelPool, stage: Stage, __: Clock) -> None:
    stage.models[-1].close()


def nobody_asks(pool: ModelPool, _: Stage, clock: Clock) -> None:
    clock.now_s += 60
    pool.tidy()


def test_replicas_that_end_one_after_the_other_are_no_loop_if_one_of_them_has_answered(shelf, stage, clock):
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, replicas=2), clock=clock)
    for _ in range(FREE_DEATHS + 2):
        assert ask(pool, "m")
        for model in stage.models[-2:]:
            model.close()
    pool.close()


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
        assert call.exception().message == "m cannot be loaded: the gateway is shutting down"
    assert stage.models[0].ended


def test_an_idle_model_is_unloaded_and_comes_back(pool, shelf, stage, clock):
    ask(pool, "m")
    clock.now_s += 59
    pool.tidy()
    assert pool.is_ready("m")
    clock.now_s += 1
    pool.tidy()
    assert not pool.is_ready("m")
    assert stage.models[0].ended
    assert not +shelf.fetched
    assert ask(pool, "m") == b"2"
    assert shelf.resolved == ["m", "m"], "what is loaded anew is resolved anew"


def test_a_model_in_use_is_not_idle(pool, stage, clock):
    with pool.lease("m", timeout_s=30):
        clock.now_s += 1000
        pool.tidy()
        assert not stage.models[0].ended
    clock.now_s += 59
    pool.tidy()
    assert not stage.models[0].ended, "idle time begins when the model is given back"


@pytest.fixture
def small(shelf, stage, clock) -> Iterator[ModelPool]:
    """A pool with memory for two models of ten bytes each."""
    pool = ModelPool(shelf, stage, held(load_timeout_s=0.2, memory_limit_bytes=25), clock=clock)
    yield pool
    pool.close()


def test_the_least_recently_used_idle_model_makes_room(small, stage, clock):
    for uri in ("a", "b", "a"):
        ask(small, uri)
        clock.now_s += 1
    ask(small, "c")
    small.tidy()
    assert [small.is_ready(uri) for uri in "abc"] == [True, False, True]
    assert small.memory_bytes() == 20


def test_what_a_version_held_last_time_is_reserved_before_it_is_loaded_again(small, stage, clock):
    for uri in ("a", "b", "c"):
        ask(small, uri)
        clock.now_s += 1
        small.tidy()
    # "a" is gone; it is known to need ten bytes, so room is made before, not after, it is there.
    loaded_beside = []
    stage.on_load = lambda: loaded_beside.append(small.memory_bytes())
    ask(small, "a")
    assert loaded_beside == [20], "ten of another model, ten reserved"


def test_a_request_waits_for_memory_and_gives_up_when_all_is_in_use(shelf, stage):
    pool = ModelPool(shelf, stage, held(load_timeout_s=0.2, memory_limit_bytes=15))
    ask(pool, "b")
    with pool.lease("a", timeout_s=30):
        with pytest.raises(NoMemoryForModel):
            ask(pool, "b", timeout_s=30)
        assert pool.is_ready("a")
    pool.close()


def test_memory_that_becomes_free_lets_the_waiting_load_go_on(shelf, stage):
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, memory_limit_bytes=15))
    ask(pool, "b")
    with ThreadPoolExecutor(1) as threads:
        with pool.lease("a", timeout_s=30):
            waiting = threads.submit(ask, pool, "b")
            assert not waiting.done()
        assert waiting.result()
    assert not pool.is_ready("a")
    pool.close()


def test_a_model_that_grows_past_the_limit_makes_the_idle_ones_go(small, stage, clock):
    ask(small, "a")
    clock.now_s += 1
    with small.lease("b", timeout_s=30):
        stage.models[1].size_bytes = 100
        small.tidy()
        assert [small.is_ready(uri) for uri in "ab"] == [False, True], "one in use stays, however large"
    small.tidy()
    assert not small.is_ready("b")


def test_replicas_share_the_requests_and_are_replaced_when_they_end(shelf, stage, clock):
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, replicas=3), clock=clock)
    with contextlib.ExitStack() as taken_together:
        leases = [taken_together.enter_context(pool.lease("m", timeout_s=30)) for _ in range(3)]
        taken = {lease.predict(b"", "", timeout_s=1).body for lease in leases}
    assert taken == {b"1", b"2", b"3"}
    stage.models[0].close()
    assert pool.is_ready("m"), "the others go on"
    stage.begun = threading.Semaphore(0)
    pool.tidy()
    assert stage.begun.acquire(timeout=30)
    assert stage.loads == 4
    pool.close()


@pytest.mark.parametrize("failure", [ModelNotLoaded("not today"), RuntimeError("a fault of ours"), None])
def test_a_replica_that_cannot_be_made_is_tried_again_after_a_pause_in_which_the_others_answer(
    shelf, stage, clock, failure
):
    """Also where it is made and ends at once."""
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, replicas=2), clock=clock)
    ask(pool, "m")
    stage.models[0].close()
    stage.failures = [failure] if failure else []
    stage.end_early = failure is None
    pool.tidy()
    while stage.loads < 3 or any(thread.name == "load m" for thread in threading.enumerate()):
        pass
    for _ in range(5):
        pool.tidy()
        assert ask(pool, "m") == b"2"
    assert stage.loads == 3
    clock.now_s += FIRST_PAUSE_S
    pool.tidy()
    while len(pool.figures().residents[0].pids) < 2:
        pass
    pool.close()


def tidy_to_the_end(pool: ModelPool) -> None:
    """Has processes made that are missing, as far as they may be now."""
    pool.tidy()
    while any(thread.name == "load m" for thread in threading.enumerate()):
        pass


def the_other_ends(pool: ModelPool, stage: Stage) -> None:
    """The process that was made last, beside the first one, which goes on answering."""
    stage.models[-1].close()
    assert ask(pool, "m") == b"1"
    tidy_to_the_end(pool)


@pytest.fixture
def two(shelf, stage, clock) -> Iterator[ModelPool]:
    """A pool in which the first of two processes of `m` works, and the other one has not been asked anything."""
    pool = ModelPool(shelf, stage, held(load_timeout_s=30), clock=clock)
    assert ask(pool, "m") == b"1"
    pool.change(held(load_timeout_s=30, replicas=2))
    tidy_to_the_end(pool)
    yield pool
    pool.close()


def test_a_replica_that_ends_again_and_again_is_replaced_after_pauses_in_which_the_others_answer(
    two, stage, clock, caplog
):
    """At once for the first few times; then the pauses are those of a crash loop, and nobody is refused."""
    for deaths in range(1, FREE_DEATHS + 1):
        the_other_ends(two, stage)
        assert stage.loads == 2 + deaths
    pauses_s = []
    for _ in range(9):
        the_other_ends(two, stage)
        begin_s, loads = clock.now_s, stage.loads
        while stage.loads == loads:
            clock.now_s += FIRST_PAUSE_S
            assert ask(two, "m") == b"1"
            tidy_to_the_end(two)
        pauses_s.append(clock.now_s - begin_s)
    assert pauses_s == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [record.message for record in caplog.records if "one process" in record.message][1] == (
        "one process of m after the other ends without having answered; the others answer, and it is replaced in 1.0 s"
    )
    assert not stage.models[0].ended


def in_a_row(pool: ModelPool, stage: Stage, deaths: int) -> None:
    """So many, each replaced at once."""
    for _ in range(deaths):
        loads = stage.loads
        the_other_ends(pool, stage)
        assert stage.loads == loads + 1


def test_an_answer_of_the_process_that_was_made_last_ends_the_row_and_those_of_others_do_not(two, stage):
    in_a_row(two, stage, FREE_DEATHS)
    with two.lease("m", timeout_s=30), two.lease("m", timeout_s=30) as lease:
        assert lease.predict(b"", "", timeout_s=1).body == str(stage.loads).encode()
    # It has answered, so that its own end is none of the row either.
    in_a_row(two, stage, 1 + FREE_DEATHS)
    loads = stage.loads
    the_other_ends(two, stage)
    assert stage.loads == loads


def test_a_row_goes_on_when_the_version_has_been_loaded_anew(two, stage):
    """All its processes are made then, and the one that ends beside the other waits out what is left of its pause."""
    in_a_row(two, stage, FREE_DEATHS)
    the_other_ends(two, stage)
    stage.models[0].close()
    answer = ask(two, "m")
    (other,) = [model for model in stage.models if not model.ended and str(model.number).encode() != answer]
    other.close()
    loads = stage.loads
    tidy_to_the_end(two)
    assert stage.loads == loads
    assert ask(two, "m") == answer


def test_one_model_never_holds_more_requests_than_are_free(shelf, stage):
    pool = ModelPool(shelf, stage, held(load_timeout_s=30, capacity=4))
    with pool.lease("a", timeout_s=30), pool.lease("a", timeout_s=30):
        with pytest.raises(ModelOverloaded), pool.lease("a", timeout_s=30):
            pass
        with pool.lease("b", timeout_s=30), pytest.raises(ModelOverloaded), pool.lease("b", timeout_s=30):
            pass
    assert ask(pool, "a")
    pool.close()


def test_a_model_is_as_busy_as_it_has_requests_in_flight_by_its_uri(pool, stage):
    with pool.lease("m#a", timeout_s=30), pool.lease("m#a", timeout_s=30), pool.lease("m#b", timeout_s=30):
        assert [pool.busy(uri) for uri in ("m#a", "m#b", "m#c")] == [2, 1, 0]
    stage.gate.clear()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(ask, pool, "other")
        while stage.loads < 2:
            assert stage.begun.acquire(timeout=30)
        assert pool.busy("other") == 1, "who waits for a load is in flight too"
        stage.gate.set()
        waiting.result()
    assert [pool.busy(uri) for uri in ("m#a", "m#b", "other")] == [0, 0, 0]


@pytest.fixture
def keeper(pool, shelf) -> Iterator[Keeper]:
    keeper = Keeper(pool, shelf)
    yield keeper
    keeper.close()


def until_followed(keeper: Keeper) -> None:
    keeper.close()
    keeper._followers.shutdown(wait=True)


def test_a_uri_that_moves_is_followed_without_a_request_waiting(pool, shelf, stage, keeper):
    with pool.lease("m@prod", timeout_s=30) as lease:
        shelf.meanings["m@prod"] = "m/2"
        stage.gate.clear()
        stage.begun = threading.Semaphore(0)
        keeper.refresh()
        assert stage.begun.acquire(timeout=30)
        keeper.refresh()
        assert ask(pool, "m@prod") == b"1", "the old version answers while the new one is loaded"
        stage.gate.set()
        until_followed(keeper)
        assert ask(pool, "m@prod") == b"2"
        assert lease.predict(b"", "", timeout_s=1).body == b"1", "who has the old version keeps it"
        assert not stage.models[0].ended
    assert stage.models[0].ended, "the old version goes with its last request"
    assert stage.loads == 2


def test_an_old_version_that_another_uri_means_stays(pool, shelf, stage, keeper):
    ask(pool, "m#a")
    ask(pool, "m#b")
    shelf.meanings["m#a"] = "m/2"
    keeper.refresh()
    until_followed(keeper)
    assert (ask(pool, "m#a"), ask(pool, "m#b")) == (b"2", b"1")


def test_a_new_version_that_cannot_be_loaded_leaves_the_old_one(pool, shelf, stage, keeper):
    ask(pool, "m@prod")
    shelf.meanings["m@prod"] = "m/2"
    stage.failures = [ModelBroken("bad")]
    keeper.refresh()
    until_followed(keeper)
    assert ask(pool, "m@prod") == b"1"
    assert not stage.models[0].ended


def test_that_a_new_version_cannot_be_loaded_is_told_once_and_not_in_every_round(pool, shelf, stage, keeper, caplog):
    """It is tried again and again, after pauses that grow."""
    ask(pool, "m@prod")
    shelf.meanings["m@prod"] = "m/2"
    stage.failures = [ModelBroken("bad")]
    for _ in range(5):
        keeper.refresh()
        while keeper._following:
            threading.Event().wait(0.001)
    assert stage.loads == 2, "the others are in the pause"
    assert sum("stays m@prod" in record.message for record in caplog.records) == 1


def test_without_the_registry_what_is_known_goes_on(pool, shelf, stage, keeper, clock):
    ask(pool, "m@prod")
    shelf.unreachable = True
    keeper.refresh()
    assert ask(pool, "m@prod") == b"1"
    clock.now_s += 60
    pool.tidy()
    assert ask(pool, "m@prod") == b"2", "also when it has to be loaded again"
    with pytest.raises(RegistryUnreachable):
        ask(pool, "other")


AUTO = Setup(Batching(128, 0.0, any_flavor=False))


def with_terms(**terms: Terms) -> PoolSettings:
    return PoolSettings(terms={uri.replace("_", "#"): held for uri, held in terms.items()})


def test_a_version_that_several_uris_mean_is_held_on_the_terms_that_keep_more_of_it(shelf, stage, clock):
    short, long = Terms(idle_timeout_s=10, replicas=1), Terms(idle_timeout_s=60, replicas=2)
    pool = ModelPool(shelf, stage, with_terms(m_a=short, m_b=long), clock=clock)
    ask(pool, "m#a")
    pool.tidy()
    assert stage.loads == 1
    ask(pool, "m#b")
    stage.begun = threading.Semaphore(0)
    pool.tidy()
    assert stage.begun.acquire(timeout=30), "the second process is made as soon as a URI that wants it is asked for"
    clock.now_s += 59
    pool.tidy()
    assert pool.is_ready("m#a")
    clock.now_s += 1
    pool.tidy()
    assert not pool.is_ready("m#a")
    pool.close()


def test_what_never_goes_for_one_uri_stays_for_all(shelf, stage, clock):
    never, soon = Terms(idle_timeout_s=None), Terms(idle_timeout_s=10)
    pool = ModelPool(shelf, stage, with_terms(m_a=never, m_b=soon, other=soon), clock=clock)
    for uri in ("m#a", "m#b", "other"):
        ask(pool, uri)
    clock.now_s += 1000
    pool.tidy()
    assert [pool.is_ready(uri) for uri in ("m#a", "m#b", "other")] == [True, True, False]
    pool.close()


def test_a_load_takes_as_long_as_the_terms_of_its_uri_allow(shelf, stage):
    pool = ModelPool(
        shelf, stage, PoolSettings(memory_limit_bytes=15, terms={"a": Terms(), "b": Terms(load_timeout_s=0.1)})
    )
    ask(pool, "b")
    with pool.lease("a", timeout_s=30), pytest.raises(NoMemoryForModel):
        ask(pool, "b", timeout_s=30)
    pool.close()


def test_a_version_is_loaded_once_for_each_way_in_which_it_is_to_be_run(shelf, stage):
    own = Setup(manager="uv")
    pool = ModelPool(shelf, stage, with_terms(m_a=Terms(), m_b=Terms(setup=own), m_c=Terms(setup=own)))
    assert [ask(pool, uri) for uri in ("m#a", "m#b", "m#c")] == [b"1", b"2", b"2"]
    assert [model.version.setup for model in stage.models] == [Setup(), own]
    pool.close()


def test_a_version_that_is_to_be_run_in_another_way_is_loaded_beside_and_takes_over(shelf, stage):
    pool = ModelPool(shelf, stage, with_terms(m=Terms()))
    keeper = Keeper(pool, shelf)
    with pool.lease("m", timeout_s=30) as lease:
        pool.change(with_terms(m=Terms(setup=AUTO)))
        stage.gate.clear()
        stage.begun = threading.Semaphore(0)
        keeper.set_up_anew()
        assert stage.begun.acquire(timeout=30)
        assert ask(pool, "m") == b"1", "nobody waits for it"
        stage.gate.set()
        until_followed(keeper)
        assert ask(pool, "m") == b"2"
        assert lease.predict(b"", "", timeout_s=1).body == b"1"
    assert [model.ended for model in stage.models] == [True, False]
    assert stage.models[1].version.setup == AUTO
    pool.close()


def test_a_uri_is_looked_up_as_often_as_its_terms_say(shelf, stage):
    every = {
        "fast": Terms(refresh_interval_s=1),
        "slow": Terms(refresh_interval_s=9),
        "never": Terms(),
        "fixed": Terms(),
    }
    pool = ModelPool(shelf, stage, PoolSettings(terms=every))
    for uri in every:
        ask(pool, uri)
    keeper = Keeper(pool, shelf)
    shelf.resolved.clear()
    for second in range(18):
        keeper.refresh(functools.partial(is_due, second, second + 1))
    assert Counter(shelf.resolved) == {"fast": 18, "slow": 2}
    keeper.close()
    pool.close()


def test_figures_tell_what_is_in_memory_and_who_uses_it(pool, stage, clock):
    with pool.lease("m#a", timeout_s=30), pool.lease("m#b", timeout_s=30):
        clock.now_s += 5
        figures = pool.figures()
        assert figures.residents == (
            ResidentFigures(
                reference="m",
                model_uris=("m#a", "m#b"),
                state=State.READY,
                pids=(1001,),
                memory_bytes=10,
                in_flight=2,
                waiting=0,
                load_s=0.0,
                idle_s=0.0,
            ),
        )
        assert figures.in_flight == {"m#a": 1, "m#b": 1}
        assert (figures.capacity, figures.memory_bytes, figures.memory_limit_bytes) == (256, 10, None)
    clock.now_s += 7
    (resident,) = pool.figures().residents
    assert (resident.in_flight, resident.idle_s) == (0, 7.0)
    assert pool.figures().in_flight == {}


def test_figures_tell_who_waits_for_a_load(pool, stage):
    stage.gate.clear()
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(ask, pool, "m") for _ in range(2)]
        stage.begun.acquire()
        while sum(resident.waiting for resident in pool.figures().residents) < 2:
            assert not any(call.done() for call in waiting)
        (resident,) = pool.figures().residents
        assert (resident.state, resident.pids, resident.load_s) == (State.LOADING, (), None)
        stage.gate.set()
        for call in waiting:
            call.result()
    assert pool.figures().residents[0].waiting == 0


def test_counts_outlive_what_they_count(pool, stage, clock):
    stage.failures = [ModelBroken("bad")]
    with pytest.raises(ModelBroken):
        ask(pool, "m")
    clock.now_s += FIRST_PAUSE_S
    ask(pool, "m")
    for size in (1, 1, 2, 3, 5, 1024):
        stage.models[-1].on_batch(size)
    stage.models[-1].close()
    assert ask(pool, "m")
    clock.now_s += 60
    pool.tidy()
    assert pool.figures().residents == ()
    counts = pool.figures().counts["m"]
    assert (counts.loads, counts.failed_loads, counts.deaths, counts.restarts) == (2, 1, 1, 1)
    assert counts.unloads == {Unload.DIED: 1, Unload.IDLE: 1}
    assert dict(zip(BATCH_SIZES, counts.batches, strict=True)) == dict.fromkeys(BATCH_SIZES, 0) | {
        # Two that were asked here, and the two above.
        1: 4,
        2: 1,
        4: 1,
        8: 1,
        1024: 1,
    }
    assert counts.batched_requests == 1 + 1 + 1 + 1 + 2 + 3 + 5 + 1024


def test_a_process_that_takes_the_place_of_a_dead_one_is_a_restart_and_one_that_is_added_is_not(shelf, stage):
    pool = ModelPool(shelf, stage, with_terms(m=Terms(replicas=2)))
    ask(pool, "m")
    stage.models[0].close()
    stage.begun = threading.Semaphore(0)
    pool.tidy()
    assert stage.begun.acquire(timeout=30)
    while len(pool.figures().residents[0].pids) < 2:
        pass
    pool.change(with_terms(m=Terms(replicas=3)))
    pool.tidy()
    while len(pool.figures().residents[0].pids) < 3:
        pass
    counts = pool.figures().counts["m"]
    assert (counts.loads, counts.deaths, counts.restarts, counts.unloads) == (1, 1, 1, {})
    pool.close()


@contextlib.contextmanager
def in_use(pool: ModelPool, uri: str, *, on_trial: bool = False) -> Iterator[Running]:
    with (pool.try_out if on_trial else pool.lease)(uri, timeout_s=5) as lease:
        yield lease._model


def try_out(pool: ModelPool, uri: str) -> bytes:
    with pool.try_out(uri, timeout_s=5) as lease:
        return lease.predict(b"", "", timeout_s=1).body


def test_a_lease_on_trial_loads_where_there_is_room_and_takes_no_place(small):
    with in_use(small, "trial", on_trial=True):
        assert small.busy("trial") == 0
    assert small.is_ready("trial")


def test_a_lease_on_trial_unloads_nothing(small):
    for uri in ("a", "b"):
        ask(small, uri)
    small.tidy()
    with pytest.raises(NoMemoryForModel):
        try_out(small, "trial")
    assert small.is_ready("a")
    assert small.is_ready("b")
    assert not small.bound().keys() & {"trial"}


def test_what_had_no_room_on_trial_is_not_held_against_it(small):
    for uri in ("a", "b"):
        ask(small, uri)
    small.tidy()
    with pytest.raises(NoMemoryForModel):
        try_out(small, "trial")
    ask(small, "trial")
    assert small.is_ready("trial"), "a request gets the memory that a trial does not"


def test_what_is_on_trial_goes_first_though_it_was_used_last(small):
    ask(small, "a")
    try_out(small, "trial")
    small.tidy()
    ask(small, "b")
    assert (small.is_ready("a"), small.is_ready("trial")) == (True, False)


def test_what_is_on_trial_goes_even_in_use_and_its_user_does_without(small):
    ask(small, "a")

    def be_displaced() -> None:
        with small.try_out("trial", timeout_s=5) as lease:
            small.tidy()
            ask(small, "b")
            lease.predict(b"", "", timeout_s=1)

    with pytest.raises(NoMemoryForModel):
        be_displaced()
    assert small.is_ready("a")
    assert small.is_ready("b")


def test_what_grows_on_trial_goes_before_what_idles(small):
    ask(small, "a")
    with in_use(small, "trial", on_trial=True) as model:
        model.size_bytes = 20
        small.tidy()
        assert (small.is_ready("a"), model.ended) == (True, True)


def test_what_a_request_has_asked_for_is_on_trial_no_more(small):
    try_out(small, "trial")
    ask(small, "trial")
    try_out(small, "trial")
    with in_use(small, "trial", on_trial=True) as model:
        ask(small, "a")
        small.tidy()
        ask(small, "b")
        assert not model.ended
    assert not small.is_ready("a")


def test_a_request_that_joins_a_load_on_trial_has_the_memory_made_free_for_it(small, stage):
    for uri in ("a", "b"):
        ask(small, uri)
    small.tidy()
    fetching, go_on = threading.Event(), threading.Event()
    fetch = small._residents._loader._registry.fetch

    def slow_fetch(version, *, timeout_s):
        fetching.set()
        assert go_on.wait(30)
        return fetch(version, timeout_s=timeout_s)

    small._residents._loader._registry.fetch = slow_fetch
    with ThreadPoolExecutor(2) as threads:
        trial = threads.submit(try_out, small, "trial")
        assert fetching.wait(30)
        real = threads.submit(ask, small, "trial")
        while small._residents._residents[small.bound()["trial"]].on_trial:
            threading.Event().wait(0.001)
        go_on.set()
        assert trial.result() == real.result() == b"3"


def test_the_next_version_of_what_is_on_trial_is_on_trial_too(small, shelf):
    try_out(small, "alias")
    shelf.meanings["alias"] = "next"
    old = small.bound()["alias"]
    new = shelf.resolve("alias", timeout_s=1)
    small.follow("alias", old, new)
    ask(small, "a")
    small.tidy()
    ask(small, "b")
    assert small.is_ready("a")
    assert not small.is_ready("alias")


def test_a_gateway_is_crowded_when_more_than_a_third_of_its_places_are_held():
    admission = Admission(6)
    for uri, crowded in (("a", False), ("b", False), ("c", True)):
        admission.take(uri)
        assert admission.is_crowded() == crowded
    admission.give_back("c")
    assert not admission.is_crowded()
