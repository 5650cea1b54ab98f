"""The pool as a state machine: whatever is asked, ends, grows, moves or fails, in any order, its laws hold.

The fakes at its seams keep the books: they note each breach of a law that must hold at every moment. What must hold
once everything has come to rest is waited for.
"""

from __future__ import annotations

import contextlib
import enum
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from operator import methodcaller as call
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import rulegate.serving.pool as pool_module
from rulegate.serving.backoff import FREE_DEATHS, LONGEST_PAUSE_S
from rulegate.serving.errors import (
    ModelBroken,
    ModelDied,
    ModelNotLoaded,
    ModelOverloaded,
    ModelUnavailable,
    NoMemoryForModel,
    RegistryUnreachable,
)
from rulegate.serving.figures import Unload
from rulegate.serving.keeper import Keeper
from rulegate.serving.models import Headers, Lease, ModelVersion, Prediction, Setup, Terms
from rulegate.serving.pool import ModelPool, PoolSettings

PATIENCE_S = 5.0
"""How long anything may take before a law counts as broken; nothing takes so long when all is well."""

MODELS = ("a", "b", "c")
URIS = tuple(f"{model}@{alias}" for model in MODELS for alias in ("one", "two"))
MOST_REPLICAS = 3
CAPACITY = 16
IDLE_TIMEOUT_S = 60.0
SIZE_BYTES = 10


class Way(enum.Enum):
    """The ways in the diagram of `rulegate.serving.pool`, by the words that stand there."""

    LOADED = "loaded"
    FAILED = "failed"
    WITHOUT_MEMORY = "without memory"
    CLOSED = "closed"
    LEFT_ALONE = "left alone"
    ONE_ENDS = "one ends"
    ONE_MORE = "one more"
    ONE_TOO_MANY = "one too many"
    IDLE = "idle"
    MEMORY = "memory"
    SUPERSEDED = "superseded"
    DIED = "died"
    SHUTDOWN = "shutdown"


class Books:
    """What the fakes have seen. Breaches are told by the machine, in whose thread they fail the test."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.breaches: list[str] = []
        # How often each process is leased by those who ask, and how often on trial.
        self.leased: Counter[FakeProcess] = Counter()
        self.tried: Counter[FakeProcess] = Counter()
        # By version: processes that have ended by themselves, and loads that have failed, since one last answered.
        self.in_a_row: Counter[str] = Counter()
        # Ways of the diagram of `rulegate.serving.pool` that have been seen to be taken; its counts tell of the others.
        self.taken: set[Way] = set()
        self.closing = False

    def in_use(self) -> Counter[FakeProcess]:
        return self.leased + self.tried

    def breach(self, law: str) -> None:
        with self.lock:
            self.breaches.append(law)


class FakeRegistry:
    """Each URI means a version of its model with a number that only grows, so that what is older can be told."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.numbers = dict.fromkeys(URIS, 1)
        self.unreachable = False
        self.held: Counter[str] = Counter()

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        if self.unreachable:
            raise RegistryUnreachable("nobody answers")
        name = f"{model_uri.partition('@')[0]}/{self.numbers[model_uri]}"
        return ModelVersion(name, name, name)

    def may_move(self, model_uri: str) -> bool:
        return True

    def resolve_all(self, model_uris, *, timeout_s: float):
        def answer(uri):
            try:
                return self.resolve(uri, timeout_s=timeout_s)
            except ModelUnavailable as error:
                return error

        return {uri: answer(uri) for uri in model_uris}

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        with self._books.lock:
            self.held[version.identity] += 1
        return Path(f"/nowhere/{version.identity}")

    def release(self, version: ModelVersion) -> None:
        with self._books.lock:
            self.held[version.identity] -= 1
            if self.held[version.identity] < 0:
                self._books.breach(f"the files of {version.reference} are released more often than fetched")

    def discard(self, version: ModelVersion) -> None:
        pass


