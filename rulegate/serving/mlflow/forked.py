"""A process that the warm parent has forked: its number, the connection to it, and the means to end it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading

from rulegate.serving.mlflow.warm_parent import children_of


class Forked:
    """A new process: its number, a socket to talk to it, and the means to end it and no other.

    Attributes:
        pid: Its number while it lives.
        socket: Our end of a stream socket; whoever got the process owns it.
        ended_by_us: Whether its end was asked for.
    """

    def __init__(self, pid: int, sock: socket.socket, pidfd: int) -> None:
        self.pid = pid
        self.socket = sock
        # A number may be given to a new process once the old one is gone; a pidfd never means another.
        self._pidfd: int | None = pidfd
        self._lock = threading.Lock()
        self.ended_by_us = False

    def kill(self) -> None:
        """Ends the process at once, if it has not ended, and what it has started. Safe to call again, by any thread."""
        self.ended_by_us = True
        with self._lock:
            # Found while it lives: they may have left its process group, and once it has ended they are nobody's.
            started = _descendants(self.pid) if self._pidfd is not None else []
        self.release()
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def hang_up(self) -> None:
        """Ends the connection, as the end of the process does unless something that it has started holds it too.

        What has come by then can still be read.
        """
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Gives up a process that has hung up: should it still run, it ends, and that is no news of ours."""
        with self._lock:
            pidfd, self._pidfd = self._pidfd, None
        if pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)


def _descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    # What is not found ends with the gateway all the same, as long as it stays in the group.
    found: list[int] = []
    for child in children_of(pid):
        found += [child, *_descendants(child)]
    return found
