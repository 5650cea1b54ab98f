"""Brings what models print to the gateway's log, and no more of it than a log can take.

Models print into a pipe, which is emptied at once whatever the log does, so that neither a model that prints without
end nor a log that is slow to take it holds up anybody. What comes faster than a log should grow is left out, and the
log says so.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time

BYTES_PER_S = 1024 * 1024
"""How fast what all models print together may make the log grow."""

BURST_BYTES = 4 * 1024 * 1024
"""How much may come at once, after a while in which nothing came."""

_PIPE_BYTES = 1024 * 1024
# While prints are left out, the pipe is emptied this often: often enough for a gigabyte a second, and seldom enough
# to leave the interpreter to requests.
_PAUSE_S = 0.001

_log = logging.getLogger("rulegate.serving")


class Prints:
    """A pipe whose other end is standard error. Safe to use from many threads.

    Attributes:
        descriptor: The end to print into; open until this is closed.
    """

    def __init__(self, target: int = 2) -> None:
        self._target = target
        self._source, self.descriptor = os.pipe()
        fcntl.fcntl(self._source, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(target=self._run, name="prints", daemon=True)
        self._thread.start()

    def close(self, *, timeout_s: float = 1.0) -> None:
        """Gives up our own copy of the descriptor, and waits until all has been taken that was printed."""
        os.close(self.descriptor)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        allowed, checked_s, left_out = float(BURST_BYTES), time.monotonic(), 0
        while data := os.read(self._source, _PIPE_BYTES):
            now_s = time.monotonic()
            allowed = min(float(BURST_BYTES), allowed + (now_s - checked_s) * BYTES_PER_S)
            checked_s = now_s
            # Once some is left out, so is all, until there is room for more than a few words again.
            if len(data) <= allowed and (not left_out or allowed >= BYTES_PER_S):
                if left_out:
                    _log.warning("%d bytes that models printed are left out", left_out)
                    left_out = 0
                allowed -= len(data)
                _write_all(self._target, data)
                continue
            if not left_out:
                _log.warning("models print faster than %d bytes a second; what is too much is left out", BYTES_PER_S)
            left_out += len(data)
            time.sleep(_PAUSE_S)
        os.close(self._source)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
