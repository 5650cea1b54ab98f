"""Speaks HTTP: uvicorn in one event loop, on a socket that is there, with bounds on heads and connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final, cast

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""What may be read of a request's head before it is refused, beyond one read from the socket."""

MAX_HEADERS: Final = 256
"""Header lines of one request."""

MAX_CONNECTIONS: Final = 16_384
"""Connections held at once; those that idle count too, and clients keep many of them."""

OWN_FILES: Final = 2048
"""Of the files that this process may open, what connections leave it; of a small number the half."""

BACKLOG: Final = 1024
"""Connections that the kernel holds while the loop is busy."""

KEPT_S: Final = 3600
"""Seconds for which uvicorn keeps a connection without a request; `rulegate.connections` ends it much earlier."""

READ_BYTES: Final = 64 * 1024
"""What is read from a connection at once."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop to run in; whoever makes it closes it."""
    return uvloop.new_event_loop()


def run(
    application: Callable[..., Any],
    sock: socket.socket,
    loop: asyncio.AbstractEventLoop,
    *,
    patience_s: Callable[[], float],
) -> None:
    """Serves until SIGTERM, and then until the requests in flight have ended, or ``patience_s`` seconds are over.

    Args:
        application: Speaks ASGI.
        sock: Listens; closed at the end.
        loop: Where it runs.
        patience_s: Asked when the signal comes.
    """
    # Read into by whatever connection has something to read, and empty again when the next one does.
    buffer = bytearray(READ_BYTES)

    def speak(*arguments: Any, **named: Any) -> asyncio.BaseProtocol:
        return _Reader(_Protocol(*arguments, **named), buffer)

    # Its warnings are about what clients send, and anybody may send anything.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    config = uvicorn.Config(
        application,
        interface="asgi3",
        http=cast(Any, speak),
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEPT_S,
        backlog=BACKLOG,
    )
    loop.run_until_complete(_Server(config, loop, patience_s).serve(sockets=[sock]))


def most_connections() -> int:
    """Connections held at once: with one more, a file may be missing where a model is loaded."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return min(MAX_CONNECTIONS, files - min(OWN_FILES, files // 2))


class _Server(uvicorn.Server):
    """uvicorn, which after the signal returns instead of dying of it, and looks up once a second, not ten times."""

    def __init__(
        self, config: uvicorn.Config, loop: asyncio.AbstractEventLoop, patience_s: Callable[[], float]
    ) -> None:
        super().__init__(config)
        self._loop = loop
        self._patience_s = patience_s
        self._told = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        # A signal interrupts whatever runs, so only the loop itself may wake who waits.
        self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        # The date of answers is written anew each time.
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1.0)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.timeout_graceful_shutdown = int(self._patience_s())
        await super().shutdown(sockets)


class _Reader(asyncio.BufferedProtocol):
    """Reads for a protocol, without memory being asked for and given back each time."""

    def __init__(self, protocol: _Protocol, buffer: bytearray) -> None:
        self._protocol = protocol
        self._buffer = buffer
        self.connection_made = protocol.connection_made  # type: ignore[method-assign]
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._protocol.data_received(bytes(memoryview(self._buffer)[:nbytes]))


class _Joined(asyncio.Transport):
    """A transport that sends the head of an answer together with what follows it, where uvicorn writes one by one."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def write(self, data: Any) -> None:
        self._pieces.append(data)
        if len(self._pieces) == 1:
            self._loop.call_soon(self._send)
        else:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._pieces and not self._transport.is_closing():
            if len(self._pieces[-1]) > READ_BYTES:
                # Not copied.
                self._transport.writelines(self._pieces)
            else:
                self._transport.write(b"".join(self._pieces))
        # Another list: the transport may hold on to what it was given.
        self._pieces = []


class _Protocol(HttpToolsProtocol):
    """uvicorn's, which leaves the bounds of a body to the application, and has none of heads and connections."""

    _head_bytes = 0
    _reads_head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_Joined(cast(asyncio.Transport, transport), self.loop))
        if len(self.connections) > most_connections():
            self._refuse(_BUSY)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._reads_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._reads_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reads_head = False
        if len(self.headers) > MAX_HEADERS:
            self._refuse(_TOO_LARGE)
        else:
            super().on_headers_complete()

    def _refuse(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()
