"""Log records as lines: JSON for machines, text for people."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Mapping
from typing import Any, Literal

LogFormat = Literal["json", "text"]

FACTS = "facts"
"""The attribute of a record (``extra={FACTS: {...}}``) whose entries become fields of the line."""

_STANDARD_ERROR = 2


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

    def write(self, event: str, facts: Mapping[str, Any], *, level: str = "info", at_s: float | None = None) -> None:
        """Writes one event.

        Args:
            event: What happened.
            facts: What else is to be known of it.
            level: How much it matters, in lower case.
            at_s: When it happened, in seconds of the Unix epoch; None is now.
        """
        seconds = time.time() if at_s is None else at_s
        moment = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1000):03d}Z"
        line = self._format(moment, level, event, facts) + "\n"
        data = line.encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(self._descriptor, data) :]


class _Handler(logging.Handler):
    """Writes the records of the logging module as lines."""

    def __init__(self, lines: Lines) -> None:
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


def set_up(lines: Lines, *, level: int = logging.INFO) -> None:
    """Sends this process's log records to ``lines``, replacing what was set up before."""
    logging.basicConfig(level=level, handlers=[_Handler(lines)], force=True)


def _json_line(moment: str, level: str, event: str, facts: Mapping[str, Any]) -> str:
    line = {"time": moment, "level": level, "event": event}
    line.update((key, value) for key, value in facts.items() if value is not None)
    return json.dumps(line, default=str)


def _text_line(moment: str, level: str, event: str, facts: Mapping[str, Any]) -> str:
    words = [moment, level, _one_line(event)]
    words += [f"{key}={_one_line(str(v))}" for key, v in facts.items() if v is not None and key != "detail"]
    detail = str(facts.get("detail") or "").strip()
    return "\n    ".join([" ".join(words), *detail.splitlines()])


def _one_line(text: str) -> str:
    # A forged line feed in a value must not look like a record of its own.
    return text if text.isprintable() else text.encode("unicode_escape").decode()
