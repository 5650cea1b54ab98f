"""Keeps what clients must not see out of messages: the server's paths and the request's own data."""

from __future__ import annotations

import re

MAX_MESSAGE_CHARACTERS = 2000
"""A longer message is cut: an error is to be read, and whatever is this long quotes data."""

# At least two separators, so that `text/csv`, `a/b` and a lone `/` stay. The last name of a path is kept: it tells the
# reader which file, and not where.
_PATH = re.compile(r"(?<![\w:/.])(?:file://)?(?:/[^\s/'\"`,:;()<>]+)+/([^\s/'\"`,:;()<>]*)")

# MLflow quotes the whole input where it refuses it. What follows each quotation tells where it ends.
_QUOTED_DATA = (
    (re.compile(r"(Failed to enforce schema of data) '.*' (with schema )", re.DOTALL), r"\1 \2"),
    (re.compile(r"(Failed to enforce schema of data) `.*` (with dtype )", re.DOTALL), r"\1 \2"),
    (re.compile(r"(Failed to enforce schema of) '.*' (with type )", re.DOTALL), r"\1 data \2"),
    (re.compile(r"(Failed to predict data) '.*'\. \n(Error: )", re.DOTALL), r"\1. \2"),
    (re.compile(r"\nInput: \n.*\Z", re.DOTALL), ""),
)


def without_paths(message: str) -> str:
    """The message with every absolute path cut to its last name."""
    return _PATH.sub(lambda match: match.group(1) or "…", message)


def for_client(message: str) -> str:
    """The message without the request's data, without paths, and not longer than a message should be."""
    for pattern, replacement in _QUOTED_DATA:
        message = pattern.sub(replacement, message)
    message = without_paths(message).strip()
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = message[: MAX_MESSAGE_CHARACTERS - 1] + "…"
    return message
