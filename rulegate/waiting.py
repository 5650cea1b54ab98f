"""How requests wait: in an event loop without holding a thread, elsewhere in the thread that they have.

A request is written as if it had a thread. An event loop runs it as a greenlet, whose stack is put aside while it
waits, as SQLAlchemy's asyncio and gevent do it, so that one thread has thousands of them in flight, and none is woken
for another. Whatever a request may wait for goes through here; what waits in any other way holds up all others.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Generic, TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")


class Empty(Exception):
    """Nothing has come in time."""


class _Task(greenlet):
    """Work that an event loop has in hand. For that loop's thread only, but for what `waker` returns."""

    def __init__(self, work: Callable[[], Any], loop: asyncio.AbstractEventLoop, threads: Executor) -> None:
        # Its parent is the greenlet that runs the loop, so whenever it waits, the loop goes on.
        super().__init__(work)
        self.threads = threads
        self._loop = loop
        self._thread = threading.get_ident()
        # Tells the wait that is on from those before it, whose wakers and timers may still be heard of.
        self._turn = 0

    def waker(self) -> Callable[[], None]:
        """Begins a wait; what any thread may call to end it, now or later."""
        self._turn += 1
        return functools.partial(self._wake, self._turn)

    def wait(self, timeout_s: float | None = None) -> None:
        """Lets others run until the wait that was begun last is over, or ``timeout_s`` seconds have passed."""
        timer = None if timeout_s is None else self._loop.call_later(max(0.0, timeout_s), self._go_on, self._turn)
        assert self.parent is not None  # noqa: S101 - it has one until it has ended
        self.parent.switch()
        if timer is not None:
            timer.cancel()

    def _wake(self, turn: int) -> None:
        if threading.get_ident() == self._thread and not isinstance(getcurrent(), _Task):
            # The loop itself, which has heard what the task waits for: no need to tell it to come back.
            self._go_on(turn)
        else:
            # A loop that has been closed has nobody left to be woken.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._go_on, turn)

    def _go_on(self, turn: int) -> None:
        if turn == self._turn and not self.dead:
            self._turn += 1
            self.switch()


async def run(work: Callable[[], T], threads: Executor) -> T:
    """Runs ``work`` in the running event loop, others meanwhile whenever it waits; what it returns or raises.

    Args:
        work: What may wait by the functions of this module, and in no other way.
        threads: Where it does what cannot be waited for otherwise.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[T] | None = None

    def whole() -> T:
        try:
            outcome = work()
        except BaseException as error:
            if ended is None:
                raise
            if not ended.done():
                ended.set_exception(error)
            return cast("T", None)
        if ended is not None and not ended.done():
            ended.set_result(outcome)
        return outcome

    task = _Task(whole, loop, threads)
    outcome = task.switch()
    if task.dead:
        return cast("T", outcome)
    ended = loop.create_future()
    return await ended


def has_thread() -> bool:
    """Whether the caller has a thread of its own, so that it may wait as it likes."""
    return not isinstance(getcurrent(), _Task)


def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises, which may wait in any way: a request without a thread borrows one for it."""
    task = getcurrent()
    if not isinstance(task, _Task):
        return work()
    future = task.threads.submit(work)
    wake = task.waker()
    future.add_done_callback(lambda _: wake())
    task.wait()
    return future.result()


def result_of(future: Future[T], timeout_s: float) -> T:
    """What ``future`` holds, awaited for at most ``timeout_s`` seconds.

    Raises:
        concurrent.futures.TimeoutError: If it is not done by then.
        Exception: What it holds.
    """
    task = getcurrent()
    if not isinstance(task, _Task) or future.done():
        return future.result(timeout=max(0.0, timeout_s))
    wake = task.waker()
    future.add_done_callback(lambda _: wake())
    task.wait(timeout_s)
    if not future.done():
        raise FutureTimeout
    return future.result()


class Box(Generic[T]):
    """A queue of which one takes and any thread adds."""

    __slots__ = ("_items", "_wake")

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[T] = queue.SimpleQueue()
        self._wake: Callable[[], None] | None = None

    def put(self, item: T) -> None:
        """Adds an item. Never waits; in an event loop, whoever waits for it goes on at once."""
        self._items.put(item)
        wake = self._wake
        if wake is not None:
            wake()

    def take(self, timeout_s: float) -> T:
        """The next item, awaited for at most ``timeout_s`` seconds.

        Raises:
            Empty: If none has come by then.
        """
        task = getcurrent()
        try:
            if not isinstance(task, _Task):
                return self._items.get(timeout=max(0.0, timeout_s))
            self._wake = task.waker()
            # One that came before there was a waker wakes nobody.
            if self._items.empty():
                task.wait(timeout_s)
            self._wake = None
            return self._items.get_nowait()
        except queue.Empty:
            raise Empty from None
