"""The operations that cost more the larger their values are, each charged before it is done, and bounded."""

from __future__ import annotations

import operator
from collections.abc import Callable, ItemsView, Iterable, Mapping, ValuesView
from types import MappingProxyType
from typing import Any, Final

from rulegate.condition import vocabulary
from rulegate.condition.meter import Meter

_NUMBERS: Final = frozenset({int, float, bool})
_CONTAINERS: Final = frozenset({list, tuple, dict, set})
_SMALL: Final = 2**64
_SHORT: Final = 128
"""Texts up to this length are compared in the time that an element is charged for."""
_ELEMENT_NS: Final = 70
"""To compare or to add up one element of a list."""
_MEMBER_NS: Final = 150
"""To compare one member of an object."""
_WRITTEN_NS: Final = 120
"""To write one short text or number."""
_TURN_NS: Final = 20
"""To ask one element for its truth, or whether it is the one that is looked for."""
_CHARACTER_NS: Final = 60
"""To make a text of one character that is not ASCII, and to compare it."""

# ---- text ------------------------------------------------------------------------------------------------------------

# The figures are nanoseconds a code point, measured on the slowest text that was found; `size` is the length of the
# argument. Searching compares every place with the whole argument unless both are long, when Python changes to an
# algorithm that does not; searching from the end never does.
_Cost = Callable[[str, int], int]


