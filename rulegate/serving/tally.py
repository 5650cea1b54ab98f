"""The tally: counts what happens to versions, also of those that have left memory."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from rulegate.serving.figures import BATCH_SIZES, Unload, VersionCounts

MOST_VERSIONS = 10_000
"""Versions that are remembered; beyond, the one to which nothing has happened for the longest is forgotten."""


@dataclass(slots=True)
class _Counts:
    loads: int = 0
    load_s: float = 0.0
    failed_loads: int = 0
    unloads: Counter[Unload] = field(default_factory=Counter)
    deaths: int = 0
    restarts: int = 0
    # Processes that have died and that no other has replaced yet.
    missing: int = 0
    batches: list[int] = field(default_factory=lambda: [0] * len(BATCH_SIZES))
    batched_requests: int = 0


class Tally:
    """Counts by the reference of a version. Safe to use from many threads; nothing is called while its lock is held."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, _Counts] = OrderedDict()

    def loaded(self, reference: str, seconds: float, processes: int) -> None:
        """Counts a version that has come into memory."""
        with self._lock:
            counts = self._of(reference)
            counts.loads += 1
            counts.load_s += seconds
            _replace(counts, processes)

    def added(self, reference: str) -> None:
        """Counts a process that was made beside those that a version had."""
        with self._lock:
            _replace(self._of(reference), 1)

    def failed(self, reference: str) -> None:
        """Counts a load that failed."""
        with self._lock:
            self._of(reference).failed_loads += 1

    def died(self, reference: str) -> None:
        """Counts a process that ended by itself."""
        with self._lock:
            counts = self._of(reference)
            counts.deaths += 1
            counts.missing += 1

    def unloaded(self, reference: str, why: Unload) -> None:
        """Counts a version that has left memory."""
        with self._lock:
            self._of(reference).unloads[why] += 1

    def batch(self, reference: str, size: int) -> None:
        """Counts a prediction for ``size`` requests, at least one."""
        with self._lock:
            counts = self._of(reference)
            counts.batches[(size - 1).bit_length()] += 1
            counts.batched_requests += size

    def counts(self) -> dict[str, VersionCounts]:
        """All counts, by the version's reference, in order."""
        with self._lock:
            found = {
                reference: VersionCounts(
                    loads=counts.loads,
                    load_s=counts.load_s,
                    failed_loads=counts.failed_loads,
                    unloads=dict(counts.unloads),
                    deaths=counts.deaths,
                    restarts=counts.restarts,
                    batches=tuple(counts.batches),
                    batched_requests=counts.batched_requests,
                )
                for reference, counts in self._counts.items()
            }
        return dict(sorted(found.items()))

    def _of(self, reference: str) -> _Counts:
        counts = self._counts.get(reference)
        if counts is None:
            counts = self._counts[reference] = _Counts()
            if len(self._counts) > MOST_VERSIONS:
                self._counts.popitem(last=False)
        else:
            self._counts.move_to_end(reference)
        return counts


def _replace(counts: _Counts, processes: int) -> None:
    replaced = min(counts.missing, processes)
    counts.restarts += replaced
    counts.missing -= replaced
