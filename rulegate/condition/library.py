"""What runs for each function and operator of the vocabulary, in generated code and in the walk alike."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from rulegate.condition import functions, operations
from rulegate.condition.nodes import Arithmetic, Comparator

_Function = Callable[..., Any]

PLAIN: Final[Mapping[str, _Function]] = MappingProxyType(
    {"len": len, "abs": abs, "bool": bool, "isinstance": isinstance}
)
"""Functions that take their arguments alone, in a time that does not depend on them."""

METERED: Final[Mapping[str, _Function]] = MappingProxyType(
    {
        "any": operations.any_of,
        "all": operations.all_of,
        "sum": operations.sum_of,
        "min": operations.min_of,
        "max": operations.max_of,
        "round": functions.round_of,
        "int": functions.int_of,
        "float": functions.float_of,
        "str": functions.str_of,
        "ip_in": functions.ip_in,
        "bucket": functions.bucket,
    }
)
"""Functions that take a meter before their arguments."""

CLOCKS: Final[Mapping[str, _Function]] = MappingProxyType(
    {"now_time": functions.now_time, "now_date": functions.now_date, "now_weekday": functions.now_weekday}
)
"""Functions that take the request before their arguments."""

ARITHMETIC: Final[Mapping[Arithmetic, _Function]] = MappingProxyType(
    {
        Arithmetic.ADD: operations.add,
        Arithmetic.SUBTRACT: operations.subtract,
        Arithmetic.MULTIPLY: operations.multiply,
        Arithmetic.DIVIDE: operations.divide,
        Arithmetic.FLOOR_DIVIDE: operations.floor_divide,
        Arithmetic.REMAINDER: operations.remainder,
    }
)
"""Operators between two values; each function takes a meter before them."""

COMPARISONS: Final[Mapping[Comparator, _Function]] = MappingProxyType(
    {
        Comparator.EQUAL: operations.equal,
        Comparator.UNEQUAL: operations.unequal,
        Comparator.LESS: operations.less,
        Comparator.LESS_EQUAL: operations.less_equal,
        Comparator.GREATER: operations.greater,
        Comparator.GREATER_EQUAL: operations.greater_equal,
        Comparator.IN: operations.is_in,
        Comparator.NOT_IN: operations.is_not_in,
    }
)
"""Comparisons of two values that may both be large; each function takes a meter before them."""

SIMPLE_COMPARISONS: Final[Mapping[Comparator, _Function]] = MappingProxyType(
    {
        Comparator.EQUAL: operator.eq,
        Comparator.UNEQUAL: operator.ne,
        Comparator.LESS: operator.lt,
        Comparator.LESS_EQUAL: operator.le,
        Comparator.GREATER: operator.gt,
        Comparator.GREATER_EQUAL: operator.ge,
        Comparator.IN: lambda left, right: left in right,
        Comparator.NOT_IN: lambda left, right: left not in right,
        Comparator.IS: operator.is_,
        Comparator.IS_NOT: operator.is_not,
    }
)
"""Comparisons that need no meter, because one side is small."""

_METERED_PARTS: Final[tuple[_Function, ...]] = (
    *METERED.values(),
    *CLOCKS.values(),
    *ARITHMETIC.values(),
    *COMPARISONS.values(),
    operations.weighed,
    operations.weighed_argument,
    operations.sliced,
    operations.charged_loop,
)

GLOBALS: Final[Mapping[str, _Function]] = MappingProxyType(
    {**PLAIN, **{function.__name__: function for function in _METERED_PARTS}}
)
"""All that generated code may call by name."""
