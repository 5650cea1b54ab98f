"""The replicas: gives each version in memory as many processes as it is to have, and hears of those that end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from rulegate.serving.backoff import FREE_DEATHS, Backoff
from rulegate.serving.errors import ModelDied, ModelNotLoaded, ModelUnavailable
from rulegate.serving.loader import Hearers, Loader, begin
from rulegate.serving.models import LoadedModel
from rulegate.serving.resident import Life, Replica, Resident, State
from rulegate.serving.tally import Tally

_log = logging.getLogger("rulegate.serving")


class Replicas:
    """The processes of residents that are READY.

    Args:
        loader: Makes processes.
        tally: Counts those that end by themselves, and those that are made in their place.
        lock: The residents', which guards this too; never held while a process is made.
        on_last_end: Called, with the lock held, with a resident whose last process has ended by itself.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        loader: Loader,
        tally: Tally,
        lock: threading.Condition,
        *,
        on_last_end: Callable[[Resident], None],
        clock: Callable[[], float],
    ) -> None:
        self._loader = loader
        self._tally = tally
        self._lock = lock
        self._on_last_end = on_last_end
        # Pauses before another process of a version is made, in which its requests are answered by those that it has.
        self._backoff = Backoff(clock)

    def match(self, resident: Resident) -> list[LoadedModel]:
        """Begins to make a process if the resident has too few; the lock is held.

        Returns:
            Idle ones that it has beyond, taken from it: to be closed once the lock is not held any more.
        """
        wants_one = len(resident.replicas) < resident.terms.replicas and not resident.replacing
        if wants_one and not self._backoff.left_s(resident.version):
            # The work changes this only when the lock is free.
            resident.replacing = begin(self._add, resident)
        return [replica.model for replica in resident.spare()]

    def hearers(self, resident: Resident, *, beside: bool = False) -> Hearers:
        """Who is told what becomes of the resident's processes: of one that is made ``beside`` others, or of the first.

        Takes the lock when one of them answers for the first time, and when one ends.
        """

        def on_batch(life: Life, size: int) -> None:
            if not life.answered:
                self._has_answered(resident, life, beside=beside)
            self._tally.batch(resident.version.reference, size)

        return Hearers(on_end=lambda life: self._has_ended(resident, life), on_batch=on_batch)

    def _has_answered(self, resident: Resident, life: Life, *, beside: bool) -> None:
        with self._lock:
            life.answered = resident.answered = True
            # Those that were there before tell nothing of one that takes another's place.
            if beside:
                self._backoff.succeeded(resident.version)

    def _has_ended(self, resident: Resident, life: Life) -> None:
        with self._lock:
            # One that ends before its resident is READY is missed there; one of a resident that was ended is no news.
            if not resident.lose(life):
                return
            reference = resident.version.reference
            self._tally.died(reference)
            if not resident.replicas:
                self._on_last_end(resident)
            elif not life.answered:
                error = ModelDied(f"one process of {reference} after the other ends without having answered")
                pause_s = self._backoff.failed(resident.version, error, free=FREE_DEATHS)
                if pause_s:
                    _log.warning("%s; the others answer, and it is replaced in %.1f s", error.message, pause_s)

    def _add(self, resident: Resident) -> None:
        version = resident.version
        replica, failure = self._another(resident)
        with self._lock:
            resident.replacing = False
            if replica is not None and replica.life.ended:
                failure = ModelDied("its process ended as soon as it was loaded")
            kept = failure is None and resident.state is State.READY
            if replica is not None and kept:
                resident.replicas.append(replica)
                self._tally.added(version.reference)
            if failure is not None:
                pause_s = self._backoff.failed(version, failure)
        if replica is not None and not kept:
            replica.model.close()
        if failure is not None:
            words = "another process of %s cannot be made: %s; it is tried again in %.1f s"
            facts = {"detail": failure.detail or None}
            _log.warning(words, version.reference, failure.message, pause_s, extra={"facts": facts})

    def _another(self, resident: Resident) -> tuple[Replica | None, ModelUnavailable | None]:
        version, timeout_s = resident.version, resident.terms.load_timeout_s
        try:
            return self._loader.another(version, self.hearers(resident, beside=True), timeout_s=timeout_s), None
        except ModelUnavailable as error:
            return None, error
        except Exception:  # noqa: BLE001 - logged whole
            _log.exception("another process of %s cannot be made", version.reference)
            return None, ModelNotLoaded("the gateway failed to load it")
