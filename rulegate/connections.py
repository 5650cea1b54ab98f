"""Ends connections that have been sent nothing for longer than any request takes, so that none is held for ever.

The server has no time limit for a head or a body that never comes whole. So this looks from the outside: the kernel
knows when it last sent something to a peer, and an honest request has been answered before. What is ended is told that
no more comes from the peer; the request, if there is one, then fails as one whose client went away. A connection that
idles is closed in the same way. One that is still there at the next look has an answer that its peer does not read, and
is not sent the rest.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import threading
from collections.abc import Callable

LEAST_SILENCE_S = 5.0
"""However short requests are, connections may idle for so long: clients keep them for their next request."""

# The kernel's ``struct tcp_info``: eight bytes, then words, of which the tenth is ``tcpi_last_data_sent``, in ms.
_LAST_SENT = struct.Struct("=8x36xI")


def end_silent(port: int, *, silent_s: float) -> int:
    """Ends the connections to ``port`` of this process that nothing has been sent to for ``silent_s``; how many."""
    ended = 0
    names: list[str] = []
    # To look needs an open file too; if there is none, the next look is soon.
    with contextlib.suppress(OSError):
        names = os.listdir("/proc/self/fd")
    for name in names:
        # A descriptor of our own: the number may mean another file a moment later, this one may not.
        with contextlib.suppress(OSError), _duplicate(int(name)) as connection:
            if _is_silent(connection, port, silent_s):
                connection.shutdown(socket.SHUT_RDWR if _has_been_ended(connection) else socket.SHUT_RD)
                ended += 1
    return ended


def watch(port: int, *, silent_s: Callable[[], float]) -> None:
    """Ends silent connections from now on, in a thread of its own, until this process ends.

    Args:
        port: Where this process listens.
        silent_s: How long an honest request may take at most now, from its first byte to the first of its answer.
    """
    pause = threading.Event()

    def patience_s() -> float:
        return max(silent_s(), LEAST_SILENCE_S)

    def run() -> None:
        while not pause.wait(patience_s() / 4):
            end_silent(port, silent_s=patience_s())

    threading.Thread(target=run, name="silent connections", daemon=True).start()


def _duplicate(descriptor: int) -> socket.socket:
    """Another descriptor of the same socket.

    Raises:
        OSError: If it is not that of a socket.
    """
    if not os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    duplicate = os.dup(descriptor)
    try:
        return socket.socket(fileno=duplicate)
    except OSError:
        os.close(duplicate)
        raise


def _has_been_ended(connection: socket.socket) -> bool:
    """Whether nothing more comes from the peer, because we have ended that or it has."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


def _is_silent(connection: socket.socket, port: int, silent_s: float) -> bool:
    """Whether it is one of ours, and nothing has been sent to its peer for so long.

    Raises:
        OSError: If it has no peer, as one that listens.
    """
    if connection.family not in {socket.AF_INET, socket.AF_INET6} or connection.getsockname()[1] != port:
        return False
    connection.getpeername()
    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_SENT.size)
    return bool(_LAST_SENT.unpack(facts)[0] >= silent_s * 1000)
