"""A circuit breaker: what fails again and again is left alone for a while, then tried by one request.

    CLOSED ──  FAILURES in a row  ──► OPEN ── the pause is over, somebody asks ──► HALF_OPEN
       ▲                               ▲                                             │  │
       │                               └── the probe fails: a pause twice as long ───┘  │
       └────────────────────────────────── the probe succeeds ──────────────────────────┘

What counts as a failure is for its owner to say: that the other side is ill, never that a request was wrong.
"""

from __future__ import annotations

import enum
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final

FAILURES: Final = 5
"""Failures in a row that open a breaker."""

FIRST_PAUSE_S: Final = 1.0
"""Seconds for which it stays open at first; doubled each time that a probe fails."""

LONGEST_PAUSE_S: Final = 30.0
"""Where the doubling ends."""

_log = logging.getLogger("rulegate.breaker")


class Phase(enum.Enum):
    """What a breaker does with who asks."""

    CLOSED = "closed"
    """All may try."""
    OPEN = "open"
    """Nobody may, until the pause is over."""
    HALF_OPEN = "half_open"
    """One has been let through, as a probe; nobody else may try before it has ended."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """A breaker at one moment.

    Attributes:
        phase: What it does.
        failures: Failures in a row, up to now; also those of probes.
        opened_at_s: When it left CLOSED, by its clock; None in CLOSED.
        left_s: Seconds before a probe is let through; 0.0 where nothing but a probe is waited for.
    """

    phase: Phase
    failures: int
    opened_at_s: float | None
    left_s: float


class BreakerOpen(Exception):
    """This is not to be tried now.

    Attributes:
        retry_after_s: Seconds before which another try is in vain; at least 0.
    """

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"it is left alone for another {retry_after_s:.1f} s")
        self.retry_after_s = retry_after_s


class Breaker:
    """Knows whether one other side may be asked. Safe to use from many threads; nothing waits.

    Args:
        name: Whose health it is about, for the log.
        clock: Seconds that only grow; another one only in tests.
    """

    def __init__(self, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        # Guards all that follows. What is well is asked without it: an attempt reads the phase, and its success finds
        # nothing to change.
        self._lock = threading.Lock()
        self._phase = Phase.CLOSED
        self._failures = 0
        self._opened_at_s: float | None = None
        self._pause_s = FIRST_PAUSE_S
        self._until_s = 0.0
        # Attempts are numbered in the order in which they begin. What began before the phase changed, or before a
        # failure of all that was under way, says nothing new.
        self._numbers = itertools.count(1)
        self._changed_at = 0
        self._shared_at = 0

    def attempt(self) -> Attempt:
        """Allows one try, to be used in a ``with`` block in which its outcome is told.

        Raises:
            BreakerOpen: If it is not to be tried now.
        """
        # Numbered before the phase is read: should it change in between, this attempt is of before.
        number = next(self._numbers)
        if self._phase is Phase.CLOSED:
            return Attempt(self, number)
        with self._lock:
            if self._phase is Phase.HALF_OPEN:
                raise BreakerOpen(0.0)
            if self._phase is Phase.OPEN:
                left_s = self._until_s - self._clock()
                if left_s > 0:
                    raise BreakerOpen(left_s)
                self._change(Phase.HALF_OPEN)
            return Attempt(self, next(self._numbers))

    def state(self) -> BreakerState:
        """How it is now."""
        with self._lock:
            left_s = max(0.0, self._until_s - self._clock()) if self._phase is Phase.OPEN else 0.0
            return BreakerState(self._phase, self._failures, self._opened_at_s, left_s)

    def _succeeded(self, number: int) -> None:
        # A failure that is noted at this very moment may as well have come after this success.
        if self._failures == 0:
            return
        with self._lock:
            if number <= self._changed_at:
                return
            self._failures = 0
            if self._phase is Phase.HALF_OPEN:
                self._change(Phase.CLOSED)
                self._opened_at_s = None
                self._pause_s = FIRST_PAUSE_S
                _log.info("%s answers again", self._name)

    def _failed(self, number: int, *, shared: bool) -> None:
        with self._lock:
            if number <= self._changed_at or (shared and number <= self._shared_at):
                return
            if shared:
                self._shared_at = next(self._numbers)
            self._failures += 1
            if self._phase is Phase.HALF_OPEN:
                self._pause_s = min(self._pause_s * 2.0, LONGEST_PAUSE_S)
                self._open()
            elif self._failures >= FAILURES:
                self._opened_at_s = self._clock()
                self._open()

    def _gave_up(self, number: int) -> None:
        """An attempt has ended and says nothing; had it been the probe, the next one may be."""
        if self._phase is Phase.HALF_OPEN:
            with self._lock:
                if self._phase is Phase.HALF_OPEN and number > self._changed_at:
                    self._change(Phase.OPEN)

    # The lock is held

    def _open(self) -> None:
        self._until_s = self._clock() + self._pause_s
        self._change(Phase.OPEN)
        _log.warning(
            "%s has failed %d times in a row; it is left alone for %.0f s", self._name, self._failures, self._pause_s
        )

    def _change(self, phase: Phase) -> None:
        self._phase = phase
        self._changed_at = next(self._numbers)


class Attempt:
    """One try. For one thread; without an outcome by the end of its ``with`` block, it has none and counts as nothing.

    Only the first outcome that it is told counts.
    """

    __slots__ = ("_breaker", "_number", "_told")

    def __init__(self, breaker: Breaker, number: int) -> None:
        self._breaker = breaker
        self._number = number
        self._told = False

    def succeeded(self) -> None:
        """The other side answered, be it that the request was wrong."""
        if not self._told:
            self._told = True
            self._breaker._succeeded(self._number)

    def failed(self, *, shared: bool = False) -> None:
        """The other side is ill.

        Args:
            shared: Whether all that was under way failed with this one, as when a process dies. What else fails so and
                had begun by then is the same failure, and is not counted again.
        """
        if not self._told:
            self._told = True
            self._breaker._failed(self._number, shared=shared)

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._told:
            self._told = True
            self._breaker._gave_up(self._number)
