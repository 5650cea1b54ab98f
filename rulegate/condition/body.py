"""Reads a JSON body as the model process reads it, within bounds."""

from __future__ import annotations

import json
from typing import Any, Final

from rulegate.condition.errors import MalformedBodyError

MAX_JSON_DEPTH: Final = 64
"""Levels of objects and lists in the value of a body, the outermost being the first."""

_TOO_DEEP: Final = f"nested more than {MAX_JSON_DEPTH} levels deep"
_CONTAINERS: Final = frozenset({list, dict})


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
        value = json.loads(body)
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
