"""Wires: how bytes go to a child process and come from it, by a thread that reads or by an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, Final, Protocol, cast

from rulegate import waiting

_READ_BYTES = 64 * 1024

UNSENT_BYTES = 1024 * 1024
"""Bytes that a process has not read yet; with more of them in an event loop, the next request to it waits."""


TOGETHER: Final = 16
"""Requests that an event loop sends together at most. With more, the process would idle while they gather."""


class NotRead(Exception):
    """The process does not read what is sent to it in time."""


class Wire(Protocol):
    """One connection, owned. Any number of threads may send at once; what one of them sends arrives in one piece."""

    def send(self, pieces: Iterable[bytes], *, timeout_s: float) -> None:
        """Sends bytes. To a peer that is gone, they are lost without a word: it is `on_end` that tells.

        Raises:
            NotRead: If the process does not read what was sent before for ``timeout_s`` seconds; nothing is sent then.
        """
        ...

    def close(self) -> None:
        """Ends the connection, on which the other end sees the end of its input. Safe to call again."""
        ...


class ThreadWire:
    """A wire that is read by a thread of its own. See `Wire`.

    Args:
        sock: A connected stream socket.
        name: What the thread is called, for a look into a stuck process.
        on_data: Called in that thread with what has come.
        on_end: Called there once when the connection has ended, from whichever side.
    """

    def __init__(
        self, sock: socket.socket, *, name: str, on_data: Callable[[bytes], None], on_end: Callable[[], None]
    ) -> None:
        self._socket = sock
        self._on_data = on_data
        self._on_end = on_end
        self._write = threading.Lock()
        # What the process has not taken yet, whose sender had no more time; it goes before all else.
        self._unsent: list[memoryview] = []
        threading.Thread(target=self._read, name=name, daemon=True).start()

    def send(self, pieces: Iterable[bytes], *, timeout_s: float) -> None:
        """See `Wire.send`."""
        until_s = time.monotonic() + timeout_s
        # The lock is held for as long as the process takes to read what others send it, but no longer than they wait.
        if not self._write.acquire(timeout=max(0.0, timeout_s)):
            raise NotRead
        try:
            with contextlib.suppress(OSError):
                if not self._send_rest(until_s):
                    raise NotRead
                self._unsent += map(memoryview, pieces)
                self._send_rest(until_s)
        finally:
            self._write.release()

    def close(self) -> None:
        """See `Wire.close`."""
        # shutdown wakes the reader, which does the rest, and a writer that is stuck on a peer that no longer reads.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send_rest(self, until_s: float) -> bool:
        """Sends what is unsent, for as long as there is time; whether all is sent. The lock is held.

        Raises:
            OSError: If the process is gone.
        """
        while self._unsent:
            piece = self._unsent[0]
            try:
                sent = self._socket.send(piece, socket.MSG_DONTWAIT)
            except BlockingIOError:
                room = select.poll()
                room.register(self._socket, select.POLLOUT)
                if not room.poll(max(0.0, until_s - time.monotonic()) * 1000):
                    return False
                continue
            if sent < len(piece):
                self._unsent[0] = piece[sent:]
            else:
                del self._unsent[0]
        return True

    def _read(self) -> None:
        try:
            with contextlib.suppress(OSError):
                while data := self._socket.recv(_READ_BYTES):
                    self._on_data(data)
        finally:
            # Whatever it was: without a reader, the connection is of no use.
            self.close()
            with self._write, contextlib.suppress(OSError):
                self._socket.close()
            self._on_end()


class LoopWire(asyncio.BufferedProtocol):
    """A wire that an event loop reads and writes, so that requests have at once what has come. See `Wire`.

    To be made in another thread than the loop's, while the loop runs.

    Args:
        sock: A connected stream socket of the Unix family.
        loop: The event loop.
        on_data: Called in the loop with what has come; it must not wait.
        on_end: Called once, in a thread of its own, when the connection has ended, from whichever side.
    """

    def __init__(
        self,
        sock: socket.socket,
        loop: asyncio.AbstractEventLoop,
        *,
        on_data: Callable[[bytes], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._on_data = on_data
        self._on_end = on_end
        # Is there while the process is slow to read, and done when it has caught up.
        self._room: Future[None] | None = None
        self._pieces: list[bytes] = []
        self._buffer = bytearray(_READ_BYTES)
        connecting = loop.create_unix_connection(lambda: self, sock=sock)
        asyncio.run_coroutine_threadsafe(connecting, loop).result()

    def send(self, pieces: Iterable[bytes], *, timeout_s: float) -> None:
        """See `Wire.send`."""
        # Taken once: the loop may clear it meanwhile.
        room = self._room
        if room is not None:
            try:
                waiting.result_of(room, timeout_s)
            except FutureTimeout:
                raise NotRead from None
        if waiting.has_thread():
            self._tell(self._write, list(pieces))
        else:
            self._write(pieces)

    def close(self) -> None:
        """See `Wire.close`."""
        self._tell(self._transport.abort)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=UNSENT_BYTES)

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        """See `asyncio.BufferedProtocol`."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        self._on_data(bytes(memoryview(self._buffer)[:nbytes]))

    def eof_received(self) -> None:
        """See `asyncio.Protocol`."""
        self._transport.abort()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self._room = Future()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        room, self._room = self._room, None
        if room is not None:
            room.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """See `asyncio.Protocol`."""
        self.resume_writing()
        try:
            threading.Thread(target=self._on_end, name="end of a process", daemon=True).start()
        except RuntimeError:
            # The system allows no more threads: to hold the loop up is better than never to tell.
            self._on_end()

    def _write(self, pieces: Iterable[bytes]) -> None:
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.extend(pieces)
        # A large piece is the last of its frame, and not copied.
        if len(self._pieces) >= TOGETHER or len(self._pieces[-1]) > _READ_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._pieces and not self._transport.is_closing():
            if len(self._pieces[-1]) > _READ_BYTES:
                self._transport.writelines(self._pieces)
            else:
                self._transport.write(b"".join(self._pieces))
        # Another list: the transport may hold on to what it was given.
        self._pieces = []

    def _tell(self, what: Callable[..., object], *arguments: Any) -> None:
        # A loop that has been closed has ended its connections.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)
