"""Asks shadows about copies of requests, in threads of its own, from a queue that is bounded in bytes.

    the real answer is there ── sampled? ── room? ──► waits ──► asked ──► compared ──► counted, logged
                                               └── no: dropped, and counted

Can a copy slow its request down? It is offered after the answer has been computed, and `offer` never waits: what has no
room is dropped at once. Can it take what requests need? Whatever is scarce, copies are the first to go without: none is
asked while the gateway is busy, and none unloads a model (`NoMemoryForModel` drops it). Can one shadow that hangs stop
the others? It has one thread fewer than there are, and no more bytes than are still free. What is held at most?
`MAX_HELD_BYTES`, request and answer of each copy, those that are being asked included. What of a shadow that is ill? It
is left alone as a target is, and its copies are dropped before they take up anything.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rulegate.breaker import Breaker, BreakerOpen
from rulegate.counting import Counts, Durations, Keep
from rulegate.details import Details
from rulegate.log import FACTS
from rulegate.serving.errors import ModelOverloaded, NoMemoryForModel, ServingError
from rulegate.serving.health import tell
from rulegate.serving.models import Prediction
from rulegate.shadowing.agreement import difference
from rulegate.shadowing.copies import Copy

THREADS: Final = 4
"""Copies that are asked at once; of one shadow, one fewer."""

MAX_HELD_BYTES: Final = 64 * 1024 * 1024
"""What all copies may take up together."""

MAX_ANSWER_BYTES: Final = 256 * 1024
"""The largest answer that is compared, inclusive: to read a larger one would take time from requests."""

MAX_LONGER: Final = 8
"""How many times longer a shadow's answer may be than `MAX_ANSWER_BYTES`: numbers have more digits or fewer."""

MEMORY_PAUSE_S: Final = 10.0
"""Seconds for which a model is not asked again for which there was no memory: to find that out is work too."""

_log = logging.getLogger("rulegate.shadow")


class Outcome(enum.Enum):
    """What came of a copy. The values are words of the metrics."""

    AGREED = "agreed"
    DISAGREED = "disagreed"
    FAILED = "failed"
    DROPPED = "dropped"


class Dropped(enum.Enum):
    """Why a copy was dropped. The values are words of the metrics."""

    FULL = "full"
    """There was no room for it in the queue."""
    BUSY = "busy"
    """The gateway had requests enough, or the shadow's model had."""
    MEMORY = "memory"
    """Other models need the memory that the shadow's would take, or needed it a moment ago."""
    LARGE = "large"
    """One of the answers is too large to be compared."""
    LEFT_ALONE = "left_alone"
    """The shadow's model is ill: it has failed again and again."""
    RELOADED = "reloaded"
    """The configuration changed while it waited."""


@dataclass(slots=True)
class _Line:
    """The copies for one model. The lock of `Shadows` guards it."""

    waiting: deque[Copy] = field(default_factory=deque)
    asked: int = 0
    held: int = 0
    held_bytes: int = 0


Ask = Callable[[Copy], tuple[Prediction, float]]
"""Asks the shadow's model: its answer, of one in parts the first, and the seconds that it took to predict; raises
`ServingError`."""


