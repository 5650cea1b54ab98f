"""Names of hosts → addresses, asked of the system by threads, since it cannot be told how long it may take."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from rulegate.client.errors import TooLate, Unreachable

SocketAddress = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""The family of an address, and what a socket of that family connects to."""


class Names:
    """Looks names up. Safe to use from many threads; a name that the system is slow to find holds one thread.

    Nothing is remembered: that is the system's business.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asking: dict[tuple[str, int], Future[Sequence[SocketAddress]]] = {}

    def find(self, host: str, port: int, *, until_s: float) -> Sequence[SocketAddress]:
        """The addresses of a host, the ones to try first in front; at least one.

        Raises:
            Unreachable: If there is no such host.
            TooLate: If that is not known by ``until_s`` of the monotonic clock; the question stands for the next.
        """
        if _is_address(host):
            return _look_up(host, port)
        key = host, port
        with self._lock:
            asking = self._asking.get(key)
            if asking is None:
                asking = self._asking[key] = Future()
                threading.Thread(target=self._ask, args=(key, asking), name="name", daemon=True).start()
        try:
            return asking.result(timeout=max(0.0, until_s - time.monotonic()))
        except FutureTimeout:
            raise TooLate from None
        except OSError:
            raise Unreachable("cannot be found under its name") from None

    def _ask(self, key: tuple[str, int], asking: Future[Sequence[SocketAddress]]) -> None:
        try:
            found = _look_up(*key)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            outcome: Sequence[SocketAddress] | OSError = error if isinstance(error, OSError) else OSError(str(error))
        else:
            outcome = found
        with self._lock:
            del self._asking[key]
        if isinstance(outcome, OSError):
            asking.set_exception(outcome)
        else:
            asking.set_result(outcome)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _look_up(host: str, port: int) -> Sequence[SocketAddress]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found if family in {socket.AF_INET, socket.AF_INET6}]  # type: ignore[misc]
