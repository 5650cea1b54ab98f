"""Tells whether two answers of the scoring protocol say the same, and if not, in what they differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

_ANOTHER_SHAPE: Final = "the shapes differ"
_ANOTHER_KIND: Final = "the types differ"
_ANOTHER_NUMBER: Final = "a number differs by more than the tolerance"
_ANOTHER_VALUE: Final = "a value differs"
_NO_JSON: Final = "they are not both JSON"

_PREDICTIONS: Final = "predictions"


def difference(real: bytes, other: bytes, tolerance: float) -> str | None:
    """In what the answer ``other`` differs from ``real``; None if they agree.

    They are compared as JSON, and of two that have ``predictions`` only those. Lists must have the same length and
    objects the same keys, in any order; numbers may differ by ``tolerance``, relative to the larger or absolutely,
    NaN is equal to itself, and texts, truths and null must be the same. 1 and 1.0 are the same number, true is none.

    What is returned names the kind of the first difference and nothing of either answer.
    """
    if real == other:
        return None
    try:
        pair = json.loads(real), json.loads(other)
    except (ValueError, RecursionError):
        return _NO_JSON
    if all(isinstance(side, dict) and _PREDICTIONS in side for side in pair):
        pair = pair[0][_PREDICTIONS], pair[1][_PREDICTIONS]
    # By a list of what is left to do and not by recursion: answers may be nested as deeply as the parser takes them.
    left = [pair]
    while left:
        one, two = left.pop()
        if isinstance(one, (list, dict)):
            if type(one) is not type(two) or not _is_alike(one, two):
                return _ANOTHER_SHAPE
            left.extend(_pairs(one, two))
        elif (found := _leaf(one, two, tolerance)) is not None:
            return found
    return None


def _is_alike(one: list[Any] | dict[str, Any], two: Any) -> bool:
    return len(one) == len(two) and (isinstance(one, list) or one.keys() == two.keys())


def _pairs(one: list[Any] | dict[str, Any], two: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(one, list):
        return zip(one, two, strict=True)
    return ((value, two[key]) for key, value in one.items())


def _leaf(one: Any, two: Any, tolerance: float) -> str | None:
    if _is_number(one) and _is_number(two):
        return None if _is_close(one, two, tolerance) else _ANOTHER_NUMBER
    if isinstance(two, (list, dict)):
        return _ANOTHER_SHAPE
    if type(one) is not type(two):
        return _ANOTHER_KIND
    return None if one == two else _ANOTHER_VALUE


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_close(one: float, two: float, tolerance: float) -> bool:
    if one == two:
        return True
    try:
        both_nan = math.isnan(one) and math.isnan(two)
        return both_nan or math.isclose(one, two, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:
        return _is_close_exactly(one, two, tolerance)


def _is_close_exactly(one: float, two: float, tolerance: float) -> bool:
    """As `math.isclose`, for integers beyond what a float holds."""
    try:
        first, second = Fraction(one), Fraction(two)
    except (OverflowError, ValueError):  # infinity, or no number
        return False
    larger = max(abs(first), abs(second), Fraction(1))
    return abs(first - second) <= Fraction(tolerance) * larger
