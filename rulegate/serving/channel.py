"""The gateway's end of the connection to one child process: many callers, one socket."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from rulegate.serving.frames import BrokenFrame, Frame, Kind, encode, open_stream, read_frame

_log = logging.getLogger("rulegate.serving")


class ChannelClosed(Exception):
    """The process at the other end is gone; whether it has handled the call is unknown."""


class CallTimeout(Exception):
    """No answer came in time. The process may still be working; its late answer is dropped."""


class Channel:
    """Calls to one child process over a socket that this object owns.

    Any number of threads may call at once: a frame is written under a lock, one reader thread hands each answer to its
    caller. When the process ends, ``on_close`` runs once, in the reader's thread, and then every call in flight raises
    ``ChannelClosed``. No caller waits longer than it says, not even for a process that no longer reads what it is sent.

    Args:
        sock: A connected stream socket; closed with the channel.
        name: What the reader's thread is called, for a look into a stuck process.
        on_close: Called once when the connection has ended, from whichever side.
        on_batch: Called, in the reader's thread, with the size of each batch, before any of its answers is handed over.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        name: str,
        on_close: Callable[[], None] | None = None,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._socket = sock
        self._on_close = on_close
        self._on_batch = on_batch
        self._ids = itertools.count(1)
        self._write = threading.Lock()
        # A waiting caller's mailbox by request id; None in it means that no answer will come. A dict's single
        # operations are atomic, so only the end of the connection needs the lock.
        self._waiting: dict[int, queue.SimpleQueue[Frame | None]] = {}
        self._closed = False
        # What the process has not taken yet of the last frame, whose sender had no more time; it goes before the next.
        self._unsent: list[memoryview] = []
        # Requests that the process has and has not answered to the end, those included that nobody waits for any more.
        self._owed: set[int] = set()
        # When the process last said something, or was first asked something after it had said all.
        self._heard_s = time.monotonic()
        self._reader = threading.Thread(target=self._read, name=f"channel {name}", daemon=True)
        self._reader.start()

    def call(self, kind: Kind, meta: str | Mapping[str, Any] = "", body: bytes = b"", *, timeout_s: float) -> Frame:
        """Sends one frame and waits for its answer, at most ``timeout_s`` seconds.

        Raises:
            ChannelClosed: If the process has ended or ends before it answers.
            CallTimeout: If no answer came in time.
        """
        until_s = time.monotonic() + timeout_s
        exchange = self.exchange()
        try:
            exchange.send(kind, meta if isinstance(meta, str) else json.dumps(meta), body, timeout_s=timeout_s)
            return exchange.receive(timeout_s=until_s - time.monotonic())
        finally:
            exchange.close()

    def exchange(self) -> Exchange:
        """One request to the process, for a caller that sends or receives more than one frame; to be closed."""
        request_id = next(self._ids)
        mailbox: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._waiting[request_id] = mailbox
        return Exchange(self, request_id, mailbox)

    def silent_s(self) -> float:
        """For how long the process has owed an answer and has given none to anybody."""
        return time.monotonic() - self._heard_s

    def close(self) -> None:
        """Ends the connection; calls in flight raise ``ChannelClosed``. Safe to call again, from any thread."""
        # shutdown wakes the reader, which does the rest; the peer sees the end of its input.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _send(self, frame: Frame, timeout_s: float) -> None:
        until_s = time.monotonic() + timeout_s
        # The lock is held for as long as the process takes to read what others send it, but no longer than they wait.
        if not self._write.acquire(timeout=max(0.0, timeout_s)):
            raise CallTimeout
        try:
            if self._closed:
                raise ChannelClosed
            # A peer that is gone is the reader's to notice; it tells whoever waits, when the end is known to all.
            with contextlib.suppress(OSError):
                if self._unsent:
                    self._send_rest(until_s)
                if not self._owed:
                    self._heard_s = time.monotonic()
                # Not by what is said of a request later, which its answer may have crossed.
                if frame.kind not in {Kind.MORE, Kind.CANCEL}:
                    self._owed.add(frame.request_id)
                self._unsent += map(memoryview, encode(frame))
                self._send_rest(until_s)
        finally:
            self._write.release()

    def _send_rest(self, until_s: float) -> None:
        """Sends what is unsent; the lock is held.

        Raises:
            CallTimeout: If the process does not read all of it in time.
            OSError: If it is gone.
        """
        while self._unsent:
            piece = self._unsent[0]
            try:
                sent = self._socket.send(piece, socket.MSG_DONTWAIT)
            except BlockingIOError:
                room = select.poll()
                room.register(self._socket, select.POLLOUT)
                if not room.poll(max(0.0, until_s - time.monotonic()) * 1000):
                    raise CallTimeout from None
                continue
            if sent < len(piece):
                self._unsent[0] = piece[sent:]
            else:
                del self._unsent[0]

    def _forget(self, request_id: int) -> None:
        self._waiting.pop(request_id, None)

    def _read(self) -> None:
        stream = open_stream(self._socket)
        try:
            while (frame := read_frame(stream)) is not None:
                self._heard_s = time.monotonic()
                if frame.batch and self._on_batch is not None:
                    self._on_batch(frame.batch)
                if frame.kind is not Kind.PART:
                    self._owed.discard(frame.request_id)
                mailbox = self._waiting.get(frame.request_id)
                if mailbox is not None:
                    mailbox.put(frame)
        except (OSError, BrokenFrame):
            # A process that dies in the middle of an answer is the same news as one that dies between two.
            pass
        except Exception:  # noqa: BLE001 - logged whole; without a reader the connection is of no use, whatever it was
            _log.exception("what %s says cannot be read", self._reader.name)
        # Wakes a writer that is stuck on a peer that no longer reads, so that the lock below is free.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._write, contextlib.suppress(OSError):
            stream.close()
        self._socket.close()
        # Before the callers wake: one who hears of the end and asks again must not be sent here again.
        try:
            if self._on_close is not None:
                self._on_close()
        finally:
            with self._write:
                self._closed = True
            for mailbox in list(self._waiting.values()):
                mailbox.put(None)


class Exchange:
    """One request to a child process and all that comes back for it. For one thread at a time; made by a channel."""

    __slots__ = ("_channel", "_id", "_mailbox")

    def __init__(self, channel: Channel, request_id: int, mailbox: queue.SimpleQueue[Frame | None]) -> None:
        self._channel = channel
        self._id = request_id
        self._mailbox = mailbox

    def send(self, kind: Kind, meta: str = "", body: bytes = b"", *, timeout_s: float) -> None:
        """Sends one frame of this request.

        Raises:
            ChannelClosed: If the process has ended.
            CallTimeout: If it does not read for ``timeout_s`` seconds.
        """
        self._channel._send(Frame(self._id, kind, meta, body), timeout_s)

    def receive(self, *, timeout_s: float) -> Frame:
        """The next frame that answers this request, awaited for at most ``timeout_s`` seconds.

        Raises:
            ChannelClosed: If the process has ended.
            CallTimeout: If no frame came in time.
        """
        try:
            frame = self._mailbox.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            raise CallTimeout from None
        if frame is None:
            raise ChannelClosed
        return frame

    def close(self) -> None:
        """Drops whatever else comes for this request. Safe to call again."""
        self._channel._forget(self._id)
