"""What values cost by their length, their digits and all that is in them: charged before they are used."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, ItemsView, Mapping, ValuesView
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from rulegate.condition.meter import Meter
from rulegate.condition.named_texts import Headers

CONTAINERS: Final = frozenset({list, tuple, dict, set})
TURN_NS: Final = 20
"""To ask one element for its truth, or whether it is the one that is looked for."""
CHARACTER_NS: Final = 60
"""To make a text of one character that is not ASCII, and to compare it."""
_EQUAL: Final = 8
_ORDERED: Final = 2
"""Characters of two texts that are compared in a nanosecond: for equality, and for order, when widths can differ."""
_LOOKED_UP: Final = frozenset({dict, set, Headers})
_SMALL: Final = 2**64
_SHORT: Final = 128
"""Texts up to this length are compared in the time that an element is charged for."""
_ELEMENT_NS: Final = 70
"""To compare or to add up one element of a list."""
_MEMBER_NS: Final = 150
"""To compare one member of an object."""
_WRITTEN_NS: Final = 120
"""To write one short text or number."""
_LONG_FLOAT_NS: Final = 1_200
"""To write a number that is far from 1."""
_FAR: Final = 100
"""The power of two beyond which a number is far from 1."""

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


def _each(cost: int, cost_in_ascii: int, text: str, _size: int) -> int:
    return len(text) * (cost_in_ascii if text.isascii() else cost)


def _affix(_text: str, size: int) -> int:
    return size // _ORDERED


def _removed(text: str, size: int) -> int:
    return len(text) + size // _ORDERED


METHOD_COSTS: Final[Mapping[str, _Cost]] = MappingProxyType(
    {
        "startswith": _affix,
        "endswith": _affix,
        "removeprefix": _removed,
        "removesuffix": _removed,
        "lower": partial(_each, 12, 1),
        "upper": partial(_each, 24, 1),
        "casefold": partial(_each, 14, 1),
        "strip": _backwards,
        "lstrip": _backwards,
        "rstrip": _backwards,
        "split": lambda text, size: _forwards(text, size) + len(text) * 16,
        "rsplit": lambda text, size: _backwards(text, size) + len(text) * 20,
        "splitlines": partial(_each, 24, 24),
        "partition": _forwards,
        "rpartition": _backwards,
        "count": _forwards,
        "find": _forwards,
        **dict.fromkeys(
            ("isdigit", "isalpha", "isalnum", "isdecimal", "isnumeric", "isspace", "isupper", "islower"),
            partial(_each, 8, 8),
        ),
    }
)
"""What the methods of text cost that look at more than a few of its characters."""


# ---- numbers ---------------------------------------------------------------------------------------------------------


def charge_digits(meter: Meter, left: Any, right: Any) -> None:
    """Numbers of thousands of digits cost what their digits cost; the largest has 14 300 bits."""
    if type(left) is int and type(right) is int:
        longest = max(left.bit_length(), right.bit_length())
        if longest > 64:
            meter.charge(longest // 16 + left.bit_length() * right.bit_length() // 1024)


def charge_remainder(meter: Meter, left: Any, right: Any) -> None:
    """Charges for ``left % right`` and ``left // right``: those of floats take a while for each bit of the quotient.

    Raises:
        OverflowError: If one is a float and the other an integer that no float can be: Python does so too.
    """
    if type(left) is float or type(right) is float:
        bits = math.frexp(left)[1] - math.frexp(right)[1]
        if bits > 64:
            meter.charge(bits // 2)
    else:
        charge_digits(meter, left, right)


# ---- all that is in a value ------------------------------------------------------------------------------------------


def charge_whole(meter: Meter, value: Any, *, ordered: bool = False) -> None:
    """Charges for a comparison of a value and all that is in it, for equality or for order."""
    characters_per_ns = _ORDERED if ordered else _EQUAL
    pending = [value]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind is str:
            if len(part) > _SHORT:
                meter.charge(len(part) // characters_per_ns)
        elif kind is int:
            if not -_SMALL < part < _SMALL:
                meter.charge(part.bit_length() // 16)
        elif kind is dict:
            meter.charge(len(part) * _MEMBER_NS)
            pending.extend(part.values())
        elif kind in CONTAINERS:
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
        elif kind is float and abs(math.frexp(part)[1]) > _FAR:
            meter.charge(_LONG_FLOAT_NS)
        elif kind in CONTAINERS:
            meter.charge(len(part) * _ELEMENT_NS)
            pending.extend(part)
            if kind is dict:
                pending.extend(part.values())
        else:
            meter.charge(_WRITTEN_NS * 3)


def charge_comparison(meter: Meter, left: Any, right: Any, *, ordered: bool) -> None:
    """Charges for the comparison of two values."""
    kind = type(left)
    if kind is not type(right) or (kind not in CONTAINERS and kind is not str):
        return
    if len(left) != len(right) and not ordered:
        return
    charge_whole(meter, left if len(left) <= len(right) else right, ordered=ordered)


def charge_search(meter: Meter, element: Any, container: Any) -> None:
    """Charges for a look at each element of a container that is no text, and for its comparison with another value.

    In mappings nothing is searched; but in headers a name is looked up in lower case.
    """
    kind = type(container)
    if kind is Headers and type(element) is str:
        meter.charge(METHOD_COSTS["lower"](element, 0))
    if kind in _LOOKED_UP:
        return
    length = operator.length_hint(container)
    meter.charge(length * (TURN_NS + (len(element) // 8 if type(element) is str else 0)))
    if type(element) in CONTAINERS:
        charge_whole(meter, container if kind in CONTAINERS else element)
        if isinstance(container, ValuesView | ItemsView):
            charge_whole(meter, [*container])
