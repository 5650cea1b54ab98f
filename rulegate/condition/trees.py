"""The trees of Python that generated code is put together from, and the names that it knows."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.nodes import Comparator, Connective
from rulegate.condition.request import KNOWN, LAZY

REQUEST: Final = vocabulary.REQUEST
METER: Final = "meter"
ERRORS_NAME: Final = "errors"
ERRED_NAME: Final = "erred"
ITEMS: Final = "items"
"""What a loop is given to loop over."""
_VALUES: Final = "values"

LOAD: Final = ast.Load()
COMPARATORS: Final[Mapping[Comparator, type[ast.cmpop]]] = MappingProxyType(
    {
        Comparator.EQUAL: ast.Eq,
        Comparator.UNEQUAL: ast.NotEq,
        Comparator.LESS: ast.Lt,
        Comparator.LESS_EQUAL: ast.LtE,
        Comparator.GREATER: ast.Gt,
        Comparator.GREATER_EQUAL: ast.GtE,
        Comparator.IN: ast.In,
        Comparator.NOT_IN: ast.NotIn,
        Comparator.IS: ast.Is,
        Comparator.IS_NOT: ast.IsNot,
    }
)
CONNECTIVES: Final[Mapping[Connective, type[ast.boolop]]] = MappingProxyType(
    {Connective.AND: ast.And, Connective.OR: ast.Or}
)


def of_request(attribute: str) -> ast.expr:
    """An attribute of the request, its slot first."""
    request = ast.Name(REQUEST, LOAD)
    read = ast.Attribute(request, attribute, LOAD)
    return ast.BoolOp(ast.Or(), [ast.Attribute(request, KNOWN + attribute, LOAD), read]) if attribute in LAZY else read


def charged(function: str, *arguments: ast.expr) -> ast.expr:
    """A call of a function that takes the meter first."""
    return ast.Call(ast.Name(function, LOAD), [ast.Name(METER, LOAD), *arguments], [])


def function(name: str, parameters: Iterable[str], body: list[ast.stmt]) -> ast.stmt:
    """A function that is given ``parameters`` by their places."""
    given = [ast.arg(parameter) for parameter in parameters]
    return ast.FunctionDef(name, ast.arguments([], given, None, [], [], None, []), body, [])


def finding(found: bool, target: ast.expr, tests: list[ast.expr], element: ast.expr) -> list[ast.stmt]:
    """The body of a loop that ends with ``found`` at the first element that is as true, and else with its opposite."""
    decides = element if found else ast.UnaryOp(ast.Not(), element)
    return [_loop(target, tests, ast.If(decides, [_return(found)], [])), _return(not found)]


def gathering(function: str, target: ast.expr, tests: list[ast.expr], element: ast.expr) -> list[ast.stmt]:
    """The body of a loop that gathers its elements, and hands them over to ``function`` all at once.

    So they are added up exactly as Python does it.
    """
    append = ast.Attribute(ast.Name(_VALUES, LOAD), "append", LOAD)
    gather = _loop(target, tests, ast.Expr(ast.Call(append, [element], [])))
    begin = ast.Assign([ast.Name(_VALUES, ast.Store())], ast.List([], LOAD))
    return [begin, gather, ast.Return(charged(function, ast.Name(_VALUES, LOAD)))]


def _loop(target: ast.expr, tests: list[ast.expr], turn: ast.stmt) -> ast.stmt:
    for test in reversed(tests):
        turn = ast.If(test, [turn], [])
    return ast.For(target, ast.Name(ITEMS, LOAD), [turn], [])


def _return(value: bool) -> ast.stmt:
    return ast.Return(ast.Constant(value))
