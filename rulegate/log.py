"""Log records as lines: JSON for machines, text for people."""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Protocol

LogFormat = Literal["json", "text"]

FACTS = "facts"
"""The attribute of a record (``extra={FACTS: {...}}``) whose entries become fields of the line."""

MAX_QUEUED: Final = 10_000
"""Lines that may wait to be written; what reads the log may be slow, and requests must not wait for it."""

GATHER_S: Final = 0.02
"""How long lines are gathered to be written together."""

_STANDARD_ERROR = 2

_Event = tuple[str, Mapping[str, Any], str, float]


class Log(Protocol):
    """What events are written to. Safe to use from many threads."""

    def write(self, event: str, facts: Mapping[str, Any], /, *, level: str = ..., at_s: float | None = ...) -> None:
        """Takes what happens.

        Args:
            event: What happened.
            facts: What else is to be known of it, but for what is None; must not change any more.
            level: How much it matters, in lower case.
            at_s: When it happened, in seconds of the Unix epoch; None is now.
        """
        ...


class Lines:
    """Writes events as lines. Safe to use from many threads: a line is written by one call of the system.

    A line has the time (UTC), the level, the event, and the facts that are not None. As JSON it is an object; as text,
    a fact ``detail``, such as a stack trace, takes further lines, indented.

    Args:
        log_format: What a line looks like.
        descriptor: The open file that lines are written to.
    """

    def __init__(self, log_format: LogFormat, descriptor: int = _STANDARD_ERROR) -> None:
        self._format = _json_line if log_format == "json" else _text_line
        self._descriptor = descriptor
        # Whether the last line could be written in part only.
        self._is_cut = False

    def write(self, event: str, facts: Mapping[str, Any], /, *, level: str = "info", at_s: float | None = None) -> None:
        """See `Log.write`; it is written at once."""
        self.write_text(self.line(event, facts, level, time.time() if at_s is None else at_s))

    def line(self, event: str, facts: Mapping[str, Any], level: str, at_s: float) -> str:
        """One event as it is written, its end included; the arguments are those of `write`."""
        moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at_s))}.{int(at_s % 1 * 1000):03d}Z"
        return self._format(moment, level, event, facts) + "\n"

    def write_text(self, text: str) -> None:
        """Writes whole lines.

        Raises:
            OSError: If they cannot be written, or only in part; what is written next begins a line all the same.
        """
        data = b"\n" * self._is_cut + text.encode("utf-8", "backslashreplace")
        left = data
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        finally:
            if len(left) < len(data):
                self._is_cut = data[-len(left) - 1 :][:1] != b"\n"


class GatheredLines:
    """Writes events as lines, many at a time, in a thread of its own. Safe to use from many threads.

    Nobody waits for the log: to write a line for each of many thousand requests a second costs as much as to answer
    them, and a log that is read slowly would hold them all up. A line is written ``gather_s`` seconds after its event
    at the latest, if it can be; of more than `MAX_QUEUED` that cannot, the newest are dropped, as are those that the
    system refuses because the disk is full, and a line says how many when it can. For what is worse than ``info`` there
    is room for as many again.

    Args:
        lines: Writes them.
        gather_s: How long lines may be gathered to be written together; 0: only while others are written.
    """

    def __init__(self, lines: Lines, *, gather_s: float = GATHER_S) -> None:
        self._lines = lines
        self._gather_s = gather_s
        self._queue: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._closed = threading.Event()
        self._thread.start()

    def write(self, event: str, facts: Mapping[str, Any], /, *, level: str = "info", at_s: float | None = None) -> None:
        """See `Log.write`; it is written later."""
        if self._queue.qsize() < (MAX_QUEUED if level == "info" else 2 * MAX_QUEUED):
            self._queue.put((event, facts, level, time.time() if at_s is None else at_s))
        else:
            self._dropped += 1

    def close(self) -> None:
        """Writes what there is and ends. Events that come later are lost. Safe to call again."""
        self._closed.set()
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        ends = False
        while not ends:
            taken = [self._queue.get()]
            self._closed.wait(self._gather_s)
            # Those that come meanwhile have another turn.
            taken += (self._queue.get() for _ in range(self._queue.qsize()))
            ends = None in taken
            self._write([event for event in taken if event is not None])

    def _write(self, events: Sequence[_Event]) -> None:
        dropped, self._dropped = self._dropped, 0
        text = "".join(self._lines.line(*event) for event in events)
        if dropped:
            text += self._lines.line("log lines were dropped", {"lines": dropped}, "warning", time.time())
        try:
            self._lines.write_text(text)
        except OSError:
            # The disk is full, or nobody is left who reads; both may end.
            self._dropped += dropped + len(events)


class _Handler(logging.Handler):
    """Writes the records of the logging module as lines."""

    def __init__(self, lines: Log) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            facts = dict(getattr(record, FACTS, {}))
            if record.exc_info:
                facts["detail"] = logging.Formatter().formatException(record.exc_info)
            self._lines.write(record.getMessage(), facts, level=record.levelname.lower(), at_s=record.created)
        except Exception:  # noqa: BLE001 - the module's way: a record that cannot be written must not end the program
            self.handleError(record)


def set_up(lines: Log, *, level: int = logging.INFO) -> None:
    """Sends this process's log records to ``lines``, replacing what was set up before."""
    logging.basicConfig(level=level, handlers=[_Handler(lines)], force=True)


def record_what_nobody_catches() -> None:
    """Makes records of warnings, and of exceptions that Python would print, so that these are lines like all others."""
    logging.captureWarnings(True)
    log = logging.getLogger("rulegate.uncaught")

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        log.critical("nobody has caught %s", kind.__name__, exc_info=(kind, error, trace))

    def ended_thread(hook: threading.ExceptHookArgs) -> None:
        # As Python does: a thread may end so.
        if hook.exc_type is not SystemExit:
            name = hook.thread.name if hook.thread else "unknown"
            facts = {FACTS: {"thread": name}}
            error = hook.exc_value or hook.exc_type()
            log.error("a thread has ended", exc_info=(hook.exc_type, error, hook.exc_traceback), extra=facts)

    def unraisable(hook: sys.UnraisableHookArgs) -> None:
        error = hook.exc_value or hook.exc_type()
        log.error("%s", hook.err_msg or "an exception is ignored", exc_info=(hook.exc_type, error, hook.exc_traceback))

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, ended_thread, unraisable


def _json_line(moment: str, level: str, event: str, facts: Mapping[str, Any]) -> str:
    line = {"time": moment, "level": level, "event": event}
    for key, value in facts.items():
        if value is not None:
            # No fact can be taken for what the line itself says.
            line.setdefault(key, value)
    return json.dumps(line, default=str)


def _text_line(moment: str, level: str, event: str, facts: Mapping[str, Any]) -> str:
    words = [moment, level, _one_line(event)]
    words += [f"{key}={_one_line(str(v))}" for key, v in facts.items() if v is not None and key != "detail"]
    detail = str(facts.get("detail") or "").strip()
    return "\n    ".join([" ".join(words), *map(_one_line, detail.splitlines())])


def _one_line(text: str) -> str:
    # A forged line feed in a value must not look like a record of its own.
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
