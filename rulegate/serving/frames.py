"""Frames: how the gateway and its child processes talk over a Unix stream socket.

A frame is a fixed header, then ``meta`` (short: a content type, or JSON), then ``body`` (the request's or the answer's
bytes, untouched):

    | request id: u64 | kind: u8 | batch: u16 | length of meta: u32 | length of body: u64 | meta | body |   big-endian

A request's answer carries its id; answers may come in any order. Of the answers that one prediction gives, the first
tells as ``batch`` how many requests there were in it; everywhere else that is 0. Both ends are ours, so a malformed
frame is a bug or a broken peer, never a client's doing: it closes the connection.

An answer is one RESULT or ERROR, and before it there may be any number of PARTs. A process sends no more than
`PARTS_AHEAD` of them for one request until MORE tells that some have been taken, so that whoever reads slowly slows the
model down instead of filling the gateway's memory. CANCEL says that nobody waits for the rest; RESULT or ERROR comes
nonetheless, and tells that the process is no longer at it.
"""

from __future__ import annotations

import enum
import json
import queue
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

MAX_META_BYTES = 16 * 1024 * 1024
"""Far above any content type, stack trace or list of modules; a length beyond it is not one of ours."""

MAX_BODY_BYTES = 1024**4
"""Far above any request or answer that a machine holds."""

PARTS_AHEAD = 32
"""Parts of one answer that may be on their way or unread."""

_HEADER = struct.Struct("!QBHIQ")
# Up to here, one buffer and one system call cost less than handing the kernel several pieces.
_JOIN_BYTES = 64 * 1024


class Kind(enum.IntEnum):
    """What a frame asks or answers."""

    LOAD = 1
    PREDICT = 2
    RESOLVE = 3
    FETCH = 4
    RESOLVE_ALL = 5
    ENVIRONMENT = 6
    PREPARE = 7
    MORE = 8
    CANCEL = 9
    DESCRIBE_ALL = 10
    RESULT = 16
    ERROR = 17
    PART = 18


class BrokenFrame(Exception):
    """The peer sent what is no frame, or went away in the middle of one."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message. ``meta`` is text; ``body`` is opaque; ``batch`` is at most 65 535."""

    request_id: int
    kind: Kind
    meta: str = ""
    body: bytes = b""
    batch: int = 0

    def facts(self) -> dict[str, Any]:
        """The meta as a JSON object, for the kinds whose meta is one.

        Raises:
            BrokenFrame: If it is none.
        """
        try:
            facts = json.loads(self.meta)
        except ValueError as error:
            raise BrokenFrame("meta is not JSON") from error
        if not isinstance(facts, dict):
            raise BrokenFrame("meta is not a JSON object")
        return facts


def encoded(*frames: Frame) -> Iterator[bytes]:
    """Whole frames as they are sent: small ones together, and a large body uncopied after what comes before it."""
    pieces: list[bytes] = []
    for frame in frames:
        meta = frame.meta.encode()
        pieces += (_HEADER.pack(frame.request_id, frame.kind, frame.batch, len(meta), len(frame.body)), meta)
        if len(frame.body) <= _JOIN_BYTES:
            pieces.append(frame.body)
        else:
            yield b"".join(pieces)
            yield frame.body
            pieces.clear()
    if pieces:
        yield b"".join(pieces)


def write_frame(sock: socket.socket, *frames: Frame) -> None:
    """Sends whole frames. Not atomic: callers that share a socket hold a lock of their own.

    Raises:
        OSError: If the peer is gone.
    """
    for piece in encoded(*frames):
        sock.sendall(piece)


def open_stream(sock: socket.socket) -> BinaryIO:
    """A buffered stream to read frames from; it keeps the socket open until it is closed itself."""
    return cast(BinaryIO, sock.makefile("rb", buffering=_JOIN_BYTES))


def read_frame(stream: BinaryIO) -> Frame | None:
    """Reads the next frame from a buffered stream; None when the peer closed between two frames.

    Raises:
        BrokenFrame: If the peer closed within a frame, or sent something else.
        OSError: If the connection broke.
    """
    head = stream.read(_HEADER.size)
    if not head:
        return None
    if len(head) < _HEADER.size:
        raise BrokenFrame("the peer closed within a header")
    request_id, kind, batch, meta_bytes, body_bytes = _sizes(head, 0)
    meta = stream.read(meta_bytes)
    body = stream.read(body_bytes)
    if len(meta) < meta_bytes or len(body) < body_bytes:
        raise BrokenFrame("the peer closed within a frame")
    return _frame(request_id, kind, batch, meta, body)


class Decoder:
    """Frames out of bytes, in whatever pieces they come. For one thread at a time."""

    __slots__ = ("_held", "_needed", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._held = 0
        # Below so many bytes there is no whole frame.
        self._needed = _HEADER.size

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole with ``data``, in their order.

        Raises:
            BrokenFrame: If the peer sent something else.
        """
        self._held += len(data)
        if self._pieces or self._held < self._needed:
            self._pieces.append(data)
            if self._held < self._needed:
                return []
            data = b"".join(self._pieces)
        frames: list[Frame] = []
        begin, end = 0, len(data)
        needed = _HEADER.size
        while begin + needed <= end:
            request_id, kind, batch, meta_bytes, body_bytes = _sizes(data, begin)
            needed = _HEADER.size + meta_bytes + body_bytes
            if begin + needed > end:
                break
            meta_begin = begin + _HEADER.size
            body_begin = meta_begin + meta_bytes
            begin += needed
            frames.append(_frame(request_id, kind, batch, data[meta_begin:body_begin], data[body_begin:begin]))
            needed = _HEADER.size
        self._needed = needed
        self._held = end - begin
        self._pieces = [data[begin:]] if self._held else []
        return frames


class Arrivals:
    """Frames from a socket, one by one, read by whoever asks for the next. For one thread.

    Args:
        sock: A connected stream socket that blocks; nothing of it has been read that is not taken.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._decoder = Decoder()
        self._frames: deque[Frame] = deque()
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def get(self, *, timeout: float | None = None) -> Frame:
        """The next frame, waited for at most ``timeout`` seconds; None waits for ever.

        Raises:
            queue.Empty: If none has come by then.
            EOFError: If no more will come.
            BrokenFrame: If the peer sent something else.
        """
        until_s = None if timeout is None else time.monotonic() + timeout
        while not self._frames:
            try:
                data = self._socket.recv(_JOIN_BYTES, 0 if until_s is None else socket.MSG_DONTWAIT)
            except BlockingIOError:
                left_s = 0.0 if until_s is None else until_s - time.monotonic()
                if left_s <= 0 or not self._poll.poll(left_s * 1000):
                    raise queue.Empty from None
                continue
            except OSError:
                raise EOFError from None
            if not data:
                raise EOFError
            self._frames.extend(self._decoder.feed(data))
        return self._frames.popleft()


def _sizes(data: bytes, begin: int) -> tuple[int, int, int, int, int]:
    """What the header at ``begin`` says: id, kind, batch, length of meta, length of body."""
    header: tuple[int, int, int, int, int] = _HEADER.unpack_from(data, begin)
    if header[3] > MAX_META_BYTES:
        raise BrokenFrame(f"meta of {header[3]} bytes")
    if header[4] > MAX_BODY_BYTES:
        raise BrokenFrame(f"a body of {header[4]} bytes")
    return header


def _frame(request_id: int, kind: int, batch: int, meta: bytes, body: bytes) -> Frame:
    try:
        return Frame(request_id, Kind(kind), meta.decode(), body, batch)
    except ValueError as error:
        raise BrokenFrame("unknown kind or meta that is not UTF-8") from error
