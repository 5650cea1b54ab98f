"""Answers that are used again: by question, each for a while, within a bound, and asked for once by all who wait."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, Final

from rulegate.external.source import Answered, Fault, NoAnswer

MAX_ANSWERS: Final = 10_000
"""How many answers of one service are kept."""

MAX_BYTES: Final = 16 * 1024**2
"""What they may take up together."""


@dataclass(frozen=True, slots=True)
class _Kept:
    answered: Answered
    until_s: float


class Cache:
    """Answers by question. Safe to use from many threads; no lock is held while a question is asked.

    Beyond its bounds the least recently used answers go first; one that is beyond them by itself is not kept. That
    there is no answer is not remembered.

    Args:
        kept_s: Seconds for which an answer is used again.
        clock: Seconds that only grow.
    """

    def __init__(self, kept_s: float, *, clock: Callable[[], float]) -> None:
        self._kept_s = kept_s
        self._clock = clock
        self._lock = threading.Lock()
        # By a digest of the question, so that it does not matter how large questions are.
        self._answers: OrderedDict[bytes, _Kept] = OrderedDict()
        self._bytes = 0
        self._asking: dict[bytes, Future[Answered]] = {}

    def get(self, question: bytes, ask: Callable[[], Answered], *, until_s: float) -> tuple[Any, bool]:
        """The answer to a question, and whether it was there, or somebody else was asking for it.

        Args:
            question: What is asked.
            ask: Asks it; called by the first of those who want to know.
            until_s: How long the others wait for that one, by the clock.

        Raises:
            NoAnswer: What ``ask`` raised, or that the time is over.
        """
        key = hashlib.blake2b(question, digest_size=16).digest()
        with self._lock:
            if (kept := self._answers.get(key)) is not None and self._clock() < kept.until_s:
                self._answers.move_to_end(key)
                return kept.answered.value, True
            asking = self._asking.get(key)
            mine = asking is None
            if asking is None:
                asking = self._asking[key] = Future()
        if mine:
            return self._ask(key, ask, asking), False
        try:
            return asking.result(timeout=max(0.0, until_s - self._clock())).value, True
        except FutureTimeout:
            raise NoAnswer(Fault.TIMEOUT, "it did not answer in time") from None
        except NoAnswer as failure:
            # One failure for all who wait, but each raises its own.
            raise NoAnswer(failure.fault, failure.reason, is_ill=failure.is_ill) from None

    def size(self) -> int:
        """How many answers it holds, those whose time is over included."""
        with self._lock:
            return len(self._answers)

    def _ask(self, key: bytes, ask: Callable[[], Answered], asking: Future[Answered]) -> Any:
        try:
            answered = ask()
        except BaseException as failure:
            with self._lock:
                del self._asking[key]
            asking.set_exception(failure)
            raise
        with self._lock:
            del self._asking[key]
            self._keep(key, _Kept(answered, self._clock() + self._kept_s))
        asking.set_result(answered)
        return answered.value

    def _keep(self, key: bytes, kept: _Kept) -> None:
        if (old := self._answers.pop(key, None)) is not None:
            self._bytes -= old.answered.size_bytes
        if kept.answered.size_bytes > MAX_BYTES:
            return
        self._answers[key] = kept
        self._bytes += kept.answered.size_bytes
        while len(self._answers) > MAX_ANSWERS or self._bytes > MAX_BYTES:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= oldest.answered.size_bytes