class Shadows:
    """Takes copies of requests, and records what shadows make of them. Safe to use from many threads.

    Args:
        ask: Asks a shadow's model, without taking anything from real requests.
        is_busy: Whether the gateway has so many requests that shadows must stand back.
        random: A number in [0, 1), uniformly distributed: each request is sampled by itself.
        max_held_bytes: See `MAX_HELD_BYTES`.
        clock: Seconds that only grow; another one only in tests.
    """

    def __init__(
        self,
        ask: Ask,
        *,
        is_busy: Callable[[], bool],
        random: Callable[[], float],
        max_held_bytes: int = MAX_HELD_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._is_busy = is_busy
        self._random = random
        self._clock = clock
        self._details = Details(clock)
        self._free_bytes = max_held_bytes
        # Guards all that follows; notified when a thread may have something to do.
        self._lock = threading.Condition()
        self._lines: dict[str, _Line] = {}
        # When each model for which there was no memory may be tried again.
        self._pauses: dict[str, float] = {}
        # The health of each shadow, by its names and its model.
        self._breakers: dict[tuple[str, ...], Breaker] = {}
        self._threads = 0
        self._closed = False
        self.outcomes = Counts()
        """How many copies came to what: by endpoint, route, shadow and `Outcome`."""
        self.drops = Counts()
        """How many were dropped: by endpoint, route, shadow and `Dropped`."""
        self.durations = Durations()
        """How long predicting took, for the same requests: by endpoint, route, shadow, and `real` or `shadow`."""

    def start(self) -> None:
        """Begins, in threads of its own; until then, what is offered waits. Safe to call again."""
        with self._lock:
            missing, self._threads = THREADS - self._threads, THREADS
        for _ in range(missing):
            threading.Thread(target=self._run, name="shadow", daemon=True).start()

    def offer(self, copy: Copy) -> None:
        """Takes a copy of a sample of those offered, if there is room. Never waits, never raises."""
        if self._random() >= copy.shadow.fraction:
            return
        why = self._refused(copy)
        if why is not None:
            self._drop(copy, why)

    def clear(self) -> None:
        """Drops what waits, and forgets for which models there was no memory."""
        self._pauses = {}
        with self._lock:
            dropped = [copy for line in self._lines.values() for copy in line.waiting]
            for line in self._lines.values():
                line.waiting.clear()
            for copy in dropped:
                self._let_go(copy)
        for copy in dropped:
            self._drop(copy, Dropped.RELOADED)

    def close(self) -> None:
        """Drops what waits, and takes nothing any more; what is asked may end. Safe to call again."""
        with self._lock:
            self._closed = True
            for line in self._lines.values():
                line.waiting.clear()
            self._lock.notify_all()

    def waiting(self) -> int:
        """How many copies wait to be asked."""
        with self._lock:
            return sum(len(line.waiting) for line in self._lines.values())

    def retain(self, keep: Keep) -> None:
        """Forgets what was counted under other names; ``keep`` is given endpoint, route and shadow."""
        self.outcomes.retain(lambda key: keep(key[:3]))
        self.drops.retain(lambda key: keep(key[:3]))
        self.durations.retain(lambda key: keep(key[:3]))
        for key in self._breakers.copy():
            if not keep(key[:3]):
                self._breakers.pop(key, None)

    def _refused(self, copy: Copy) -> Dropped | None:
        """Why there is no room for a copy; None where it has been taken."""
        if len(copy.answer) > MAX_ANSWER_BYTES:
            return Dropped.LARGE
        if self._is_busy():
            return Dropped.BUSY
        if self._pauses and self._clock() < self._pauses.get(copy.shadow.target.model_uri, 0.0):
            return Dropped.MEMORY
        if self._breaker(copy).state().left_s > 0:
            return Dropped.LEFT_ALONE
        held_bytes = copy.held_bytes
        with self._lock:
            line = self._lines.get(copy.shadow.target.model_uri) or _Line()
            # As `Admission` shares out requests: one shadow may hold as much as is still free.
            if self._closed or line.held_bytes + held_bytes > self._free_bytes - held_bytes:
                return Dropped.FULL
            self._lines[copy.shadow.target.model_uri] = line
            line.waiting.append(copy)
            line.held += 1
            line.held_bytes += held_bytes
            self._free_bytes -= held_bytes
            self._lock.notify()
        return None

    def _let_go(self, copy: Copy) -> None:
        """Gives back what a copy takes up; the lock is held."""
        held_bytes = copy.held_bytes
        line = self._lines[copy.shadow.target.model_uri]
        line.held -= 1
        line.held_bytes -= held_bytes
        self._free_bytes += held_bytes
        if not line.held:
            del self._lines[copy.shadow.target.model_uri]

    def _run(self) -> None:
        while True:
            with self._lock:
                while (copy := self._next()) is None:
                    if self._closed:
                        return
                    self._lock.wait()
            try:
                self._look_at(copy)
            except Exception:  # noqa: BLE001 - logged whole
                # Whatever it was, later copies must not go unasked because of it.
                _log.exception("a shadow could not be asked")
                self._count(copy, Outcome.FAILED)
            finally:
                with self._lock:
                    self._lines[copy.shadow.target.model_uri].asked -= 1
                    self._let_go(copy)
                    self._lock.notify()

    def _next(self) -> Copy | None:
        """The next copy to ask, of the line that has waited longest; None if there is none. The lock is held."""
        for uri, line in self._lines.items():
            if line.waiting and line.asked < THREADS - 1:
                line.asked += 1
                self._lines[uri] = self._lines.pop(uri)
                return line.waiting.popleft()
        return None

    def _look_at(self, copy: Copy) -> None:
        if self._is_busy():
            return self._drop(copy, Dropped.BUSY)
        try:
            attempt = self._breaker(copy).attempt()
        except BreakerOpen:
            return self._drop(copy, Dropped.LEFT_ALONE)
        with attempt:
            try:
                prediction, predict_s = self._ask(copy)
            except ServingError as error:
                tell(attempt, error)
                return self._go_without(copy, error)
            attempt.succeeded()
        if prediction.rest is not None:
            return self._disagree(copy, "it answers in parts")
        if len(prediction.body) > MAX_ANSWER_BYTES * MAX_LONGER:
            return self._drop(copy, Dropped.LARGE)
        self.durations.note((*copy.names, "real"), copy.predict_s)
        self.durations.note((*copy.names, "shadow"), predict_s)
        found = difference(copy.answer, prediction.body, copy.shadow.tolerance)
        return self._count(copy, Outcome.AGREED) if found is None else self._disagree(copy, found)

    def _breaker(self, copy: Copy) -> Breaker:
        key = (*copy.names, copy.shadow.target.model_uri)
        breaker = self._breakers.get(key)
        if breaker is None:
            endpoint, route, shadow = copy.names
            name = f"the shadow `{shadow}` of the route `{route}` of `{endpoint}`"
            breaker = self._breakers.setdefault(key, Breaker(name, clock=self._clock))
        return breaker

    def _go_without(self, copy: Copy, error: ServingError) -> None:
        match error:
            case NoMemoryForModel():
                self._pauses[copy.shadow.target.model_uri] = self._clock() + MEMORY_PAUSE_S
                self._drop(copy, Dropped.MEMORY)
            case ModelOverloaded():
                self._drop(copy, Dropped.BUSY)
            case _:
                self._fail(copy, error)

    def _disagree(self, copy: Copy, found: str) -> None:
        self._count(copy, Outcome.DISAGREED)
        _log.warning("a shadow disagrees: %s", found, extra={FACTS: _facts(copy)})

    def _fail(self, copy: Copy, error: ServingError) -> None:
        # Models end when the gateway does.
        if self._closed:
            return
        self._count(copy, Outcome.FAILED)
        detail = self._details.facts(copy.shadow.target.model_uri, error.detail)
        _log.warning("a shadow failed: %s", error.message, extra={FACTS: _facts(copy) | detail})

    def _drop(self, copy: Copy, why: Dropped) -> None:
        self._count(copy, Outcome.DROPPED)
        self.drops.count(*copy.names, why.value)

    def _count(self, copy: Copy, outcome: Outcome) -> None:
        self.outcomes.count(*copy.names, outcome.value)


def _facts(copy: Copy) -> dict[str, str | None]:
    endpoint, route, shadow = copy.names
    model = copy.shadow.target.model_uri
    return {
        "request_id": copy.request_id,
        "endpoint": endpoint,
        "route": route,
        "shadow": shadow,
        "model": model,
    }
