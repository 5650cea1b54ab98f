"""The budget: what versions in memory hold, measured or expected, against what they may hold together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rulegate.serving.models import ModelVersion
from rulegate.serving.resident import Resident, State

MEASURED_AT_ONCE = 8
"""Residents whose memory one round measures: to read it takes the kernel milliseconds."""


class Budget:
    """Not thread-safe: the residents' lock guards it.

    Args:
        residents: What is in memory, or on its way there; others change it.
        limit_bytes: What they may hold together; None: anything.
    """

    def __init__(self, residents: Mapping[ModelVersion, Resident], limit_bytes: int | None) -> None:
        self.limit_bytes = limit_bytes
        self._residents = residents
        # What one process of each version held when it was last measured, for when it is loaded again.
        self._sizes: dict[ModelVersion, int] = {}

    def held_bytes(self) -> int:
        """What all residents hold; for those that have not been measured, what was expected."""
        return sum(resident.memory_bytes for resident in self._residents.values())

    def is_exceeded(self, extra_bytes: int = 0) -> bool:
        """Whether the residents, and so much beside them, are more than may be."""
        return self.limit_bytes is not None and self.held_bytes() + extra_bytes > self.limit_bytes

    def victim(self) -> Resident | None:
        """Who goes when memory is short: who is on trial, even in use; else who has idled longest; None: nobody can."""
        found = [r for r in self._residents.values() if r.idle or (r.on_trial and r.state is State.READY)]
        return min(found, key=lambda r: (not r.on_trial, not r.idle, r.last_used_s), default=None)

    def expected_bytes(self, version: ModelVersion, folder: Path) -> int:
        """What a process of a version is likely to hold: what one held last.

        Of a version that has not been measured: as much as its files, and no less than the smallest of the others, for
        a process takes some ten megabytes however small its model is.
        """
        measured = self._sizes.get(version)
        if measured is not None:
            return measured
        files_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return max(files_bytes, min(self._sizes.values(), default=0))

    def unmeasured(self) -> list[Resident]:
        """Some of the residents that have been used since they were last measured, those first whose turn it is."""
        stale = [resident for resident in self._residents.values() if _is_stale(resident)]
        stale.sort(key=lambda resident: resident.measured_s or 0.0)
        return stale[:MEASURED_AT_ONCE]

    def note(self, resident: Resident, size_bytes: int, processes: int, now_s: float) -> None:
        """Takes what a resident's processes were measured to hold together."""
        # A process that has ended meanwhile measures as nothing.
        if resident.state is State.READY and size_bytes:
            resident.memory_bytes, resident.measured_s = size_bytes, now_s
            self._sizes[resident.version] = size_bytes // processes


def _is_stale(resident: Resident) -> bool:
    if resident.state is not State.READY:
        return False
    return resident.measured_s is None or resident.in_use > 0 or resident.last_used_s >= resident.measured_s
