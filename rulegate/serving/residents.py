"""The residents: loads versions into memory, within its limit, counts who uses them, and ends them."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

from rulegate.serving.backoff import Backoff
from rulegate.serving.errors import (
    ModelBroken,
    ModelDied,
    ModelNotLoaded,
    ModelStillLoading,
    ModelUnavailable,
    NoMemoryForModel,
)
from rulegate.serving.models import LoadedModel, ModelBackend, ModelVersion, Registry
from rulegate.serving.resident import Replica, Resident, State

_log = logging.getLogger("rulegate.serving")

MEASURED_AT_ONCE = 8
"""Residents whose memory one round measures: to read it takes the kernel milliseconds."""

FREE_DEATHS = 3
"""Deaths of a version's process after which it is started again without a pause."""


class Residents:
    """The versions in memory. Safe to use from many threads; see `State` for the life of one.

    Args:
        registry: Brings files.
        backend: Makes a version answer.
        load_timeout_s: How long fetching and loading may take together.
        memory_limit_bytes: What all versions may hold together; None: anything.
        replicas: Processes of one version.
        on_end: Called with each version that leaves memory, or does not get there, before anybody can begin it anew.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        registry: Registry,
        backend: ModelBackend,
        *,
        load_timeout_s: float,
        memory_limit_bytes: int | None,
        replicas: int,
        on_end: Callable[[ModelVersion], None],
        clock: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._load_timeout_s = load_timeout_s
        self._memory_limit_bytes = memory_limit_bytes
        self._replicas = replicas
        self._on_end = on_end
        self._clock = clock
        # Guards all that follows and every resident; notified when memory may have become free.
        self._lock = threading.Condition()
        self._residents: dict[str, Resident] = {}
        # What each version held when it was last measured, for when it is loaded again.
        self._sizes: dict[str, int] = {}
        self._backoff = Backoff(clock)
        self._closed = False

    # Use

    def enter(self, version: ModelVersion) -> tuple[Resident, Replica | None]:
        """The version's resident, begun if there is none, and a process of it; None for one to `wait` for.

        Raises:
            ModelUnavailable: If it has just failed to load, or this is the end.
        """
        with self._lock:
            resident = self._residents.get(version.identity) or self._begin(version)
            # Somebody's URI means it, or meant it a moment ago; who finds the latter supersedes it again.
            resident.superseded = False
            if resident.state is State.READY:
                return resident, resident.take()
            resident.waiting += 1
            return resident, None

    def wait(self, resident: Resident, *, until_s: float) -> Replica | None:
        """Ends the waiting that `enter` began: a process, or None if the resident has ended since it was ready.

        Raises:
            ModelUnavailable: If it cannot be loaded, or is not ready by ``until_s`` of the clock.
        """
        failure: ModelUnavailable | None = None
        try:
            resident.outcome.result(timeout=max(0.0, until_s - self._clock()))
        except FutureTimeout:
            failure = ModelStillLoading(f"{resident.version.reference} is still being loaded")
        except ModelUnavailable as error:
            # One error for all who wait, but each raises its own.
            failure = copy.copy(error)
        with self._lock:
            resident.waiting -= 1
            # Taken before anybody can find it idle.
            if failure is None and resident.state is State.READY:
                return resident.take()
        if failure is not None:
            raise failure from None
        return None

    def give_back(self, resident: Resident, replica: Replica) -> None:
        """Ends the use that `enter` or `wait` began."""
        ended: list[LoadedModel] = []
        with self._lock:
            resident.give_back(replica, self._clock())
            if resident.idle:
                if resident.superseded:
                    ended = self._end(resident, "no model URI means it any more")
                self._lock.notify_all()
        _close(ended)

    def is_ready(self, version: ModelVersion) -> bool:
        """Whether the version could be used without waiting."""
        with self._lock:
            resident = self._residents.get(version.identity)
            return resident is not None and resident.state is State.READY

    def held_bytes(self) -> int:
        """What all residents hold; an estimate for one that has not been measured."""
        with self._lock:
            return self._held_bytes()

    # Leaving memory

    def supersede(self, version: ModelVersion) -> None:
        """Has the version leave memory as soon as nobody uses it."""
        ended: list[LoadedModel] = []
        with self._lock:
            resident = self._residents.get(version.identity)
            if resident is not None:
                resident.superseded = True
                if resident.idle:
                    ended = self._end(resident, "no model URI means it any more")
        _close(ended)

    def unload_idle(self, *, since_s: float | None) -> None:
        """Ends what is superseded, and what has not been used since ``since_s`` of the clock; None: only the former."""
        ended: list[LoadedModel] = []
        with self._lock:
            for resident in [resident for resident in self._residents.values() if resident.idle]:
                if resident.superseded:
                    # It was still being loaded then, and nobody waited for it.
                    ended += self._end(resident, "no model URI means it any more")
                elif since_s is not None and resident.last_used_s <= since_s:
                    ended += self._end(resident, "nobody has asked for it")
        _close(ended)

    def measure(self) -> None:
        """Measures some of those used since they were last measured; ends idle ones if all hold too much together."""
        with self._lock:
            stale = [resident for resident in self._residents.values() if _is_stale(resident)]
            stale.sort(key=lambda resident: resident.measured_s or 0.0)
            models = {id(r): [replica.model for replica in r.replicas] for r in stale[:MEASURED_AT_ONCE]}
        sizes = {key: sum(model.memory_bytes() for model in replicas) for key, replicas in models.items()}
        ended: list[LoadedModel] = []
        with self._lock:
            for resident in stale[:MEASURED_AT_ONCE]:
                self._note_size(resident, sizes[id(resident)])
            while self._is_over_limit(0) and (victim := self._least_recently_used()):
                ended += self._end(victim, "all hold too much memory together")
        _close(ended)

    def change(self, *, load_timeout_s: float, memory_limit_bytes: int | None, replicas: int) -> None:
        """Takes other bounds; what is in memory is brought within them by `measure` and `match_replicas`."""
        with self._lock:
            self._load_timeout_s = load_timeout_s
            self._memory_limit_bytes = memory_limit_bytes
            self._replicas = replicas
            self._lock.notify_all()

    def match_replicas(self) -> None:
        """Begins to make a process for each one that a resident lacks, and ends idle ones that it has beyond."""
        ended: list[LoadedModel] = []
        with self._lock:
            for resident in self._residents.values():
                if resident.state is not State.READY:
                    continue
                ended += [replica.model for replica in resident.spare(self._replicas)]
                if len(resident.replicas) < self._replicas and not resident.replacing:
                    resident.replacing = True
                    self._spawn(self._add_replica, resident)
        _close(ended)

    def close(self) -> None:
        """Ends all at once, those in use too. Nothing can be entered any more. Safe to call again."""
        ended: list[LoadedModel] = []
        with self._lock:
            self._closed = True
            for resident in list(self._residents.values()):
                if resident.state is State.READY:
                    ended += self._end(resident, "the gateway is shutting down")
            self._lock.notify_all()
        _close(ended)

    def _end(self, resident: Resident, why: str) -> list[LoadedModel]:
        """Ends a resident; the processes to close once the lock, which is held, is not."""
        _log.info("%s is unloaded: %s", resident.version.reference, why)
        models = [replica.model for replica in resident.replicas]
        self._forget(resident)
        return models

    def _forget(self, resident: Resident) -> None:
        resident.state = State.ENDED
        resident.replicas = []
        del self._residents[resident.version.identity]
        if resident.fetched:
            self._registry.release(resident.version)
        self._on_end(resident.version)
        self._lock.notify_all()

    # Coming into memory

    def _begin(self, version: ModelVersion) -> Resident:
        try:
            if self._closed:
                raise ModelNotLoaded("the gateway is shutting down")
            self._backoff.check(version.identity)
        except ModelUnavailable:
            self._on_end(version)
            raise
        resident = self._residents[version.identity] = Resident(version, self._clock())
        # In a thread of its own: the first request may have less time than the load needs.
        self._spawn(self._load, resident)
        return resident

    def _spawn(self, work: Callable[[Resident], None], resident: Resident) -> None:
        threading.Thread(target=work, args=(resident,), name=f"load {resident.version.reference}", daemon=True).start()

    def _load(self, resident: Resident) -> None:
        version, begin_s = resident.version, self._clock()
        failure: ModelUnavailable
        try:
            replicas = self._bring(resident, begin_s + self._load_timeout_s)
        except ModelUnavailable as error:
            failure = error
        except Exception:  # noqa: BLE001 - logged whole, and told to whoever waits
            _log.exception("%s cannot be loaded", version.reference)
            failure = ModelNotLoaded("the gateway failed to load it; its log tells why")
        else:
            with self._lock:
                resident.replicas = [replica for replica in replicas if not replica.ended.is_set()]
                if resident.replicas and not self._closed:
                    resident.state = State.READY
                    resident.last_used_s = self._clock()
            if resident.state is State.READY:
                _log.info("%s is loaded in %.2f s", version.reference, self._clock() - begin_s)
                resident.outcome.set_result(None)
                self.measure()
                return
            _close([replica.model for replica in replicas])
            failure = ModelDied(f"the process of {version.reference} ended as soon as it was loaded")
        _log.warning("%s cannot be loaded: %s", version.reference, failure.message, extra={"facts": _facts(failure)})
        failure.message = f"{version.reference} cannot be loaded: {failure.message}"
        with self._lock:
            self._backoff.failed(version.identity, failure)
            self._forget(resident)
        resident.outcome.set_exception(failure)

    def _bring(self, resident: Resident, until_s: float) -> list[Replica]:
        """The version's processes, all of them, or none and an error."""
        version = resident.version
        _log.info("%s is being loaded", version.reference)
        folder = self._registry.fetch(version, timeout_s=until_s - self._clock())
        resident.fetched = True
        self._make_room(resident, self._expected_bytes(version, folder), until_s)
        replicas: list[Replica] = []
        failures: list[ModelUnavailable] = []
        wanted = self._replicas
        with ThreadPoolExecutor(wanted) as threads:
            for future in [threads.submit(self._start, resident, folder, until_s) for _ in range(wanted)]:
                try:
                    replicas.append(future.result())
                except ModelUnavailable as error:
                    failures.append(error)
        if failures:
            _close([replica.model for replica in replicas])
            if any(isinstance(failure, ModelBroken) for failure in failures):
                self._registry.discard(version)
            raise failures[0]
        return replicas

    def _start(self, resident: Resident, folder: Path, until_s: float) -> Replica:
        ended = threading.Event()

        def on_end() -> None:
            ended.set()
            self._replica_ended(resident, ended)

        timeout_s = until_s - self._clock()
        return Replica(self._backend.load(resident.version, folder, timeout_s=timeout_s, on_end=on_end), ended)

    def _replica_ended(self, resident: Resident, ended: threading.Event) -> None:
        with self._lock:
            living = [replica for replica in resident.replicas if replica.ended is not ended]
            # One that ends before its resident is READY is missed there; one of a resident that was ended is no news.
            if resident.state is not State.READY or len(living) == len(resident.replicas):
                return
            resident.replicas = living
            if not living:
                error = ModelDied(f"the process of {resident.version.reference} ends again and again")
                self._backoff.failed(resident.version.identity, error, free=FREE_DEATHS)
                self._forget(resident)

    def _add_replica(self, resident: Resident) -> None:
        try:
            until_s = self._clock() + self._load_timeout_s
            folder = self._registry.fetch(resident.version, timeout_s=self._load_timeout_s)
            self._registry.release(resident.version)
            replica = self._start(resident, folder, until_s)
        except ModelUnavailable as error:
            _log.warning("another process of %s cannot be made: %s", resident.version.reference, error.message)
            with self._lock:
                resident.replacing = False
            return
        with self._lock:
            resident.replacing = False
            kept = resident.state is State.READY and not replica.ended.is_set()
            if kept:
                resident.replicas.append(replica)
        if not kept:
            _close([replica.model])

    # Memory; the lock is held

    def _make_room(self, resident: Resident, needed_bytes: int, until_s: float) -> None:
        """Reserves memory for a resident that is being loaded; ends idle ones for it, least recently used first."""
        while True:
            ended: list[LoadedModel] = []
            with self._lock:
                while self._is_over_limit(needed_bytes) and (victim := self._least_recently_used()):
                    ended += self._end(victim, f"its memory is needed for {resident.version.reference}")
                # A version that is larger than the limit all by itself may be alone; what it holds will show.
                fits = not self._is_over_limit(needed_bytes) or self._held_bytes() == 0
                if fits:
                    resident.memory_bytes = needed_bytes
                elif not ended:
                    left_s = until_s - self._clock()
                    if self._closed or left_s <= 0 or not self._lock.wait(left_s):
                        raise NoMemoryForModel("the memory for models is taken by models that are in use")
            _close(ended)
            if fits:
                return

    def _expected_bytes(self, version: ModelVersion, folder: Path) -> int:
        """What a version is likely to hold: what it held last, else as much as its files."""
        measured = self._sizes.get(version.identity)
        if measured is not None:
            return measured
        files = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return files * self._replicas

    def _held_bytes(self) -> int:
        return sum(resident.memory_bytes for resident in self._residents.values())

    def _is_over_limit(self, extra_bytes: int) -> bool:
        limit_bytes = self._memory_limit_bytes
        return limit_bytes is not None and self._held_bytes() + extra_bytes > limit_bytes

    def _least_recently_used(self) -> Resident | None:
        idle = [resident for resident in self._residents.values() if resident.idle]
        return min(idle, key=lambda resident: resident.last_used_s, default=None)

    def _note_size(self, resident: Resident, size_bytes: int) -> None:
        # A process that has ended meanwhile measures as nothing.
        if resident.state is State.READY and size_bytes:
            resident.memory_bytes, resident.measured_s = size_bytes, self._clock()
            self._sizes[resident.version.identity] = size_bytes


def _is_stale(resident: Resident) -> bool:
    if resident.state is not State.READY:
        return False
    return resident.measured_s is None or resident.in_use > 0 or resident.last_used_s >= resident.measured_s


def _facts(failure: ModelUnavailable) -> dict[str, str]:
    return {"detail": failure.detail} if failure.detail else {}


def _close(models: list[LoadedModel]) -> None:
    for model in models:
        model.close()
