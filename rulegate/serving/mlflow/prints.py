"""Brings what models print to the gateway's log, line by line, and no more of it than a log can take.

Each process prints into a pipe of its own, so that a line is known by its model. The pipes are emptied at once whatever
the log does, so that neither a model that prints without end nor a log that is slow to take it holds up anybody. What
comes faster than a log should grow is left out, of those alone who print more than their part, and the log says so.
"""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import json
import logging
import os
import select
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from rulegate.serving.mlflow.allowance import Allowance

BYTES_PER_S = 1024 * 1024
"""How fast what all models print together may make the log grow; each may have an equal part of it."""

BURST_BYTES = 4 * 1024 * 1024
"""How much one may print at once, after a while in which nothing came; two at the same time half as much each."""

LONGEST_LINE_BYTES = 2000
"""Of a longer line the beginning is kept: what is this long quotes data, and a client may have chosen how long."""

LONGEST_WAIT_S = 10.0
"""What of a line has come is logged after so long, though it has not ended: its model may hang where it printed it."""

LEAST_GAP_S = 1.0
"""For so long at least all is left out that a model prints, once some is: each gap is two lines of the log."""

# About what a record has beside the text, so that a million empty lines count too.
_RECORD_BYTES = 150
# Once some is left out, so is all, until there is room for more than a few words again.
_ROOM_AFTER_GAP = 0.25
_READ_BYTES = 1024 * 1024
# While prints are left out, their pipe is emptied this often: often enough for a gigabyte a second, and seldom enough
# to leave the interpreter to requests.
_PAUSE_S = 0.001
# While something is due later, it is looked for this often.
_LOOK_S = 1.0

_log = logging.getLogger("rulegate.prints")


