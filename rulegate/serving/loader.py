"""The loader: brings a version's files and makes its processes, all that are wanted or none."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rulegate.serving.errors import ModelBroken, ModelUnavailable
from rulegate.serving.models import ModelBackend, ModelVersion, Registry
from rulegate.serving.resident import Life, Replica, Resident


@dataclass(frozen=True, slots=True)
class Hearers:
    """Who is told what becomes of a version's processes, from any thread.

    Attributes:
        on_end: Called with the life of each replica when its process has ended, be it before its load returns.
        on_batch: Called with that and the number of requests of each prediction, before any of them is answered.
    """

    on_end: Callable[[Life], None]
    on_batch: Callable[[Life, int], None]


class Loader:
    """Makes replicas; keeps no state of its own. Safe to use from many threads, which wait as long as a load takes.

    Args:
        registry: Brings files.
        backend: Makes a version answer.
        clock: Seconds that only grow.
    """

    def __init__(self, registry: Registry, backend: ModelBackend, *, clock: Callable[[], float]) -> None:
        self._registry = registry
        self._backend = backend
        self._clock = clock

    def fetch(self, version: ModelVersion, *, until_s: float) -> Path:
        """The version's files, held until they are released once.

        Raises:
            ModelUnavailable: If they cannot be brought by ``until_s`` of the clock.
        """
        return self._registry.fetch(version, timeout_s=until_s - self._clock())

    def release(self, version: ModelVersion) -> None:
        """The end of what `fetch` began."""
        self._registry.release(version)

    def start(self, version: ModelVersion, folder: Path, count: int, hearers: Hearers, until_s: float) -> list[Replica]:
        """Processes of the version, side by side: as many as asked for.

        Raises:
            ModelUnavailable: If one of them cannot be made by ``until_s`` of the clock; then none is left.
        """
        replicas: list[Replica] = []
        failures: list[ModelUnavailable] = []
        with ThreadPoolExecutor(count) as threads:
            for future in [threads.submit(self._one, version, folder, hearers, until_s) for _ in range(count)]:
                try:
                    replicas.append(future.result())
                except ModelUnavailable as error:
                    failures.append(error)
        if failures:
            for replica in replicas:
                replica.model.close()
            if any(isinstance(failure, ModelBroken) for failure in failures):
                self._registry.discard(version)
            raise failures[0]
        return replicas

    def another(self, version: ModelVersion, hearers: Hearers, *, timeout_s: float) -> Replica:
        """One more process of a version that is in memory.

        Raises:
            ModelUnavailable: If it cannot be made.
        """
        until_s = self._clock() + timeout_s
        folder = self.fetch(version, until_s=until_s)
        self.release(version)
        return self._one(version, folder, hearers, until_s)

    def _one(self, version: ModelVersion, folder: Path, hearers: Hearers, until_s: float) -> Replica:
        life = Life()

        def has_ended() -> None:
            life.ended = True
            hearers.on_end(life)

        model = self._backend.load(
            version,
            folder,
            timeout_s=until_s - self._clock(),
            on_end=has_ended,
            on_batch=partial(hearers.on_batch, life),
        )
        return Replica(model, life)


def begin(work: Callable[[Resident], None], resident: Resident) -> bool:
    """Does work on a resident that takes as long as a load, in a thread of its own; False if the system allows none."""
    thread = threading.Thread(target=work, args=(resident,), name=f"load {resident.version.reference}", daemon=True)
    with contextlib.suppress(RuntimeError):
        thread.start()
    return thread.ident is not None
