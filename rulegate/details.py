"""What the log says of failures in detail: once a second of one model, with a count of what was left out."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

EVERY_S: Final = 1.0
"""Seconds between two details of one model. A stack trace is twenty times as long as the line of a request."""

SHORT_CHARACTERS: Final = 200
"""What is no longer costs no more than the line that it stands in, and is always told."""

_MOST_NAMES = 10_000


class Details:
    """Tells details sparingly: how many requests fail, and so how fast a log grows, is up to clients.

    Safe to use from many threads.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # By name: when a detail was told last, and how many have been left out since; the latest name comes last.
        self._told: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def facts(self, name: str, detail: str) -> dict[str, Any]:
        """What a line of the log is to have of a failure: its detail, and how many of this name were left out before.

        Args:
            name: Whose failure it is, such as a model's version.
            detail: What only the log says of it; empty if there is nothing.

        Returns:
            The facts of the line; empty if the detail is empty, or left out itself.
        """
        if len(detail) <= SHORT_CHARACTERS:
            return {"detail": detail} if detail else {}
        with self._lock:
            now_s = self._clock()
            told_s, left_out = self._told.get(name, (-math.inf, 0))
            if now_s - told_s < EVERY_S:
                self._told[name] = told_s, left_out + 1
                return {}
            self._told[name] = now_s, 0
            self._told.move_to_end(name)
            if len(self._told) > _MOST_NAMES:
                self._told.popitem(last=False)
        return {"detail": detail, "details_left_out": left_out or None}
