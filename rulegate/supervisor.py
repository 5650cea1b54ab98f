"""Keeps one worker process running: starts another when it ends by itself, ends it in its own time when told to."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import multiprocessing.connection
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Final

ENDING: Final = (signal.SIGTERM, signal.SIGINT)
"""What ends the gateway."""

SHORT_LIFE_S: Final = 5.0
"""A worker that has lived for less has not worked."""

MOST_SHORT_LIVES: Final = 5
"""So many in a row, and there is no use in another."""

_log = logging.getLogger("rulegate.server")


class CannotRun(Exception):
    """Workers end as soon as they are started."""


class Supervisor:
    """Runs a worker from the main process's main thread; nothing else may handle its signals.

    Args:
        work: What the worker does, forked from this process; it ends when it returns, or on SIGTERM.
        patience_s: How long it may take to end after SIGTERM before it is killed.
        on_hangup: What is to be done on SIGHUP; whether to end.
    """

    def __init__(
        self, work: Callable[[], None], *, patience_s: Callable[[], float], on_hangup: Callable[[], bool]
    ) -> None:
        self._work = work
        self._patience_s = patience_s
        self._on_hangup = on_hangup
        self._context = multiprocessing.get_context("fork")

    def run(self) -> None:
        """Returns when SIGTERM or SIGINT has come and the worker has ended.

        Raises:
            CannotRun: If workers do not stay.
        """
        short_lives = 0
        with _signals() as next_signal:
            while True:
                begin_s = time.monotonic()
                if self._live(self._start(), next_signal):
                    return
                short_lives = short_lives + 1 if time.monotonic() - begin_s < SHORT_LIFE_S else 0
                if short_lives == MOST_SHORT_LIVES:
                    raise CannotRun
                _log.error("the worker process has ended by itself; another one is started")

    def _start(self) -> multiprocessing.process.BaseProcess:
        # A worker that is told to end before it listens to signals would not hear it, and be waited for. So it begins
        # with them held back, and lets them through once it can be ended.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            worker = self._context.Process(target=self._work, name="worker")
            worker.start()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        return worker

    def _live(
        self, worker: multiprocessing.process.BaseProcess, next_signal: Callable[[int, float | None], int]
    ) -> bool:
        """Waits until the worker has ended; whether it was told to."""
        until_s: float | None = None
        while worker.is_alive():
            left_s = None if until_s is None else until_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                _log.warning("the worker process does not end in time, and is killed")
                worker.kill()
                break
            match next_signal(worker.sentinel, left_s):
                case 0:
                    continue
                case signal.SIGHUP if not self._on_hangup():
                    continue
            worker.terminate()
            until_s = until_s or time.monotonic() + self._patience_s()
        worker.join()
        return until_s is not None


@contextlib.contextmanager
def _signals() -> Iterator[Callable[[int, float | None], int]]:
    """What waits for the next signal, or until a process ends, or for so many seconds; the last two are 0."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(writing)
    handled = (*ENDING, signal.SIGHUP)
    handlers = {number: signal.signal(number, lambda *_: None) for number in handled}

    def next_signal(sentinel: int, timeout_s: float | None) -> int:
        with contextlib.suppress(BlockingIOError):
            if not multiprocessing.connection.wait([sentinel, reading], timeout_s):
                return 0
            number = os.read(reading, 1)[0]
            return number if number in handled else 0
        return 0

    try:
        yield next_signal
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)
