"""Log records as lines: JSON for machines, text for people."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, Literal

LogFormat = Literal["json", "text"]

FACTS = "facts"
"""The attribute of a record (``extra={FACTS: {...}}``) whose entries become fields of the line."""


def set_up(log_format: LogFormat, *, level: int = logging.INFO) -> None:
    """Sends this process's records to standard error, one line each, replacing what was set up before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """The record's own facts without those that are unknown, and the detail that only a log may show."""
    facts = {key: value for key, value in getattr(record, FACTS, {}).items() if value is not None}
    if record.exc_info:
        facts["detail"] = logging.Formatter().formatException(record.exc_info)
    return facts


def _time(record: logging.LogRecord) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"


class JsonLines(logging.Formatter):
    """One JSON object a record: ``time`` (UTC), ``level``, ``event``, and the record's facts."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line feed."""
        line = {"time": _time(record), "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(line | _facts(record), default=str)


class TextLines(logging.Formatter):
    """One line a record for people; only a detail, such as a stack trace, takes further lines, indented."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without a line feed."""
        facts = _facts(record)
        detail = str(facts.pop("detail", "")).strip()
        words = [_time(record), record.levelname.lower(), _one_line(record.getMessage())]
        words += [f"{key}={_one_line(str(value))}" for key, value in facts.items()]
        lines = [" ".join(words), *detail.splitlines()]
        return "\n    ".join(lines)


def _one_line(text: str) -> str:
    # A forged line feed in a value must not look like a record of its own.
    return text if text.isprintable() else text.encode("unicode_escape").decode()
