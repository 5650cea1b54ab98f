"""Counts of events and of durations that many threads add to, by the names that tell them apart."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

Key = tuple[str, ...]
"""What is counted, such as an endpoint and a route of it. The names are those of a configuration, so there are few."""

Keep = Callable[[Key], bool]

BOUNDS_S: Final = (
    *(0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005),
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
"""The upper bounds, inclusive, in seconds, of the classes into which durations are counted."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How durations are distributed: of ``counts``, each number takes in those before it, and the last is of all."""

    counts: tuple[int, ...]
    sum_s: float


def spread_of(counted: Sequence[float]) -> Spread:
    """The spread of what was counted: the counts of the classes of `BOUNDS_S`, of what is beyond them, and the sum."""
    *counts, sum_s = counted
    return Spread(tuple(accumulate(int(count) for count in counts)), sum_s)


class Counts:
    """Counts events by key. Safe to use from many threads; what is counted is never lost, nor counted twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Key, int] = {}

    def count(self, *key: str) -> None:
        """One more event. Takes a fraction of a microsecond."""
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1

    def counts(self) -> dict[Key, int]:
        """How many events there have been, by key."""
        with self._lock:
            return dict(self._counts)

    def retain(self, keep: Keep) -> None:
        """Forgets all keys but some, so that names which come and go do not pile up."""
        with self._lock:
            self._counts = {key: count for key, count in self._counts.items() if keep(key)}


class Durations:
    """Counts durations by key, in the classes of `BOUNDS_S`. Safe to use from many threads, as `Counts`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # For each key the counts of the classes, the one without a bound last, and the sum behind them.
        self._spreads: dict[Key, list[float]] = {}

    def note(self, key: Key, seconds: float) -> None:
        """One more duration. Takes a fraction of a microsecond."""
        place = bisect_left(BOUNDS_S, seconds)
        with self._lock:
            spread = self._spreads.get(key)
            if spread is None:
                spread = self._spreads[key] = [0] * (len(BOUNDS_S) + 2)
            spread[place] += 1
            spread[-1] += seconds

    def spreads(self) -> dict[Key, Spread]:
        """How the durations of each key are distributed."""
        with self._lock:
            copied = {key: list(spread) for key, spread in self._spreads.items()}
        return {key: spread_of(spread) for key, spread in copied.items()}

    def retain(self, keep: Keep) -> None:
        """As `Counts.retain`."""
        with self._lock:
            self._spreads = {key: spread for key, spread in self._spreads.items() if keep(key)}