class FakeProcess:
    """A process of a version; it ends when the pool says so, or by itself."""

    def __init__(
        self, version: ModelVersion, books: Books, on_end: Callable[[], None], on_batch: Callable[[int], None]
    ) -> None:
        self.version, self._books, self._on_end, self._on_batch = version, books, on_end, on_batch
        self.size_bytes, self.answered, self.ended, self.pid = SIZE_BYTES, False, False, id(self)

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        if self.ended:
            raise ModelDied("it has ended")
        self._on_batch(1)
        with self._books.lock:
            self.answered = True
            self._books.in_a_row[self.version.reference] = 0
        return Prediction(self.version.identity.encode(), "text/plain")

    def memory_bytes(self) -> int:
        return 0 if self.ended else self.size_bytes

    def close(self) -> None:
        with self._books.lock:
            if not self.ended and not self._books.closing and self._books.leased[self]:
                self._books.breach(f"a process of {self.version.reference} is ended while it is leased")
            if any(self.version == other.version for other in +self._books.leased) and not self._books.closing:
                self._books.taken.add(Way.ONE_TOO_MANY)
        self.end()

    def end_by_itself(self) -> None:
        with self._books.lock:
            self._books.in_a_row[self.version.reference] += 1
        self.end()

    def end(self) -> None:
        with self._books.lock:
            before, self.ended = self.ended, True
        if not before:
            self._on_end()


class FakeBackend:
    """Loads at once, or when the gate is opened; fails as often as it is told to."""

    def __init__(self, books: Books, replicas: int) -> None:
        self._books, self.most_replicas = books, replicas
        self.processes: list[FakeProcess] = []
        self.loading: Counter[ModelVersion] = Counter()
        self.failures: list[ModelUnavailable] = []
        self.gate = threading.Event()
        self.gate.set()

    def load(self, version: ModelVersion, folder: Path, *, timeout_s: float, on_end, on_batch) -> FakeProcess:
        with self._books.lock:
            self.loading[version] += 1
            # One load, and where there are several processes, one that is made beside them.
            if self.loading[version] > self.most_replicas + (self.most_replicas > 1):
                self._books.breach(f"{version.reference} is loaded twice at once")
        try:
            assert self.gate.wait(PATIENCE_S)
            with self._books.lock:
                if self.failures:
                    self._books.in_a_row[version.reference] += 1
                    raise self.failures.pop()
                process = FakeProcess(version, self._books, on_end, on_batch)
                self.processes.append(process)
                return process
        finally:
            with self._books.lock:
                self.loading[version] -= 1

    def made(self, version: ModelVersion) -> int:
        with self._books.lock:
            return sum(process.version == version for process in self.processes)

    def living(self) -> list[FakeProcess]:
        with self._books.lock:
            return [process for process in self.processes if not process.ended]


class Visitor:
    """One request, in a thread of its own: gets a lease or an error, and keeps the lease until it is told to go.

    What is leased on trial may be unloaded, if nobody else uses it.
    """

    def __init__(
        self,
        pool: ModelPool,
        books: Books,
        model_uri: str,
        *,
        at_least: int,
        timeout_s: float,
        on_trial: bool = False,
    ) -> None:
        self._on_trial = on_trial
        self._held = books.tried if on_trial else books.leased
        self.model_uri, self._pool, self._books = model_uri, pool, books
        # The number of the version that the URI was seen to mean before this request came.
        self._at_least = at_least
        self._leave = threading.Event()
        self.outcome: Future[Lease] = Future()
        self._thread = threading.Thread(target=self._visit, args=(timeout_s,), daemon=True)
        self._thread.start()

    def _visit(self, timeout_s: float) -> None:
        try:
            take = self._pool.try_out if self._on_trial else self._pool.lease
            with take(self.model_uri, timeout_s=timeout_s) as lease:
                process = lease._model
                with self._books.lock:
                    self._held[process] += 1
                number = int(lease.version.reference.partition("/")[2])
                if number < self._at_least:
                    self._books.breach(
                        f"{self.model_uri} is answered by {number} after {self._at_least} has taken over"
                    )
                self.outcome.set_result(lease)
                self._leave.wait()
                with self._books.lock:
                    self._held[process] -= 1
        except ModelUnavailable as error:
            self._check_row(error)
            if "it is tried again in" in error.message:
                self._books.taken.add(Way.LEFT_ALONE)
            if error.message.endswith("cannot be loaded: other models need the memory"):
                self._books.taken.add(Way.WITHOUT_MEMORY)
            self.outcome.set_exception(error)
        except BaseException as error:
            self._books.breach(f"{self.model_uri} ends with {error!r}")
            self.outcome.set_exception(error)

    def _check_row(self, error: ModelUnavailable) -> None:
        """Nobody is kept from a version for its deaths, unless it has died in a row without an answer in between."""
        if "again and again" in error.message:
            version = error.message.split()[3]
            with self._books.lock:
                if self._books.in_a_row[version] <= FREE_DEATHS:
                    self._books.breach(f"{version} is left alone though it has answered")

    def predict(self) -> None:
        """Has the model answer, if there is a lease and it is not given back."""
        if self.outcome.done() and self.outcome.exception() is None and not self._leave.is_set():
            with contextlib.suppress(ModelDied, NoMemoryForModel):
                self.outcome.result().predict(b"", "", timeout_s=PATIENCE_S)

    def settle(self) -> None:
        """Gives it a moment to get its outcome; it need not have one, if it waits for a load or for memory."""
        with_outcome = threading.Event()
        self.outcome.add_done_callback(lambda _: with_outcome.set())
        with_outcome.wait(0.02)

    def leave(self) -> None:
        self._leave.set()

    def is_over(self) -> bool:
        return self.outcome.done() and not self._thread.is_alive()