def _forwards(text: str, size: int) -> int:
    length = len(text)
    return length * (3 + (size // 8 if length < 2_500 or size < 100 else 0))


def _backwards(text: str, size: int) -> int:
    return len(text) * (3 + size // 6)


def _each(cost: int, cost_in_ascii: int | None = None) -> _Cost:
    def charge(text: str, size: int) -> int:
        return len(text) * (cost if cost_in_ascii is None or not text.isascii() else cost_in_ascii) + size

    return charge


def _affix(_text: str, size: int) -> int:
    return size // 8


def _removed(text: str, size: int) -> int:
    return (len(text) + size) // 8


METHOD_COSTS: Final[Mapping[str, _Cost]] = MappingProxyType(
    {
        "startswith": _affix,
        "endswith": _affix,
        "removeprefix": _removed,
        "removesuffix": _removed,
        "lower": _each(8, 1),
        "upper": _each(24, 1),
        "casefold": _each(14, 1),
        "strip": _backwards,
        "lstrip": _backwards,
        "rstrip": _backwards,
        "split": lambda text, size: _forwards(text, size) + len(text) * 16,
        "rsplit": lambda text, size: _backwards(text, size) + len(text) * 20,
        "splitlines": _each(24),
        "partition": _forwards,
        "rpartition": _backwards,
        "count": _forwards,
        "find": _forwards,
        **dict.fromkeys(
            ("isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric", "isspace", "isupper", "islower"), _each(8)
        ),
    }
)
"""What the methods of text cost that look at more than a few of its characters."""


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
    elif type(owner) in _CONTAINERS:
        # Lists and tuples have `count` too.
        _charge_search(meter, argument, owner)
    return argument


def sliced(meter: Meter, owner: Any) -> Any:
    """The owner of a slice, after a copy of all of it has been charged."""
    if type(owner) is str:
        meter.charge(len(owner) // 2)
    elif type(owner) in {list, tuple}:
        meter.charge(len(owner) * 8)
    return owner


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def _charge_digits(meter: Meter, left: Any, right: Any) -> None:
    """Numbers of thousands of digits cost what their digits cost; the largest has 14 300 bits."""
    if type(left) is int and type(right) is int:
        longest = max(left.bit_length(), right.bit_length())
        if longest > 64:
            meter.charge(longest // 16 + left.bit_length() * right.bit_length() // 1024)


def _refuse(left: Any, right: Any) -> None:
    if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
        raise TypeError("only numbers")


def add(meter: Meter, left: Any, right: Any) -> Any:
    """``left + right`` of two numbers or two texts."""
    if type(left) is str and type(right) is str:
        length = len(left) + len(right)
        if length > vocabulary.MAX_SUM_LENGTH:
            raise ValueError("too long")
        meter.charge(length // 2)
        return left + right
    _refuse(left, right)
    _charge_digits(meter, left, right)
    return left + right


def subtract(meter: Meter, left: Any, right: Any) -> Any:
    """``left - right`` of two numbers."""
    _refuse(left, right)
    _charge_digits(meter, left, right)
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
    _charge_digits(meter, left, right)
    return left / right


def floor_divide(meter: Meter, left: Any, right: Any) -> Any:
    """``left // right`` of two numbers."""
    _refuse(left, right)
    _charge_digits(meter, left, right)
    return left // right


def remainder(meter: Meter, left: Any, right: Any) -> Any:
    """``left % right`` of two numbers; text before ``%`` would be formatted, and errs."""
    _refuse(left, right)
    _charge_digits(meter, left, right)
    return left % right


# ---- comparison ------------------------------------------------------------------------------------------------------


def charge_whole(meter: Meter, value: Any) -> None:
    """Charges for a walk over a value and all that is in it."""
    pending = [value]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind is str:
            if len(part) > _SHORT:
                meter.charge(len(part) // 8)
        elif kind is int:
            if not -_SMALL < part < _SMALL:
                meter.charge(part.bit_length() // 16)
        elif kind is dict:
            meter.charge(len(part) * _MEMBER_NS)
            pending.extend(part.values())
        elif kind in _CONTAINERS:
            meter.charge(len(part) * _ELEMENT_NS)
            pending.extend(part)


def charge_writing(meter: Meter, value: Any) -> None:
    """Charges for writing a value and all that is in it as text; of numbers the time is quadratic in the digits."""
    pending = [value]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind is int:
            meter.charge(_WRITTEN_NS + part.bit_length() ** 2 // 1024)
        elif kind is str:
            meter.charge(_WRITTEN_NS + len(part) * 4)
        elif kind in _CONTAINERS:
            meter.charge(len(part) * _ELEMENT_NS)
            pending.extend(part)
            if kind is dict:
                pending.extend(part.values())
        else:
            meter.charge(_WRITTEN_NS * 3)


def _charge_comparison(meter: Meter, left: Any, right: Any, *, ordered: bool) -> None:
    kind = type(left)
    if kind is not type(right) or (kind not in _CONTAINERS and kind is not str):
        return
    if len(left) != len(right) and not ordered:
        return
    charge_whole(meter, left if len(left) <= len(right) else right)


def equal(meter: Meter, left: Any, right: Any) -> bool:
    """``left == right``."""
    _charge_comparison(meter, left, right, ordered=False)
    return bool(left == right)


def unequal(meter: Meter, left: Any, right: Any) -> bool:
    """``left != right``."""
    _charge_comparison(meter, left, right, ordered=False)
    return bool(left != right)


def less(meter: Meter, left: Any, right: Any) -> bool:
    """``left < right``."""
    _charge_comparison(meter, left, right, ordered=True)
    return bool(left < right)


def less_equal(meter: Meter, left: Any, right: Any) -> bool:
    """``left <= right``."""
    _charge_comparison(meter, left, right, ordered=True)
    return bool(left <= right)


def greater(meter: Meter, left: Any, right: Any) -> bool:
    """``left > right``."""
    _charge_comparison(meter, left, right, ordered=True)
    return bool(left > right)


def greater_equal(meter: Meter, left: Any, right: Any) -> bool:
    """``left >= right``."""
    _charge_comparison(meter, left, right, ordered=True)
    return bool(left >= right)


def _charge_search(meter: Meter, element: Any, container: Any) -> None:
    """Charges for a look at each element of a container that is no text, and for its comparison with another value."""
    kind = type(container)
    if kind is dict or kind is set:
        return
    length = operator.length_hint(container)
    meter.charge(length * (_TURN_NS + (len(element) // 8 if type(element) is str else 0)))
    if type(element) in _CONTAINERS:
        charge_whole(meter, container if kind in _CONTAINERS else element)
        if isinstance(container, ValuesView | ItemsView):
            charge_whole(meter, [*container])


def is_in(meter: Meter, element: Any, container: Any) -> bool:
    """``element in container``."""
    if type(container) is not str:
        _charge_search(meter, element, container)
    elif type(element) is str:
        meter.charge(_forwards(container, len(element)))
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
    return any(charged_loop(meter, iterable, _TURN_NS))


def all_of(meter: Meter, iterable: Any) -> bool:
    """``all(iterable)``."""
    return all(charged_loop(meter, iterable, _TURN_NS))


def _listed(meter: Meter, iterable: Iterable[Any]) -> Iterable[Any]:
    """The elements, after a walk over them all has been charged."""
    if type(iterable) is str:
        meter.charge(len(iterable) * (_TURN_NS if iterable.isascii() else _CHARACTER_NS))
        return iterable
    values = [*charged_loop(meter, iterable, _TURN_NS)]
    charge_whole(meter, values)
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
