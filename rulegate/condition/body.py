"""Reads a JSON body as the model process reads it, within bounds."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from rulegate.condition.errors import MalformedBodyError

MAX_JSON_DEPTH: Final = 64
"""Levels of objects and lists in a body, the outermost being the first."""

_TOO_DEEP: Final = f"nested more than {MAX_JSON_DEPTH} levels deep"
_NOT_STRUCTURE: Final = bytes(set(range(256)) - set(b'"[]{}'))
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_QUOTED: Final = re.compile(rb'"[^"]*"')


def parse_body(body: bytes) -> Any:
    """The value of a JSON body: exactly what Python's ``json.loads`` makes of it.

    So the last of several equal keys wins, ``NaN`` and ``Infinity`` are numbers, and integers have no bound but the
    interpreter's (4300 digits, unless it was started with another one). Takes time linear in the length of the body.

    Raises:
        MalformedBodyError: If the body is not UTF-8, not JSON, nested more than `MAX_JSON_DEPTH` levels deep, or holds
            a longer integer. Nothing else is ever raised.
    """
    if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and _is_too_deep(body):
        raise MalformedBodyError(_TOO_DEEP)
    try:
        return json.loads(body.decode("utf-8"))
    except json.JSONDecodeError as error:
        reason = f"{error.msg}: line {error.lineno} column {error.colno} (char {error.pos})"
    except UnicodeDecodeError as error:
        reason = f"not UTF-8 at byte {error.start}"
    except RecursionError:
        reason = _TOO_DEEP
    except ValueError:
        reason = "an integer has too many digits"
    raise MalformedBodyError(reason)


def _is_too_deep(body: bytes) -> bool:
    """Whether well-formed JSON has more than `MAX_JSON_DEPTH` levels; of other texts the parser finds the fault."""
    # Strings are removed, then everything but brackets, then the innermost pairs, once for each level: all of it at the
    # speed of C, where a scan in Python would take longer than the parser.
    structure = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_STRUCTURE).replace(b'""', b"")
    if b'"' in structure:
        structure = _QUOTED.sub(b"", structure)
    structure = structure.translate(_TO_SQUARE)
    for _ in range(MAX_JSON_DEPTH):
        inner = structure.replace(b"[]", b"")
        if len(inner) == len(structure):
            return False
        structure = inner
    return b"[]" in structure