class Prints:
    """Pipes to print into, and a thread that makes records of what comes out. Safe to use from many threads.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._epoll = select.epoll()
        self._end = os.eventfd(0)
        self._epoll.register(self._end, select.EPOLLIN)
        self._printers: dict[int, _Printer] = {}
        self._allowance = Allowance(bytes_per_s=BYTES_PER_S, burst_bytes=BURST_BYTES)
        self._gaps: dict[str, _Gap] = {}
        # By source: since when a line has come that has not ended.
        self._unended: dict[int, float] = {}
        self._now_s = clock()
        self._thread = threading.Thread(target=self._run, name="prints", daemon=True)
        self._thread.start()

    def open(self, facts: Mapping[str, str]) -> int:
        """A descriptor to print into, the caller's to close.

        ``facts`` become fields of each record; those who have the same share one part of what may be printed.
        """
        source, descriptor = os.pipe()
        # Whoever prints can also read: what has been there may be gone when it is to be taken.
        os.set_blocking(source, False)
        self._printers[source] = _Printer(facts)
        self._epoll.register(source, select.EPOLLIN)
        return descriptor

    def close(self, *, timeout_s: float = 1.0) -> None:
        """Waits until all has been taken that was printed, or for ``timeout_s`` if somebody may still print."""
        os.eventfd_write(self._end, int(timeout_s * 1000) or 1)
        self._thread.join(2 * timeout_s)

    def _run(self) -> None:
        until_s: float | None = None
        while until_s is None or (self._printers and self._clock() < until_s):
            is_due = self._gaps or self._unended
            wait_s = max(0.0, until_s - self._clock()) if until_s else _LOOK_S if is_due else None
            ready = self._epoll.poll(wait_s)
            self._let_time_pass()
            hurries = False
            for source, _ in ready:
                if source == self._end:
                    until_s = self._now_s + os.eventfd_read(self._end) / 1000
                else:
                    with contextlib.suppress(BlockingIOError):
                        hurries |= self._take(source, os.read(source, _READ_BYTES))
            if hurries:
                time.sleep(_PAUSE_S)
        for name in list(self._gaps):
            self._end_gap(name)
        for descriptor in [*self._printers, self._end]:
            os.close(descriptor)
        self._epoll.close()

    def _let_time_pass(self) -> None:
        before_s, self._now_s = self._now_s, self._clock()
        self._allowance.pass_time(self._now_s - before_s)
        for name, gap in list(self._gaps.items()):
            if self._now_s >= gap.begin_s + LEAST_GAP_S and self._allowance.has(name, part=_ROOM_AFTER_GAP):
                self._end_gap(name)
        for source, begin_s in list(self._unended.items()):
            if self._now_s >= begin_s + LONGEST_WAIT_S:
                del self._unended[source]
                printer = self._printers[source]
                line, printer.line = printer.line, _Line()
                self._tell(source, printer, line)

    def _take(self, source: int, data: bytes) -> bool:
        """Logs or leaves out what has been read; whether more comes than is taken, so that it may wait a little."""
        printer = self._printers[source]
        if not data:
            # Closed last: from then on its number may be another's.
            self._epoll.unregister(source)
            del self._printers[source]
            self._unended.pop(source, None)
            os.close(source)
        if (gap := self._gaps.get(printer.name)) is not None:
            gap.size_bytes += len(data) + printer.line.size_bytes
            printer.line = _Line()
            self._unended.pop(source, None)
            return True
        for line in printer.lines(data):
            self._unended.pop(source, None)
            self._tell(source, printer, line)
        if printer.line.size_bytes:
            self._unended.setdefault(source, self._now_s)
        if printer.line.left_out_bytes:
            # Nothing more of this line is taken, however fast it comes.
            _widen(source)
        return bool(printer.line.left_out_bytes)

    def _tell(self, source: int, printer: _Printer, line: _Line) -> None:
        gap = self._gaps.get(printer.name)
        if gap is None and self._allowance.has(printer.name):
            text = line.text()
            self._allowance.charge(printer.name, len(json.dumps(text)) + _RECORD_BYTES)
            _log.info("printed", extra={"facts": {**printer.facts, "text": text}})
        else:
            gap = gap or self._begin_gap(source, printer)
            gap.size_bytes += line.size_bytes

    def _begin_gap(self, source: int, printer: _Printer) -> _Gap:
        words = "more is printed than its part of %d bytes a second; what is too much is left out"
        _log.warning(words, BYTES_PER_S, extra={"facts": printer.facts})
        self._allowance.charge(printer.name, 2 * _RECORD_BYTES)
        _widen(source)
        gap = self._gaps[printer.name] = _Gap(printer.facts, self._now_s)
        return gap

    def _end_gap(self, name: str) -> None:
        gap = self._gaps.pop(name)
        _log.warning("%d bytes that were printed are left out", gap.size_bytes, extra={"facts": gap.facts})
        self._allowance.charge(name, 2 * _RECORD_BYTES)


def _widen(source: int) -> None:
    """Lets more wait in a pipe that is emptied less often now."""
    # It has ended if this is the last of it; and the system gives much room to a few pipes only.
    with contextlib.suppress(OSError):
        fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _READ_BYTES)


class _Gap:
    """What one prints and the log has not, from some moment on."""

    __slots__ = ("begin_s", "facts", "size_bytes")

    def __init__(self, facts: Mapping[str, str], begin_s: float) -> None:
        self.facts = facts
        self.begin_s = begin_s
        self.size_bytes = 0


class _Printer:
    """Who prints into one pipe, and what of a line has come from there so far."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        self.facts = dict(facts)
        self.name = " ".join(facts.values())
        self.line = _Line()

    def lines(self, data: bytes) -> Iterator[_Line]:
        """The lines that end with ``data``; empty data ends the last."""
        *ends, rest = data.split(b"\n")
        for end in ends if data else [rest]:
            line = self.line
            line.add(end)
            self.line = _Line()
            if line.size_bytes:
                yield line
        self.line.add(rest)


class _Line:
    """The beginning of a line, and how much more of it there was."""

    __slots__ = ("_begin", "left_out_bytes")

    def __init__(self) -> None:
        self._begin = b""
        self.left_out_bytes = 0

    @property
    def size_bytes(self) -> int:
        """How long the line is as it was printed."""
        return len(self._begin) + self.left_out_bytes

    def add(self, data: bytes) -> None:
        """Takes what comes next."""
        fits = data[: LONGEST_LINE_BYTES - len(self._begin)]
        self._begin += fits
        self.left_out_bytes += len(data) - len(fits)

    def text(self) -> str:
        """The line as the log has it; bytes that are no text, and NUL, are escaped."""
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        text = decoder.decode(self._begin, final=not self.left_out_bytes).replace("\0", "\\x00")
        if not self.left_out_bytes:
            return text
        halved, _ = decoder.getstate()
        return f"{text}… {len(halved) + self.left_out_bytes} bytes are left out"
