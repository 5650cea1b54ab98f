"""Keeps what clients must not see out of messages: the server's paths and the request's own data."""

from __future__ import annotations

import re

MAX_MESSAGE_CHARACTERS = 2000
"""A longer message is cut: an error is to be read, and whatever is this long quotes data."""

TRACE = "stack_trace"
"""The field of an error in which MLflow's server shows its code."""

NO_TRACE = "left out"
"""What clients find there instead; some look whether there is anything."""

# At least two separators, so that `text/csv`, `a/b` and a lone `/` stay. The last name of a path is kept: it tells the
# reader which file, and not where. A path in quotation marks ends with them; of any other, words before another
# separator are taken for a part.
_QUOTED_PATH = re.compile(r"(['\"`])(?:file://)?/[^'\"`\n]*/([^/'\"`\n]*)\1")
_PATH = re.compile(r"(?<![\w:/.])(?:file://)?/{0}+(?:/{0}+(?: {0}+)*(?=/))*/({0}*)".format(r"[^\s/'\"`,:;()<>]"))

# MLflow quotes the whole input where it refuses it: what stands before the quotation, what stands after it, and what is
# put there instead. Searched for without a pattern, whose time could be made to grow with the square of the input.
_QUOTED_DATA = (
    ("Failed to predict data '", "'. \nError: ", "Failed to predict data. Error: "),
    ("Failed to enforce schema of data '", "' with schema ", "Failed to enforce schema of data with schema "),
    ("Failed to enforce schema of data `", "` with dtype ", "Failed to enforce schema of data with dtype "),
    ("Failed to enforce schema of '", "' with type ", "Failed to enforce schema of data with type "),
    ("Failed to convert data `", "` to type ", "Failed to convert data to type "),
)

_ENDS = (
    "\nInput: \n",  # and then the body
    ", but it got input data ",
    " IMPORTANT: The MLflow Model scoring protocol has changed in MLflow version 2.0.",  # and how to serve with 1.30
)
"""What MLflow ends some messages with, none of it for clients of a gateway; cut from here on."""


_MAX_DETAIL_CHARACTERS = 64 * 1024
_MAX_NAME_CHARACTERS = 100
_AUTHORITY = re.compile(r"(?<=://)[^/\s@'\"]{1,200}@")


def for_log(detail: str) -> str:
    """The text without passwords in addresses, and with its middle left out if it is longer than a log should hold.

    What an exception says may be as long as the request that it quotes; the end of a stack trace says most.
    """
    if len(detail) > _MAX_DETAIL_CHARACTERS:
        half = _MAX_DETAIL_CHARACTERS // 2
        detail = f"{detail[:half]}\n… {len(detail) - 2 * half} characters are left out …\n{detail[-half:]}"
    return _AUTHORITY.sub("…@", detail)


def without_paths(message: str) -> str:
    """The message with every absolute path cut to its last name."""
    message = _QUOTED_PATH.sub(lambda match: match[1] + (match[2] or "…") + match[1], message)
    return _PATH.sub(lambda match: match[1] or "…", message)


def without_text(error: BaseException) -> str:
    """What clients are told of an exception of code that is not known: its type alone; its text may name anything."""
    return f"it raised {type(error).__name__[:_MAX_NAME_CHARACTERS]}; the log tells why"


def for_client(message: str) -> str:
    """The message without the request's data, without paths, and not longer than a message should be."""
    for end in _ENDS:
        message = message.partition(end)[0]
    for before, after, instead in _QUOTED_DATA:
        head, found, rest = message.partition(before)
        _, closed, tail = rest.rpartition(after)
        if found and closed:
            message = head + instead + tail
    message = _AUTHORITY.sub("…@", without_paths(message)).strip()
    if len(message) > MAX_MESSAGE_CHARACTERS:
        message = message[: MAX_MESSAGE_CHARACTERS - 1] + "…"
    return message
