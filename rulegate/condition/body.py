"""Reads a JSON body as the model process reads it, within bounds."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from rulegate.condition.depth import MAX_JSON_DEPTH
from rulegate.condition.errors import MalformedBodyError

_TOO_DEEP: Final = f"nested more than {MAX_JSON_DEPTH} levels deep"
_CONTAINERS: Final = frozenset({list, dict})
# Digits and the minus become zeros, what can stand before a number becomes a comma.
_SHAPES: Final = bytes.maketrans(b"-123456789[: \t\r\n", b"0000000000,,,,,,")
_LARGE_INTEGER: Final = b"," + b"0" * 20


def parse_body(body: bytes) -> Any:
    """The value of a JSON body: exactly what Python's ``json.loads`` makes of these bytes.

    So UTF-8, UTF-16 and UTF-32 are told apart by the first bytes, with or without a byte order mark; the last of
    several equal keys wins; ``NaN`` and ``Infinity`` are numbers, and so is ``1E400``; halves of surrogate pairs are
    characters; integers have no bound but the interpreter's: 4300 digits, unless it was started with another one.
    Takes time and memory linear in the length of the body. Thread-safe.

    Raises:
        MalformedBodyError: If the body is not JSON, has more than `MAX_JSON_DEPTH` levels, or holds a longer integer.
            Nothing else is ever raised.
    """
    try:
        value = _read(body)
    except json.JSONDecodeError as error:
        reason = f"{error.msg}: line {error.lineno} column {error.colno} (char {error.pos})"
    except UnicodeDecodeError as error:
        reason = f"not {error.encoding.upper()} at byte {error.start}"
    except RecursionError:
        reason = _TOO_DEEP
    except ValueError:
        reason = "an integer has too many digits"
    else:
        # Every level begins with a bracket of its own, in whatever encoding, and most bodies have fewer.
        if body.count(b"[") + body.count(b"{") <= MAX_JSON_DEPTH or not _is_too_deep(value):
            return value
        reason = _TOO_DEEP
    raise MalformedBodyError(reason)


def _read(body: bytes) -> Any:
    """What ``json.loads`` makes of these bytes, and raises, in a third of the time where that is possible."""
    if _may_hold_a_large_integer(body):
        return json.loads(body)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # To the standard library it may be JSON all the same: NaN, `1E400`, UTF-16, halves of surrogate pairs.
        return json.loads(body)


def _may_hold_a_large_integer(body: bytes) -> bool:
    """Whether there may be an integer beyond 64 bits, which orjson reads as a float: the one difference there is."""
    # Such an integer has at least 20 characters, its sign included. A text may look the same, which costs time only.
    return _LARGE_INTEGER in b"," + body.translate(_SHAPES)


def _is_too_deep(value: Any) -> bool:
    """Whether a value has more than `MAX_JSON_DEPTH` levels."""
    level: list[Any] = [[value]]
    for _ in range(MAX_JSON_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return True
