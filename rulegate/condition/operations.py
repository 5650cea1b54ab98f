"""The operations that cost more the larger their values are, each charged before it is done, and bounded."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any, Final

from rulegate.condition import vocabulary
from rulegate.condition.charges import (
    CHARACTER_NS,
    CONTAINERS,
    METHOD_COSTS,
    TURN_NS,
    charge_comparison,
    charge_digits,
    charge_remainder,
    charge_search,
    charge_whole,
)
from rulegate.condition.meter import Meter

_NUMBERS: Final = frozenset({int, float, bool})

# ---- text ------------------------------------------------------------------------------------------------------------


def weighed(meter: Meter, method: str, owner: Any) -> Any:
    """The owner of a method that is called without arguments, after the call has been charged."""
    if type(owner) is str:
        meter.charge(METHOD_COSTS[method](owner, 0))
    return owner


def weighed_argument(meter: Meter, method: str, owner: Any, argument: Any) -> Any:
    """The first argument of a method of ``owner``, after the call has been charged."""
    if type(owner) is str:
        if type(argument) is tuple:
            size = sum(len(text) for text in argument if type(text) is str)
        else:
            size = len(argument) if type(argument) is str else 0
        meter.charge(METHOD_COSTS[method](owner, size))
    elif type(owner) in CONTAINERS:
        # Lists and tuples have `count` too.
        charge_search(meter, argument, owner)
    return argument


def sliced(meter: Meter, owner: Any) -> Any:
    """The owner of a slice, after a copy of all of it has been charged."""
    if type(owner) is str:
        meter.charge(len(owner))
    elif type(owner) in {list, tuple}:
        meter.charge(len(owner) * 8)
    return owner


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def _refuse(left: Any, right: Any) -> None:
    if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
        raise TypeError("only numbers")


def add(meter: Meter, left: Any, right: Any) -> Any:
    """``left + right`` of two numbers or two texts."""
    if type(left) is str and type(right) is str:
        length = len(left) + len(right)
        if length > vocabulary.MAX_SUM_LENGTH:
            raise ValueError("too long")
        meter.charge(length)
        return left + right
    _refuse(left, right)
    charge_digits(meter, left, right)
    return left + right


def subtract(meter: Meter, left: Any, right: Any) -> Any:
    """``left - right`` of two numbers."""
    _refuse(left, right)
    charge_digits(meter, left, right)
    return left - right


def multiply(_meter: Meter, left: Any, right: Any) -> Any:
    """``left * right`` of two numbers; an integer is at most `vocabulary.MAX_PRODUCT` away from zero."""
    _refuse(left, right)
    if type(left) is float or type(right) is float:
        return left * right
    # Before the product is computed: it has at least as many bits as the two together, less one.
    if left and right and left.bit_length() + right.bit_length() > 65:
        raise OverflowError("too large")
    product = left * right
    if abs(product) > vocabulary.MAX_PRODUCT:
        raise OverflowError("too large")
    return product


def divide(meter: Meter, left: Any, right: Any) -> Any:
    """``left / right`` of two numbers."""
    _refuse(left, right)
    charge_digits(meter, left, right)
    return left / right


def floor_divide(meter: Meter, left: Any, right: Any) -> Any:
    """``left // right`` of two numbers."""
    _refuse(left, right)
    charge_remainder(meter, left, right)
    return left // right


def remainder(meter: Meter, left: Any, right: Any) -> Any:
    """``left % right`` of two numbers; text before ``%`` would be formatted, and errs."""
    _refuse(left, right)
    charge_remainder(meter, left, right)
    return left % right


# ---- comparison ------------------------------------------------------------------------------------------------------


def equal(meter: Meter, left: Any, right: Any) -> bool:
    """``left == right``."""
    charge_comparison(meter, left, right, ordered=False)
    return bool(left == right)


def unequal(meter: Meter, left: Any, right: Any) -> bool:
    """``left != right``."""
    charge_comparison(meter, left, right, ordered=False)
    return bool(left != right)


def less(meter: Meter, left: Any, right: Any) -> bool:
    """``left < right``."""
    charge_comparison(meter, left, right, ordered=True)
    return bool(left < right)


def less_equal(meter: Meter, left: Any, right: Any) -> bool:
    """``left <= right``."""
    charge_comparison(meter, left, right, ordered=True)
    return bool(left <= right)


def greater(meter: Meter, left: Any, right: Any) -> bool:
    """``left > right``."""
    charge_comparison(meter, left, right, ordered=True)
    return bool(left > right)


def greater_equal(meter: Meter, left: Any, right: Any) -> bool:
    """``left >= right``."""
    charge_comparison(meter, left, right, ordered=True)
    return bool(left >= right)


def is_in(meter: Meter, element: Any, container: Any) -> bool:
    """``element in container``."""
    if type(container) is not str:
        charge_search(meter, element, container)
    elif type(element) is str:
        meter.charge(METHOD_COSTS["find"](container, len(element)))
    return element in container


def is_not_in(meter: Meter, element: Any, container: Any) -> bool:
    """``element not in container``."""
    return not is_in(meter, element, container)


# ---- many elements ---------------------------------------------------------------------------------------------------


def charged_loop(meter: Meter, iterable: Any, cost: int) -> Any:
    """What a loop runs over, after all its turns have been charged."""
    meter.charge(operator.length_hint(iterable) * cost)
    return iterable


def any_of(meter: Meter, iterable: Any) -> bool:
    """``any(iterable)``."""
    return any(charged_loop(meter, iterable, TURN_NS))


def all_of(meter: Meter, iterable: Any) -> bool:
    """``all(iterable)``."""
    return all(charged_loop(meter, iterable, TURN_NS))


def _listed(meter: Meter, iterable: Iterable[Any]) -> Iterable[Any]:
    """The elements, after a walk over them all has been charged."""
    if type(iterable) is str:
        meter.charge(len(iterable) * (TURN_NS if iterable.isascii() else CHARACTER_NS))
        return iterable
    values = [*charged_loop(meter, iterable, TURN_NS)]
    charge_whole(meter, values, ordered=True)
    return values


def sum_of(meter: Meter, iterable: Any) -> Any:
    """``sum(iterable)``."""
    if type(iterable) is str and iterable:
        raise TypeError("text cannot be added up")
    return sum(_listed(meter, iterable))


def min_of(meter: Meter, *values: Any) -> Any:
    """``min(iterable)``, or ``min(a, b, …)``."""
    return min(_listed(meter, values[0] if len(values) == 1 else values))


def max_of(meter: Meter, *values: Any) -> Any:
    """``max(iterable)``, or ``max(a, b, …)``."""
    return max(_listed(meter, values[0] if len(values) == 1 else values))
