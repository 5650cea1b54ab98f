"""Real servers that behave as they are told: each exchange of HTTP is in the hands of a function of the test."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


def answer(body: bytes, *, status: str = "200 OK", content_type: str = JSON, **headers: str) -> bytes:
    """A whole answer as it should be."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@dataclass
class Exchange:
    """One request that has come, on its connection."""

    connection: socket.socket
    head: str
    body: bytes
    number: int
    """Of the request on its connection, from 0."""
    closed: threading.Event
    """Set when the server is to end."""

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = (line.partition(": ") for line in self.head.split("\r\n")[1:] if line)
        return {name.lower(): value for name, _, value in lines}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def drip(self, data: bytes, every_s: float = 0.02) -> None:
        """A byte at a time, for ever: `data` again and again, until the client has gone."""
        while not self.closed.is_set():
            for byte in data:
                self.send(bytes([byte]))
                self.closed.wait(every_s)

    def hang(self) -> None:
        """Says nothing until the client has gone."""
        with contextlib.suppress(OSError):
            self.connection.recv(1)

    def hang_up(self) -> None:
        """Ends the connection as if the process had died."""
        self.connection.shutdown(socket.SHUT_RDWR)


@dataclass
class OddServer:
    """Listens on a port of its own, and gives each request to `script`, with a thread for each connection."""

    script: Callable[[Exchange], None]
    context: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    seen: list[Exchange] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._closed = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((self.host, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self.context else ''}://{self.host}:{self.port}"

    def stop(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def end_idle_connections(self) -> None:
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # A client that has had enough is no fault of the test.
        with contextlib.suppress(OSError, ValueError), connection:
            self._open.append(connection)
            if self.context is not None:
                with self.context.wrap_socket(connection, server_side=True) as secured:
                    self._talk(secured)
            else:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        number = 0
        with connection.makefile("rb") as file:
            while line := file.readline():
                head = line
                while (line := file.readline()) not in {b"\r\n", b""}:
                    head += line
                text = head.decode("latin-1")
                length = next((int(h[15:]) for h in text.split("\r\n") if h.lower().startswith("content-length:")), 0)
                exchange = Exchange(connection, text, file.read(length), number, self._closed)
                self.seen.append(exchange)
                number += 1
                self.script(exchange)
