"""The residents: loads versions into memory, within its limit, counts who uses them, and ends them."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeout

from rulegate import waiting
from rulegate.serving.backoff import FREE_DEATHS, Backoff
from rulegate.serving.budget import Budget
from rulegate.serving.errors import ModelDied, ModelNotLoaded, ModelStillLoading, ModelUnavailable, NoMemoryForModel
from rulegate.serving.figures import ResidentFigures, Unload, figures_of
from rulegate.serving.loader import Loader, begin
from rulegate.serving.models import LoadedModel, ModelVersion, Terms
from rulegate.serving.replicas import Replicas
from rulegate.serving.resident import Replica, Resident, State
from rulegate.serving.tally import Tally

_log = logging.getLogger("rulegate.serving")

_CLOSED = "the gateway is shutting down"


class Residents:
    """The versions in memory. Safe to use from many threads; `rulegate.serving.pool` shows the life of one.

    Args:
        loader: Makes processes of versions.
        tally: Counts what happens to them.
        memory_limit_bytes: What all versions may hold together; None: anything.
        on_end: Called with each version that leaves memory, or does not get there, before anybody can begin it anew.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        loader: Loader,
        tally: Tally,
        *,
        memory_limit_bytes: int | None,
        on_end: Callable[[ModelVersion], None],
        clock: Callable[[], float],
    ) -> None:
        self._loader = loader
        self._tally = tally
        self._on_end = on_end
        self._clock = clock
        # Guards all that follows and every resident; notified when memory may have become free.
        self._lock = threading.Condition()
        self._residents: dict[ModelVersion, Resident] = {}
        self._budget = Budget(self._residents, memory_limit_bytes)
        # Pauses before a version is loaded again, in which its requests are refused.
        self._backoff = Backoff(clock)
        self._replicas = Replicas(loader, tally, self._lock, on_last_end=self._has_died, clock=clock)
        self._closed = False

    # Use

    def enter(self, version: ModelVersion, terms: Terms, *, on_trial: bool = False) -> tuple[Resident, Replica | None]:
        """The version's resident, begun on these terms if there is none, and a process; None for one to `wait` for.

        With ``on_trial``, no other version goes for this one, and until somebody else wants it, it is the first to go.

        Raises:
            ModelUnavailable: If it has just failed to load, or this is the end.
            NoMemoryForModel: With ``on_trial``, if others need the memory.
        """
        with self._lock:
            resident = self._residents.get(version)
            if on_trial and (resident is None or resident.on_trial) and self._budget.is_exceeded():
                if resident is None:
                    self._on_end(version)
                raise NoMemoryForModel("other models need the memory")
            resident = resident or self._begin(version, terms, on_trial=on_trial)
            resident.on_trial &= on_trial
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
            waiting.result_of(resident.outcome, until_s - self._clock())
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
                    ended = self._end(resident, Unload.SUPERSEDED)
                self._lock.notify_all()
        _close(ended)

    def is_ready(self, version: ModelVersion) -> bool:
        """Whether the version could be used without waiting."""
        with self._lock:
            resident = self._residents.get(version)
            return resident is not None and resident.state is State.READY

    def is_on_trial(self, version: ModelVersion) -> bool:
        """Whether the version is in memory, or on its way there, and on trial."""
        with self._lock:
            resident = self._residents.get(version)
            return resident is not None and resident.on_trial

    def held_bytes(self) -> int:
        """What all residents hold; an estimate for one that has not been measured."""
        with self._lock:
            return self._budget.held_bytes()

    def figures(self, model_uris: Mapping[ModelVersion, Sequence[str]]) -> tuple[ResidentFigures, ...]:
        """Each version in memory, or on its way there, by its reference; ``model_uris`` are those that mean it."""
        with self._lock:
            now_s = self._clock()
            residents = self._residents.values()
            found = [figures_of(resident, model_uris.get(resident.version, ()), now_s) for resident in residents]
        return tuple(sorted(found, key=lambda figures: figures.reference))

    # Leaving memory

    def supersede(self, version: ModelVersion) -> None:
        """Has the version leave memory as soon as nobody uses it."""
        ended: list[LoadedModel] = []
        with self._lock:
            resident = self._residents.get(version)
            if resident is not None:
                resident.superseded = True
                if resident.idle:
                    ended = self._end(resident, Unload.SUPERSEDED)
        _close(ended)

    def unload_idle(self, terms: Mapping[ModelVersion, Terms]) -> None:
        """Ends what is superseded, and what has not been used for as long as its terms allow.

        Versions are held on these ``terms`` from now on; one that is not among them on those that it has.
        """
        ended: list[LoadedModel] = []
        with self._lock:
            now_s = self._clock()
            for version, resident in list(self._residents.items()):
                resident.terms = terms.get(version, resident.terms)
                if not resident.idle:
                    continue
                timeout_s = resident.terms.idle_timeout_s
                if resident.superseded:
                    # It was still being loaded then, and nobody waited for it.
                    ended += self._end(resident, Unload.SUPERSEDED)
                elif timeout_s is not None and now_s - resident.last_used_s >= timeout_s:
                    ended += self._end(resident, Unload.IDLE)
        _close(ended)

    def measure(self) -> None:
        """Measures some of those used since they were last measured; ends some if all hold too much together."""
        with self._lock:
            found = [
                (resident, [replica.model for replica in resident.replicas]) for resident in self._budget.unmeasured()
            ]
        sizes = [sum(model.memory_bytes() for model in models) for _, models in found]
        ended: list[LoadedModel] = []
        with self._lock:
            for (resident, models), size_bytes in zip(found, sizes, strict=True):
                self._budget.note(resident, size_bytes, len(models), self._clock())
            while self._budget.is_exceeded() and (victim := self._budget.victim()):
                ended += self._end(victim, Unload.MEMORY)
        _close(ended)

    def change(self, *, memory_limit_bytes: int | None) -> None:
        """Takes another bound; what is in memory is brought within it by `measure`."""
        with self._lock:
            self._budget.limit_bytes = memory_limit_bytes
            self._lock.notify_all()

    def match_replicas(self) -> None:
        """Begins to make a process for each one that a resident lacks, and ends idle ones that it has beyond."""
        ended: list[LoadedModel] = []
        with self._lock:
            for resident in self._residents.values():
                if resident.state is State.READY:
                    ended += self._replicas.match(resident)
        _close(ended)

    def close(self) -> None:
        """Ends all at once, those in use too. Nothing can be entered any more. Safe to call again."""
        ended: list[LoadedModel] = []
        with self._lock:
            self._closed = True
            for resident in list(self._residents.values()):
                if resident.state is State.READY:
                    ended += self._end(resident, Unload.SHUTDOWN)
            self._lock.notify_all()
        _close(ended)

    def _end(self, resident: Resident, why: Unload, words: str = "") -> list[LoadedModel]:
        """Ends a resident; the processes to close once the lock, which is held, is not."""
        _log.info("%s is unloaded: %s", resident.version.reference, words or why.words)
        self._tally.unloaded(resident.version.reference, why)
        resident.displaced = why is Unload.MEMORY
        models = [replica.model for replica in resident.replicas]
        self._forget(resident)
        return models

    def _has_died(self, resident: Resident) -> None:
        reference = resident.version.reference
        if not resident.answered:
            error = ModelDied(f"the process of {reference} ends again and again without having answered")
            pause_s = self._backoff.failed(resident.version, error, free=FREE_DEATHS)
            if pause_s:
                _log.warning("%s; it is left alone for %.1f s", error.message, pause_s)
        self._tally.unloaded(reference, Unload.DIED)
        self._forget(resident)

    def _forget(self, resident: Resident) -> None:
        resident.state = State.ENDED
        resident.replicas = []
        del self._residents[resident.version]
        if resident.answered:
            self._backoff.succeeded(resident.version)
        if resident.fetched:
            self._loader.release(resident.version)
        self._on_end(resident.version)
        self._lock.notify_all()

    # Coming into memory

    def _begin(self, version: ModelVersion, terms: Terms, *, on_trial: bool) -> Resident:
        try:
            if self._closed:
                raise ModelNotLoaded(_CLOSED)
            self._backoff.check(version)
        except ModelUnavailable:
            self._on_end(version)
            raise
        resident = self._residents[version] = Resident(version, terms, self._clock(), on_trial=on_trial)
        # In a thread of its own: the first request may have less time than the load needs.
        if begin(self._load, resident):
            return resident
        self._forget(resident)
        raise ModelNotLoaded(f"{version.reference} cannot be loaded: the system allows no more threads")

    def _load(self, resident: Resident) -> None:
        version, begin_s = resident.version, self._clock()
        failure: ModelUnavailable
        try:
            replicas = self._bring(resident, begin_s + resident.terms.load_timeout_s)
        except ModelUnavailable as error:
            failure = error
        except Exception:  # noqa: BLE001 - logged whole, and told to whoever waits
            _log.exception("%s cannot be loaded", version.reference)
            failure = ModelNotLoaded("the gateway failed to load it; its log tells why")
        else:
            with self._lock:
                living = [replica for replica in replicas if not replica.life.ended]
                if living and not self._closed:
                    load_s = resident.be_ready(living, begin_s, self._clock())
                    self._tally.loaded(version.reference, load_s, len(living))
            if resident.state is State.READY:
                _log.info("%s is loaded in %.2f s", version.reference, load_s)
                resident.outcome.set_result(None)
                self.measure()
                return
            _close([replica.model for replica in replicas])
            failure = ModelDied(f"the process of {version.reference} ended as soon as it was loaded")
            if self._closed:
                failure = ModelNotLoaded(_CLOSED)
        failure.message = f"{version.reference} cannot be loaded: {failure.message}"
        facts = {"detail": failure.take_detail() or None}
        pause_s = 0.0
        with self._lock:
            # One that had to do without memory has ended by now, and is no worse for it.
            if resident.state is not State.ENDED:
                self._tally.failed(version.reference)
                pause_s = self._backoff.failed(version, failure)
                self._forget(resident)
        pause = f"; it is left alone for {pause_s:.1f} s" if pause_s else ""
        _log.warning("%s%s", failure.message, pause, extra={"facts": facts})
        resident.outcome.set_exception(failure)

    def _bring(self, resident: Resident, until_s: float) -> list[Replica]:
        """The version's processes, all of them, or none and an error."""
        version, wanted = resident.version, resident.terms.replicas
        _log.info("%s is being loaded", version.reference)
        folder = self._loader.fetch(version, until_s=until_s)
        resident.fetched = True
        self._make_room(resident, wanted * self._budget.expected_bytes(version, folder), until_s)
        return self._loader.start(version, folder, wanted, self._replicas.hearers(resident), until_s)

    # Memory

    def _make_room(self, resident: Resident, needed_bytes: int, until_s: float) -> None:
        """Reserves memory for a resident that is being loaded; ends others for it, see `Budget.victim`."""
        while True:
            ended: list[LoadedModel] = []
            with self._lock:
                if resident.on_trial and self._budget.is_exceeded(needed_bytes):
                    # Under the lock: whoever comes now and is not on trial begins it anew.
                    self._forget(resident)
                    raise NoMemoryForModel("other models need the memory")
                while self._budget.is_exceeded(needed_bytes) and (victim := self._budget.victim()):
                    words = f"its memory is needed for {resident.version.reference}"
                    ended += self._end(victim, Unload.MEMORY, words)
                # A version that is larger than the limit all by itself may be alone; what it holds will show.
                fits = not self._budget.is_exceeded(needed_bytes) or self._budget.held_bytes() == 0
                if fits:
                    resident.memory_bytes = needed_bytes
                elif not ended:
                    left_s = until_s - self._clock()
                    if self._closed or left_s <= 0 or not self._lock.wait(left_s):
                        raise NoMemoryForModel("the memory for models is taken by models that are in use")
            _close(ended)
            if fits:
                return


def _close(models: list[LoadedModel]) -> None:
    for model in models:
        model.close()
