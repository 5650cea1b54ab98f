"""The client: asks a server over a connection that is there, or a new one, and keeps it for the next question."""

from __future__ import annotations

import contextlib
import functools
import http.client
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from rulegate.client.address import Address
from rulegate.client.connection import Connection, secure_context
from rulegate.client.errors import AnswerBroken, AnswerTooLarge, AskError, ConnectionLost, TooLate
from rulegate.client.names import Names

KEPT_S: Final = 4.0
"""Seconds for which a connection without a question is kept. uvicorn, by which MLflow serves, ends it after five."""

MAX_KEPT: Final = 64
"""Connections without a question that are kept for one server."""

_PART_BYTES: Final = 64 * 1024

_FAILURES: Final = (AskError, OSError, http.client.HTTPException)

_Server = tuple[str, int, bool]


class Client:
    """Asks servers. Safe to use from many threads.

    It follows no redirect, uses no proxy, keeps no cookie, and asks once. Only if a connection that was kept turns out
    to have been ended by the server, before a byte of the answer has come, it asks once more over a new one: a server
    that ends a connection has not begun to answer on it.
    """

    def __init__(self) -> None:
        self._names = Names()
        # To read the authorities' certificates takes a while, and most gateways need none.
        self._context = functools.cache(secure_context)
        self._lock = threading.Lock()
        # By server, those that were used last at the end; with the time since which each waits.
        self._kept: dict[_Server, list[tuple[Connection, float]]] = {}
        self._closed = False

    def post(
        self,
        address: Address,
        body: bytes,
        headers: Mapping[str, str],
        *,
        until_s: float,
        connect_timeout_s: float,
    ) -> Answer:
        """The answer to a POST, as soon as its head has come; whoever gets it closes it.

        Args:
            address: Whom to ask.
            body: What to ask.
            headers: Sent beside those that HTTP needs; names in lower case.
            until_s: The moment of the monotonic clock by which the answer must have come, its body included.
            connect_timeout_s: How long a connection may take to be made.

        Raises:
            AskError: If there is none.
        """
        server = address.host, address.port, address.is_secure
        connection = self._take(server)
        if connection is not None:
            try:
                return self._ask(connection, address, body, headers, until_s)
            except ConnectionLost:
                if connection.clock.received:
                    raise
        connection = Connection(address, self._names, self._context)
        connection.connect_timeout_s = connect_timeout_s
        return self._ask(connection, address, body, headers, until_s)

    def kept(self) -> int:
        """How many connections are kept without a question."""
        with self._lock:
            return sum(map(len, self._kept.values()))

    def close(self) -> None:
        """Ends the connections that are kept; those in use end with their answers. Safe to call again."""
        with self._lock:
            self._closed = True
            ended = [connection for kept in self._kept.values() for connection, _ in kept]
            self._kept.clear()
        for old in ended:
            old.close()

    def _ask(
        self, connection: Connection, address: Address, body: bytes, headers: Mapping[str, str], until_s: float
    ) -> Answer:
        connection.clock.until_s = until_s
        connection.clock.received = 0
        try:
            # A server that refuses a body need not read it: if it cannot be sent, the answer may be there already.
            with contextlib.suppress(ConnectionError):
                connection.request("POST", address.target, body, dict(headers))
            response = connection.getresponse()
        except _FAILURES as error:
            connection.close()
            raise _told(error) from None
        server = address.host, address.port, address.is_secure
        return Answer(connection, response, functools.partial(self._keep, server))

    def _take(self, server: _Server) -> Connection | None:
        """A connection that was kept and still stands."""
        while True:
            with self._lock:
                kept = self._kept.get(server)
                if not kept:
                    return None
                connection, since_s = kept.pop()
            if time.monotonic() - since_s <= KEPT_S and not connection.is_stale():
                return connection
            connection.close()

    def _keep(self, server: _Server, connection: Connection) -> None:
        now_s = time.monotonic()
        ended = []
        with self._lock:
            if self._closed:
                ended.append(connection)
            else:
                self._kept.setdefault(server, []).append((connection, now_s))
            for other, kept in list(self._kept.items()):
                while kept and (len(kept) > MAX_KEPT or now_s - kept[0][1] > KEPT_S):
                    ended.append(kept.pop(0)[0])
                if not kept:
                    del self._kept[other]
        for old in ended:
            old.close()


class Answer:
    """An answer whose head has come. For one thread at a time.

    Attributes:
        status: The status.
        headers: By their names in lower case; of several of one name, all, joined by commas.
    """

    def __init__(
        self, connection: Connection, response: http.client.HTTPResponse, keep: Callable[[Connection], None]
    ) -> None:
        self.status = response.status
        self.headers: dict[str, str] = {}
        for name, value in response.getheaders():
            folded = name.lower()
            self.headers[folded] = f"{self.headers[folded]}, {value}" if folded in self.headers else value
        self._connection = connection
        self._response = response
        self._keep = keep
        self._is_whole = False
        self._is_closed = False

    def whole(self, *, max_bytes: int) -> bytes:
        """All of the body; then the answer is closed.

        Raises:
            AskError: If it has more than ``max_bytes`` bytes, or does not come whole in time.
        """
        try:
            announced = self._response.length
            if announced is not None and announced > max_bytes:
                raise AnswerTooLarge(max_bytes)
            # Not a list of parts, each of which may be a byte.
            body = bytearray()
            while part := self.part():
                body += part
                if len(body) > max_bytes:
                    raise AnswerTooLarge(max_bytes)
            return bytes(body)
        finally:
            self.close()

    def part(self, *, until_s: float | None = None) -> bytes:
        """What has come of the body, at least a byte, as soon as it has; nothing at its end.

        Args:
            until_s: Another moment by which it must have come.

        Raises:
            AskError: If the body breaks off, or nothing comes in time.
        """
        if until_s is not None:
            self._connection.clock.until_s = until_s
        if self._is_whole:
            return b""
        try:
            part = self._response.read1(_PART_BYTES)
        except _FAILURES as error:
            self.close()
            raise _told(error) from None
        if not part:
            if self._response.length:
                self.close()
                raise ConnectionLost("ended the connection before the end of its answer")
            self._is_whole = True
        return part

    def close(self) -> None:
        """Gives the connection back, if the answer has been read to its end; else ends it. Safe to call again."""
        if self._is_closed:
            return
        self._is_closed = True
        reusable = self._is_whole and not self._response.will_close
        self._response.close()
        if reusable and self._connection.sock is not None:
            self._keep(self._connection)
        else:
            self._connection.close()


def _told(error: AskError | OSError | http.client.HTTPException) -> AskError:
    """What an error of the standard library says of the server."""
    match error:
        case AskError():
            return error
        case TimeoutError():
            return TooLate()
        case http.client.RemoteDisconnected():
            return ConnectionLost("ended the connection without an answer")
        case http.client.IncompleteRead() | OSError():
            return ConnectionLost("ended the connection before the end of its answer")
        case _:
            return AnswerBroken("answered with what is not HTTP")
