"""Back-off: how long what has failed is left alone before it is tried again."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from rulegate.serving.errors import ModelUnavailable

FIRST_PAUSE_S = 0.5
"""Seconds after a first failure; doubled with each further one."""

LONGEST_PAUSE_S = 30.0
"""Where the doubling ends."""

FORGOTTEN_AFTER_S = 60.0
"""Without a failure for so long after a pause has ended, the next failure counts as a first one."""

FREE_DEATHS = 3
"""How often in a row a process of a version may end without having answered, before there is a pause."""

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class _Failed:
    times: int
    until_s: float
    error: ModelUnavailable


class Backoff:
    """Pauses by key. Not thread-safe: its owner's lock guards it.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failed: OrderedDict[Hashable, _Failed] = OrderedDict()

    def failed(self, key: Hashable, error: ModelUnavailable, *, free: int = 0) -> float:
        """Notes a failure; the first ``free`` in a row cause no pause. Returns how long the pause is, in seconds."""
        now_s = self._clock()
        before = self._failed.pop(key, None)
        times = 1 if before is None or now_s > before.until_s + FORGOTTEN_AFTER_S else before.times + 1
        doublings = min(times - 1 - free, 32)
        pause_s = 0.0 if doublings < 0 else min(FIRST_PAUSE_S * 2.0**doublings, LONGEST_PAUSE_S)
        self._failed[key] = _Failed(times, now_s + pause_s, error)
        if len(self._failed) > _MOST_KEYS:
            self._failed.popitem(last=False)
        return pause_s

    def succeeded(self, key: Hashable) -> None:
        """Forgets the failures of ``key``."""
        self._failed.pop(key, None)

    def left_s(self, key: Hashable) -> float:
        """How long the pause still is, in seconds; 0.0 without one."""
        failed = self._failed.get(key)
        return 0.0 if failed is None else max(0.0, failed.until_s - self._clock())

    def check(self, key: Hashable) -> None:
        """Returns unless there is a pause now.

        Raises:
            ModelUnavailable: The error that caused the pause, with the time that is left of it.
        """
        left_s = self.left_s(key)
        if left_s > 0:
            error = copy.copy(self._failed[key].error)
            error.message = f"{error.message}; it is tried again in {left_s:.1f} s"
            error.retry_after_s = left_s
            raise error