def eventually(holds: Callable[[], bool], law: str) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until_s, law
        threading.Event().wait(0.001)


class PoolLaws(RuleBasedStateMachine):
    """Draws do not depend on what the threads have come to, so that a failure can be replayed."""

    @initialize(
        replicas=st.sampled_from([1, 1, 2]),
        limit=st.sampled_from([None, SIZE_BYTES, 2 * SIZE_BYTES + 5, 4 * SIZE_BYTES]),
    )
    def start(self, replicas: int, limit: int | None) -> None:
        self.limit, self.replicas, self.now_s = limit, replicas, 1000.0
        self.books = Books()
        self.registry = FakeRegistry(self.books)
        self.backend = FakeBackend(self.books, replicas)
        self.named, self.setup, self.raised = frozenset(MODELS), Setup(), ""
        self.pool = ModelPool(self.registry, self.backend, self._bounds(), clock=lambda: self.now_s)
        self.keeper = Keeper(self.pool, self.registry)
        self.visitors: list[Visitor] = []
        self.seen: defaultdict[str, int] = defaultdict(int)

    def _bounds(self) -> PoolSettings:
        named = [uri for uri in URIS if uri.partition("@")[0] in self.named]
        return PoolSettings(
            memory_limit_bytes=self.limit,
            capacity=CAPACITY,
            terms={uri: self._terms(uri) for uri in named},
            other_terms=self._terms(""),
        )

    def _terms(self, uri: str) -> Terms:
        """One URI has more replicas than the others, and one may be run in another way."""
        raised = uri != "" and uri == self.raised
        return Terms(
            idle_timeout_s=IDLE_TIMEOUT_S,
            load_timeout_s=PATIENCE_S,
            replicas=self.replicas + raised,
            setup=self.setup if raised else Setup(),
        )

    def _most_replicas(self, version: ModelVersion) -> int:
        return self.replicas + (self.raised.partition("@")[0] == version.identity.partition("/")[0])

    def _visit(self, uri: str, *, timeout_s: float = PATIENCE_S, on_trial: bool = False) -> Visitor:
        at_least = self.seen[uri]
        visitor = Visitor(self.pool, self.books, uri, at_least=at_least, timeout_s=timeout_s, on_trial=on_trial)
        self.visitors.append(visitor)
        return visitor

    # What can happen

    @rule(uri=st.sampled_from(URIS), patient=st.booleans())
    def ask(self, uri: str, patient: bool) -> None:
        self._visit(uri, timeout_s=PATIENCE_S if patient else 0.0).settle()

    @rule(uri=st.sampled_from(URIS))
    def try_out(self, uri: str) -> None:
        self._visit(uri, on_trial=True).settle()

    @rule(which=st.integers(0, 30))
    def give_back(self, which: int) -> None:
        if self.visitors:
            self.visitors[which % len(self.visitors)].leave()

    @rule(which=st.integers(0, 30))
    def predict(self, which: int) -> None:
        if self.visitors:
            self.visitors[which % len(self.visitors)].predict()

    @rule(which=st.integers(0, 30))
    def a_process_ends(self, which: int) -> None:
        if living := self.backend.living():
            living[which % len(living)].end_by_itself()

    @rule(uri=st.sampled_from(URIS), answers=st.lists(st.booleans(), min_size=1, max_size=FREE_DEATHS + 2))
    def a_version_is_killed_again_and_again(self, uri: str, answers: list[bool]) -> None:
        """Between two times it is loaded anew, as far as it can be, and answers or does not."""
        for does_answer in answers:
            visitor = self._visit(uri)
            visitor.settle()
            if does_answer:
                visitor.predict()
            visitor.leave()
            for process in self.backend.living():
                if process.version.identity.startswith(uri.partition("@")[0]):
                    process.end_by_itself()

    @rule(uri=st.sampled_from(URIS))
    def a_replica_is_killed_again_and_again(self, uri: str) -> None:
        """While another one is in use, which never answers, time stands still: so often it is replaced, and no more.

        Whoever asks meanwhile gets one that lives, as long as the URI means this version.
        """
        visitor = self._visit(uri)
        visitor.settle()
        if visitor.outcome.done() and visitor.outcome.exception() is None:
            lease = visitor.outcome.result()
            before = self.backend.made(lease.version)
            for _ in range(2 * FREE_DEATHS + MOST_REPLICAS):
                self.pool.tidy()
                other = self._another_that_has_not_answered(lease)
                if other is None:
                    break
                other.end_by_itself()
                self._is_served(uri, lease.version)
            # Some may have been missing before.
            replaced = self.backend.made(lease.version) - before
            if replaced and not lease._model.ended:
                self.books.taken.add(Way.ONE_MORE)
            assert replaced < FREE_DEATHS + MOST_REPLICAS, "a process that ends again and again is replaced for ever"
        visitor.leave()

    def _another_that_has_not_answered(self, lease: Lease) -> FakeProcess | None:
        """One of the version that is leased, and not the one that is leased; waits a moment until there is one."""
        until_s = time.monotonic() + 0.02
        while time.monotonic() < until_s:
            # Not one that the pool has not taken up yet: it would count as one that could not be made.
            pids = {pid for resident in self.pool.figures().residents for pid in resident.pids}
            for process in self.backend.living():
                is_other = process.version == lease.version and process is not lease._model
                if is_other and process.pid in pids and not process.answered:
                    return process
            threading.Event().wait(0.001)
        return None

    def _is_served(self, uri: str, version: ModelVersion) -> None:
        if self.pool.bound().get(uri) == version:
            visitor = self._visit(uri)
            visitor.settle()
            if self.pool.bound().get(uri) == version:
                error = visitor.outcome.exception(PATIENCE_S)
                assert error is None or isinstance(error, ModelOverloaded), f"{uri} is refused: {error}"
            visitor.leave()

    @rule(passed_s=st.sampled_from([0.5, 5.0, IDLE_TIMEOUT_S, 2 * LONGEST_PAUSE_S]))
    def time_passes(self, passed_s: float) -> None:
        self.now_s += passed_s
        self.tidy()

    @rule(which=st.integers(0, 30), size_bytes=st.sampled_from([1, SIZE_BYTES, 3 * SIZE_BYTES, 9 * SIZE_BYTES]))
    def a_process_grows(self, which: int, size_bytes: int) -> None:
        if living := self.backend.living():
            living[which % len(living)].size_bytes = size_bytes

    @rule()
    def tidy(self) -> None:
        """What is measured fits, but for what is in use; no version has more processes than it may."""
        self.pool.tidy()
        if self.backend.gate.is_set():
            eventually(self._has_few_processes, "a version has too many processes")
            eventually(self._has_only_what_is_named, "what nobody names stays loaded")
        if self.limit is not None and self.backend.gate.is_set():
            eventually(self._fits_but_for_what_is_in_use, "idle models are kept beyond the memory limit")

    @rule(
        replicas=st.sampled_from([1, 2]),
        named=st.frozensets(st.sampled_from(MODELS), min_size=1),
        raised=st.sampled_from(["", *URIS]),
        setup=st.sampled_from([Setup(), Setup(manager="uv")]),
    )
    def settings_change(self, replicas: int, named: frozenset[str], raised: str, setup: Setup) -> None:
        """Also while models are in use; who asks for one that is not named any more still gets it."""
        self.replicas, self.named, self.raised, self.setup = replicas, named, raised, setup
        self.backend.most_replicas = max(self.backend.most_replicas, replicas + 1)
        self.pool.change(self._bounds())

    @rule(uri=st.sampled_from(URIS))
    def a_uri_moves(self, uri: str) -> None:
        self.registry.numbers[uri] += 1

    @rule()
    def follow(self) -> None:
        self.keeper.refresh()
        self.keeper.set_up_anew()

    @rule(failure=st.sampled_from([ModelBroken, ModelNotLoaded]))
    def the_next_load_fails(self, failure: type[ModelUnavailable]) -> None:
        self.backend.failures.append(failure("as it was told to"))

    @rule(unreachable=st.booleans())
    def the_registry_goes_or_comes(self, unreachable: bool) -> None:
        self.registry.unreachable = unreachable

    @rule(is_open=st.booleans())
    def loads_stand_still_or_go_on(self, is_open: bool) -> None:
        if is_open:
            self.backend.gate.set()
        else:
            self.backend.gate.clear()

    # What holds all the time

    @invariant()
    def no_law_is_broken(self) -> None:
        assert not self.books.breaches, self.books.breaches

    @invariant()
    def what_has_taken_over_is_remembered(self) -> None:
        for uri, version in self.pool.bound().items():
            self.seen[uri] = max(self.seen[uri], int(version.reference.partition("/")[2]))

    # What holds in the end

    def teardown(self) -> None:
        if not hasattr(self, "pool"):
            return
        self._come_to_rest()
        self._forgets_what_nobody_uses()
        self._admits_as_many_as_at_first()
        self.books.taken.update(self._counted())
        self._ends()
        self.books.taken.update(way for way in self._counted() if way is Way.SHUTDOWN)
        self.no_law_is_broken()

    def _counted(self) -> Iterator[Way]:
        """The ways on which the pool itself counts."""
        for counts in self.pool.figures().counts.values():
            yield from (Way(unload.value) for unload in counts.unloads)
            if counts.loads:
                yield Way.LOADED
            if counts.failed_loads:
                yield Way.FAILED
            if counts.deaths > counts.unloads.get(Unload.DIED, 0):
                yield Way.ONE_ENDS

    def _come_to_rest(self) -> None:
        """Every request gets an outcome, once loads go on and memory is given back."""
        self.backend.gate.set()
        self.keeper.close()
        for visitor in self.visitors:
            visitor.leave()
        eventually(lambda: all(visitor.is_over() for visitor in self.visitors), "a request waits for ever")
        self.keeper._followers.shutdown(wait=True)
        eventually(lambda: not any(map(_is_the_pools, threading.enumerate())), "a load goes on for ever")

    def _forgets_what_nobody_uses(self) -> None:
        """Neither what was loaded nor what failed leaves a process, a held file, a binding or a byte behind."""

        def is_empty() -> bool:
            # A load that nobody waits for any more may end after this time has passed.
            self.now_s += IDLE_TIMEOUT_S
            self.pool.tidy()
            return not (
                self.pool.memory_bytes()
                or self.pool.bound()
                or self.backend.living()
                or +self.registry.held
                or +self.backend.loading
            )

        eventually(is_empty, "something is left behind")

    def _admits_as_many_as_at_first(self) -> None:
        """One model gets half of all places and then is refused, as in a pool that was never used."""
        self.registry.unreachable = False
        self.backend.failures.clear()
        self.now_s += 2 * LONGEST_PAUSE_S
        half = [self._visit(URIS[0]) for _ in range(CAPACITY // 2)]
        for visitor in half:
            visitor.outcome.result(PATIENCE_S)
        with pytest.raises(ModelOverloaded):
            self._visit(URIS[0]).outcome.result(PATIENCE_S)
        for visitor in half:
            visitor.leave()

    def _ends(self) -> None:
        self.backend.gate.clear()
        late = self._visit(URIS[-1])
        eventually(lambda: any(+self.backend.loading), "a load does not begin though there is memory")
        self.books.closing = True
        self.pool.close()
        self.backend.gate.set()
        eventually(late.is_over, "a request waits for ever for a load when the pool is closed")
        assert isinstance(late.outcome.exception(), ModelUnavailable)
        self.books.taken.add(Way.CLOSED)
        assert not self.backend.living()
        with pytest.raises(ModelUnavailable), self.pool.lease(URIS[0], timeout_s=PATIENCE_S):
            pass

    def _has_few_processes(self) -> bool:
        """No more than are wanted of what a URI means, but for those in use; what none means goes when it is idle."""
        self.pool.tidy()
        meant = set(self.pool.bound().values())
        with self.books.lock:
            living = Counter(process.version for process in self.backend.living())
            used = Counter(process.version for process, count in self.books.in_use().items() if count)
        return all(
            count <= max(self._most_replicas(version), used[version])
            for version, count in living.items()
            if version in meant
        )

    def _has_only_what_is_named(self) -> bool:
        """Of other models, what is in use."""
        self.pool.tidy()
        with self.books.lock:
            used = {process.version.identity for process, count in self.books.in_use().items() if count}
            living = {process.version.identity for process in self.backend.living()}
        return all(identity.partition("/")[0] in self.named for identity in living - used)

    def _fits_but_for_what_is_in_use(self) -> bool:
        # Again, as what is just being given back was still in use.
        self.pool.tidy()
        with self.books.lock:
            used = {process.version.identity for process, count in self.books.in_use().items() if count}
            idle = {process.version.identity for process in self.backend.living()} - used
        return self.pool.memory_bytes() <= self.limit or not idle


def _is_the_pools(thread: threading.Thread) -> bool:
    return thread.name.startswith(("load ", "resolve "))


TestPoolLaws = PoolLaws.TestCase
TestPoolLaws.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # To make a failing example smaller takes minutes, where each try waits for what does not come.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

HERE, THERE, ELSEWHERE = (f"{model}@one" for model in MODELS)
FAILS = call("the_next_load_fails", ModelNotLoaded)
ASKED, ASKED_THERE = call("ask", HERE, True), call("ask", THERE, True)
GIVEN_BACK, ENDS = call("give_back", 0), call("a_process_ends", 0)
WAYS = {
    # Replicas, the memory limit, and what happens.
    Way.LOADED: (1, None, [ASKED]),
    Way.FAILED: (1, None, [FAILS, ASKED]),
    Way.WITHOUT_MEMORY: (1, 2 * SIZE_BYTES + 5, [ASKED, ASKED_THERE, call("try_out", ELSEWHERE)]),
    Way.CLOSED: (1, None, []),
    Way.LEFT_ALONE: (1, None, [FAILS, ASKED, ASKED]),
    Way.ONE_ENDS: (2, None, [ASKED, ENDS]),
    Way.ONE_MORE: (2, None, [ASKED, *3 * [call("a_replica_is_killed_again_and_again", HERE)]]),
    Way.ONE_TOO_MANY: (2, None, [ASKED, call("settings_change", 1, frozenset(MODELS), "", Setup()), call("tidy")]),
    Way.IDLE: (1, None, [ASKED, GIVEN_BACK, call("time_passes", IDLE_TIMEOUT_S)]),
    Way.MEMORY: (1, SIZE_BYTES, [ASKED, GIVEN_BACK, ASKED_THERE]),
    Way.SUPERSEDED: (1, None, [ASKED, call("a_uri_moves", HERE), call("follow")]),
    Way.DIED: (1, None, [ASKED, ENDS]),
    Way.SHUTDOWN: (1, None, [ASKED]),
}


@pytest.mark.parametrize("way", Way, ids=lambda way: way.value)
def test_every_way_in_the_diagram_of_the_pool_is_one_that_the_machine_takes(way):
    """Here by itself; in one run of the laws, each is taken in several examples."""
    assert way.value in pool_module.__doc__
    replicas, limit, steps = WAYS[way]
    machine = PoolLaws()
    machine.start(replicas=replicas, limit=limit)
    for step in steps:
        step(machine)
        eventually(lambda: all(visitor.outcome.done() for visitor in machine.visitors), "a request waits for ever")
        machine.no_law_is_broken()
    machine.teardown()
    assert way in machine.books.taken
