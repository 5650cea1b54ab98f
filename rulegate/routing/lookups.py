"""How the entries of an index are found by one value of a request, for each relation in which their keys hold it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isnan
from types import MappingProxyType
from typing import Any, Final

from rulegate.condition import BudgetExceededError, MalformedBodyError, Request
from rulegate.condition.charges import METHOD_COSTS
from rulegate.condition.compile import ERRED
from rulegate.condition.condition import reader
from rulegate.condition.keys import Key, Relation

MAX_ELEMENTS: Final = 256
"""Elements of a list that are looked up one after the other."""

Numbers = tuple[int, ...]
"""Of entries, in their order."""
LookUp = Callable[[Request], Iterable[Numbers]]
"""Gives the numbers of all whose keys hold for a request or cannot be found out, in runs without a number in common."""
_Find = Callable[[Request, Any], Iterable[Numbers] | None]
"""Gives the numbers of all whose keys hold for a value, in such runs; None for a value that the relation does not take.

Raises `BudgetExceededError` or `_TryAllError` where all should be tried.
"""

_NUMBERS: Final = frozenset({int, float, bool})
_SCALARS: Final = _NUMBERS | {type(None)}


class _TryAllError(Exception):
    """To find out would cost as much as to try them all."""


def look_up(numbers: Sequence[int], keys: Sequence[Key], errors_count: Sequence[bool]) -> LookUp:
    """A function of a request that finds numbers by their keys, which are all about the same.

    Where ``errors_count``, a number is also found where its key cannot be found out. All are found where reading finds
    a malformed body, or would cost too much.
    """
    read = reader(keys[0].subject)
    find = _FINDERS[keys[0].relation](numbers, keys)
    everybody = (tuple(numbers),)
    unknown = tuple(number for number, counts in zip(numbers, errors_count, strict=True) if counts)
    unclear = (unknown,) if unknown else ()

    def numbers_for(request: Request) -> Iterable[Numbers]:
        try:
            value = read(request)
            found = None if value is ERRED else find(request, value)
        except (MalformedBodyError, BudgetExceededError, _TryAllError):
            return everybody
        return unclear if found is None else found

    return numbers_for


def _true(numbers: Sequence[int], _keys: Sequence[Key]) -> _Find:
    everybody = (tuple(numbers),)
    return lambda _request, value: everybody if value else ()


def _equal(numbers: Sequence[int], keys: Sequence[Key]) -> _Find:
    table = _by_constant(numbers, keys)

    def find(_request: Request, value: Any) -> Iterable[Numbers] | None:
        try:
            found = table.get(value)
        except TypeError:  # a list or an object has no hash: it equals no constant, and errs where a set is searched
            return None
        return (found,) if found else ()

    return find


# Of the beginnings of one key at most one fits, and of the ends too, so that the runs have no number in common.


def _starting(numbers: Sequence[int], keys: Sequence[Key]) -> _Find:
    table = _by_constant(numbers, keys)
    lengths = sorted({len(prefix) for prefix in table})

    def find(_request: Request, value: Any) -> Iterable[Numbers] | None:
        if type(value) is not str:
            return None
        runs = (table.get(value[:length]) for length in lengths[: bisect_right(lengths, len(value))])
        return [run for run in runs if run]

    return find


def _ending(numbers: Sequence[int], keys: Sequence[Key]) -> _Find:
    table = _by_constant(numbers, keys)
    lengths = sorted({len(suffix) for suffix in table})

    def find(_request: Request, value: Any) -> Iterable[Numbers] | None:
        if type(value) is not str:
            return None
        size = len(value)
        runs = (table.get(value[size - length :]) for length in lengths[: bisect_right(lengths, size)])
        return [run for run in runs if run]

    return find


def _holding(numbers: Sequence[int], keys: Sequence[Key]) -> _Find:
    table = _by_constant(numbers, keys)
    longest = max(map(len, table))

    def find(request: Request, value: Any) -> Iterable[Numbers] | None:
        kind = type(value)
        if kind is str:
            request.meter_aside().charge(METHOD_COSTS["find"](value, longest) * len(table))
        elif kind is list and len(value) <= MAX_ELEMENTS:
            return [table[part] for part in {part for part in value if type(part) is str} if part in table]
        elif kind in _SCALARS:
            return None
        elif kind is not dict:
            raise _TryAllError
        return [run for part, run in table.items() if part in value]

    return find


def _comparing(holds_below: bool, count_below: Callable[[Sequence[Any], Any], int]) -> Callable[..., _Find]:
    """For one relation: it holds for the constants below a value, or above it; and how many are below."""

    def comparing(numbers: Sequence[int], keys: Sequence[Key]) -> _Find:
        in_order = sorted(
            (constant, number) for number, key in zip(numbers, keys, strict=True) for constant in key.constants
        )
        constants = [constant for constant, _ in in_order]
        steps = _steps([number for _, number in (in_order if holds_below else reversed(in_order))])
        kinds = {str} if isinstance(constants[0], str) else _NUMBERS

        def find(_request: Request, value: Any) -> Iterable[Numbers] | None:
            if type(value) not in kinds:
                return None
            if type(value) is float and isnan(value):  # it is neither below nor above any
                return ()
            below = count_below(constants, value)
            return _first(below if holds_below else len(constants) - below, steps)

        return find

    return comparing


def _steps(numbers: Sequence[int]) -> list[Numbers]:
    """For each place the numbers that end there, as many as the largest power of two that divides the place; sorted.

    So the first numbers, however many, are few of these runs, and none has to be sorted for a request: it is a Fenwick
    tree. All runs together have half as many numbers as there are, times the logarithm of that.
    """
    return [tuple(sorted(numbers[place - (place & -place) : place])) for place in range(len(numbers) + 1)]


def _first(count: int, steps: Sequence[Numbers]) -> list[Numbers]:
    runs = []
    while count:
        runs.append(steps[count])
        count &= count - 1
    return runs


def _by_constant(numbers: Sequence[int], keys: Sequence[Key]) -> dict[Any, Numbers]:
    found: dict[Any, list[int]] = defaultdict(list)
    for number, key in zip(numbers, keys, strict=True):
        for constant in key.constants:
            found[constant].append(number)
    return {constant: tuple(having) for constant, having in found.items()}


_FINDERS: Final[Mapping[Relation, Callable[[Sequence[int], Sequence[Key]], _Find]]] = MappingProxyType(
    {
        Relation.TRUE: _true,
        Relation.EQUALS: _equal,
        Relation.STARTS: _starting,
        Relation.ENDS: _ending,
        Relation.HOLDS: _holding,
        Relation.GREATER: _comparing(True, bisect_left),
        Relation.GREATER_EQUAL: _comparing(True, bisect_right),
        Relation.LESS: _comparing(False, bisect_right),
        Relation.LESS_EQUAL: _comparing(False, bisect_left),
    }
)
