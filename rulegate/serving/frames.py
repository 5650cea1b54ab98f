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
import socket
import struct
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


def encode(*frames: Frame) -> Iterator[bytes]:
    """The bytes of whole frames, in order; small ones together, large bodies apart and not copied."""
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
    """Sends whole frames, small ones together. Not atomic: callers that share a socket hold a lock of their own.

    Raises:
        OSError: If the peer is gone.
    """
    for piece in encode(*frames):
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
    request_id, kind, batch, meta_bytes, body_bytes = _HEADER.unpack(head)
    if meta_bytes > MAX_META_BYTES:
        raise BrokenFrame(f"meta of {meta_bytes} bytes")
    if body_bytes > MAX_BODY_BYTES:
        raise BrokenFrame(f"a body of {body_bytes} bytes")
    meta = stream.read(meta_bytes)
    body = stream.read(body_bytes)
    if len(meta) < meta_bytes or len(body) < body_bytes:
        raise BrokenFrame("the peer closed within a frame")
    try:
        return Frame(request_id, Kind(kind), meta.decode(), body, batch)
    except ValueError as error:
        raise BrokenFrame("unknown kind or meta that is not UTF-8") from error
