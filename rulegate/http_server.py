"""Speaks HTTP: uvicorn in one event loop, on a socket that is there, with bounds on heads and connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""What may be read of a request's head before it is refused, beyond one read from the socket."""

MAX_HEADERS: Final = 256
"""Header lines of one request."""

MAX_CONNECTIONS: Final = 16_384
"""Connections held at once; those that idle count too, and clients keep many of them."""

BACKLOG: Final = 1024
"""Connections that the kernel holds while the loop is busy."""

KEPT_S: Final = 3600
"""Seconds for which uvicorn keeps a connection without a request; `rulegate.connections` ends it much earlier."""

_REFUSED = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


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
    # Its warnings are about what clients send, and anybody may send anything.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    config = uvicorn.Config(
        application,
        interface="asgi3",
        http=_Protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEPT_S,
        backlog=BACKLOG,
    )
    loop.run_until_complete(_Server(config, patience_s).serve(sockets=[sock]))


class _Server(uvicorn.Server):
    """uvicorn, which after the signal returns instead of dying of it."""

    def __init__(self, config: uvicorn.Config, patience_s: Callable[[], float]) -> None:
        super().__init__(config)
        self._patience_s = patience_s

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            yield
            self._captured_signals.clear()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.timeout_graceful_shutdown = int(self._patience_s())
        await super().shutdown(sockets)


class _Protocol(HttpToolsProtocol):
    """uvicorn's, which leaves the bounds of a body to the application, and has none of heads and connections."""

    _head_bytes = 0
    _reads_head = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]  # as in its own signature
        if len(self.connections) > MAX_CONNECTIONS:
            transport.close()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._reads_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse()

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        self._reads_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reads_head = False
        if len(self.headers) > MAX_HEADERS:
            self._refuse()
        else:
            super().on_headers_complete()

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_REFUSED)
            self.transport.close()
