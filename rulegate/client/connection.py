"""One connection of HTTP, all of whose waiting ends at one moment.

A timeout of a socket bounds each wait by itself, so that a server which sends a byte now and then holds its client for
ever. Here a socket is given, before each wait, what is left until the moment at which the whole exchange must be over.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final

from rulegate.client.address import Address
from rulegate.client.errors import TooLate, Unreachable
from rulegate.client.names import Names

_SECURE_PORT: Final = 443


class Clock:
    """The moment at which an exchange must be over, and how many bytes have come; shared with the socket."""

    def __init__(self) -> None:
        self.until_s = 0.0
        self.received = 0

    def left_s(self) -> float:
        """Seconds until the moment.

        Raises:
            TimeoutError: If there are none.
        """
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


class _Socket(socket.socket):
    """A socket that waits by a clock."""

    clock: Clock

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.clock.left_s())
        count = super().recv_into(*args, **kwargs)
        self.clock.received += count
        return count

    def sendall(self, *args: Any, **kwargs: Any) -> None:
        # One timeout for all of it.
        self.settimeout(self.clock.left_s())
        super().sendall(*args, **kwargs)


class _SecureSocket(ssl.SSLSocket):
    """The same with TLS."""

    clock: Clock

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        self.settimeout(self.clock.left_s())
        count = super().recv_into(*args, **kwargs)
        self.clock.received += count
        return count

    def send(self, *args: Any, **kwargs: Any) -> int:
        # Once for each record.
        self.settimeout(self.clock.left_s())
        return super().send(*args, **kwargs)


def secure_context() -> ssl.SSLContext:
    """Trusts the authorities that this machine does, or those of ``SSL_CERT_FILE`` and ``SSL_CERT_DIR``."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = _SecureSocket
    return context


class Connection(http.client.HTTPConnection):
    """A connection to one server, made when the first request is sent. For one thread at a time.

    Args:
        address: The server.
        names: Finds it.
        context: How to speak TLS; not called for a server that does not.

    Attributes:
        clock: Set its moment before each request.
        connect_timeout_s: How long the connection may take to be made, TLS included.
    """

    def __init__(self, address: Address, names: Names, context: Callable[[], ssl.SSLContext]) -> None:
        super().__init__(address.host, address.port)
        if address.is_secure:
            # Left out of the header `Host`.
            self.default_port = _SECURE_PORT
        self.clock = Clock()
        self.connect_timeout_s = 0.0
        self._is_secure = address.is_secure
        self._names = names
        self._context = context

    def connect(self) -> None:
        """Makes the connection.

        Raises:
            Unreachable: If that cannot be done within `connect_timeout_s`.
            TooLate: If its clock's moment comes before.
        """
        until_s = min(self.clock.until_s, time.monotonic() + self.connect_timeout_s)
        try:
            plain = self._connected(until_s)
            self.sock = self._secured(plain, until_s) if self._is_secure else plain
        except (TooLate, TimeoutError):
            if time.monotonic() >= self.clock.until_s:
                raise TooLate from None
            raise Unreachable("cannot be connected to in time") from None
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"has a certificate that is not to be trusted: {error.verify_message}") from None
        except OSError as error:
            raise Unreachable(f"cannot be connected to: {_reason(error)}") from None

    def is_stale(self) -> bool:
        """Whether there is no connection any more, or something came that nobody has asked for."""
        if self.sock is None:
            return True
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def _connected(self, until_s: float) -> _Socket:
        addresses = self._names.find(self.host, self.port, until_s=until_s)
        for number, (family, address) in enumerate(addresses):
            # An address that does not answer must leave time for those after it.
            left_s = (until_s - time.monotonic()) / (len(addresses) - number)
            if left_s <= 0:
                raise TimeoutError
            made = _Socket(family, socket.SOCK_STREAM)
            made.clock = self.clock
            try:
                made.settimeout(left_s)
                made.connect(address)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                made.close()
                if number == len(addresses) - 1:
                    raise
            else:
                return made
        raise Unreachable("has no address")

    def _secured(self, plain: _Socket, until_s: float) -> socket.socket:
        try:
            # The handshake is one wait.
            plain.settimeout(max(until_s - time.monotonic(), 0.001))
            secured = self._context().wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            with contextlib.suppress(OSError):
                plain.close()
            raise
        secured.clock = self.clock  # type: ignore[attr-defined] # it is a `_SecureSocket`, as the context says
        return secured


def _reason(error: OSError) -> str:
    # The texts of OpenSSL name its own source.
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as it should"
    return (error.strerror or "it failed").lower()
