"""The gateway's end of the connection to one child process: many callers, one socket."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from rulegate import waiting
from rulegate.serving.frames import BrokenFrame, Decoder, Frame, Kind, encoded
from rulegate.serving.wires import LoopWire, NotRead, ThreadWire, Wire

_LATER = frozenset({Kind.MORE, Kind.CANCEL})


class ChannelClosed(Exception):
    """The process at the other end is gone; whether it has handled the call is unknown."""


class CallTimeout(Exception):
    """No answer came in time. The process may still be working; its late answer is dropped."""


class Channel:
    """Calls to one child process over a socket that this object owns.

    Any number of threads may call at once; what comes is handed to whoever waits for it. When the process ends,
    ``on_close`` runs once, and then every call in flight raises ``ChannelClosed``. No lock is held while one waits.

    Args:
        sock: A connected stream socket; closed with the channel.
        name: What the process is, for a look into a stuck gateway.
        on_close: Called once when the connection has ended, from whichever side, in a thread that may wait.
        on_batch: Called with the size of each batch, before any of its answers is handed over; it must not wait.
        loop: Reads the socket, and answers go to the requests that it runs without a thread being woken; None: a thread
            of the channel's own reads it.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        name: str,
        on_close: Callable[[], None] | None = None,
        on_batch: Callable[[int], None] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._on_close = on_close
        self._on_batch = on_batch
        self._ids = itertools.count(1)
        # A waiting caller's mailbox by request id; None in it means that no answer will come. Single operations of a
        # dict are atomic: who has put a mailbox here and then finds the channel open is told of its end.
        self._waiting: dict[int, waiting.Box[Frame | None]] = {}
        self._closed = False
        # Requests that the process has and has not answered to the end, those included that nobody waits for any more.
        self._owed: set[int] = set()
        # When the process last said something, or was first asked something after it had said all.
        self._heard_s = time.monotonic()
        self._decoder = Decoder()
        self._is_broken = False
        self._wire: Wire
        if loop is None:
            self._wire = ThreadWire(sock, name=f"channel {name}", on_data=self._take, on_end=self._end)
        else:
            self._wire = LoopWire(sock, loop, on_data=self._take, on_end=self._end)

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
        mailbox: waiting.Box[Frame | None] = waiting.Box()
        self._waiting[request_id] = mailbox
        return Exchange(self, request_id, mailbox)

    def silent_s(self) -> float:
        """For how long the process has owed an answer and has given none to anybody."""
        return time.monotonic() - self._heard_s

    def close(self) -> None:
        """Ends the connection; calls in flight raise ``ChannelClosed``. Safe to call again, from any thread."""
        self._wire.close()

    def _send(self, frame: Frame, timeout_s: float) -> None:
        if self._closed:
            raise ChannelClosed
        if not self._owed:
            self._heard_s = time.monotonic()
        # Not by what is said of a request later, which its answer may have crossed.
        if frame.kind not in _LATER:
            self._owed.add(frame.request_id)
        try:
            # A peer that is gone is not noticed here: whoever waits is told, when the end is known to all.
            self._wire.send(encoded(frame), timeout_s=timeout_s)
        except NotRead:
            # Nothing of it has been sent, so nothing answers it.
            self._owed.discard(frame.request_id)
            raise CallTimeout from None

    def _forget(self, request_id: int) -> None:
        self._waiting.pop(request_id, None)

    def _take(self, data: bytes) -> None:
        if self._is_broken:
            return
        try:
            frames = self._decoder.feed(data)
        except BrokenFrame:
            self._is_broken = True
            self._wire.close()
            return
        self._heard_s = time.monotonic()
        for frame in frames:
            if frame.batch and self._on_batch is not None:
                self._on_batch(frame.batch)
            if frame.kind is not Kind.PART:
                self._owed.discard(frame.request_id)
            mailbox = self._waiting.get(frame.request_id)
            if mailbox is not None:
                mailbox.put(frame)

    def _end(self) -> None:
        # Before the callers wake: one who hears of the end and asks again must not be sent here again.
        try:
            if self._on_close is not None:
                self._on_close()
        finally:
            self._closed = True
            for mailbox in list(self._waiting.values()):
                mailbox.put(None)


class Exchange:
    """One request to a child process and all that comes back for it. For one thread at a time; made by a channel."""

    __slots__ = ("_channel", "_id", "_mailbox")

    def __init__(self, channel: Channel, request_id: int, mailbox: waiting.Box[Frame | None]) -> None:
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
            frame = self._mailbox.take(timeout_s)
        except waiting.Empty:
            raise CallTimeout from None
        if frame is None:
            raise ChannelClosed
        return frame

    def close(self) -> None:
        """Drops whatever else comes for this request. Safe to call again."""
        self._channel._forget(self._id)
