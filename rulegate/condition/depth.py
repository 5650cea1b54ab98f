"""How deep the value of a body may be, and how deep a value is that was made elsewhere."""

from __future__ import annotations

from typing import Any, Final

MAX_JSON_DEPTH: Final = 64
"""Levels of objects and lists in the value of a body, the outermost being the first."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


def depth(value: Any) -> int:
    """The levels of objects and lists in a value that was made elsewhere.

    Raises:
        TypeError: If it holds a value of a type that JSON has not, or an object's key that is not text.
    """
    deepest, pending = 0, [(value, 1)]
    while pending:
        part, level = pending.pop()
        if type(part) in _SCALARS:
            continue
        if type(part) is dict:
            if not all(type(key) is str for key in part):
                raise TypeError("the keys of a JSON object are text")
            inner = list(part.values())
        elif type(part) is list:
            inner = part
        else:
            raise TypeError(f"{type(part).__name__} is not a type of JSON")
        deepest = max(deepest, level)
        pending.extend((element, level + 1) for element in inner)
    return deepest
