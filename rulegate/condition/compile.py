"""Turns a checked condition into Python functions, built as a tree of ours and never as text."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, MappingProxyType
from typing import Any, Final

from rulegate.condition import vocabulary
from rulegate.condition.check import CheckedCondition, request_attribute
from rulegate.condition.errors import EVALUATION_ERRORS
from rulegate.condition.nodes import (
    Attribute,
    Bracket,
    Call,
    Comparator,
    Compare,
    Connective,
    Constant,
    Display,
    Junction,
    Name,
    Negative,
    Node,
    Not,
    Subscript,
)
from rulegate.condition.request import Request
from rulegate.condition.vocabulary import Kind

_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType({"len": len})
_COMPARATORS: Final[Mapping[Comparator, type[ast.cmpop]]] = MappingProxyType(
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
_CONNECTIVES: Final[Mapping[Connective, type[ast.boolop]]] = MappingProxyType(
    {Connective.AND: ast.And, Connective.OR: ast.Or}
)
_ALLOWED_NODES: Final = frozenset(
    {
        *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Try, ast.ExceptHandler, ast.Return, ast.Load),
        *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.List, ast.Tuple, ast.Set),
        *(ast.UnaryOp, ast.USub, ast.Not, ast.BoolOp, ast.Compare),
        *_COMPARATORS.values(),
        *_CONNECTIVES.values(),
    }
)
_FOLDED_HEADERS: Final = "folded_headers"
_ALLOWED_ATTRIBUTES: Final = frozenset(
    {_FOLDED_HEADERS, *(attribute.reads for attribute in vocabulary.REQUEST_ATTRIBUTES.values()), *vocabulary.METHODS}
)
_ERRORS: Final = "errors"
_ERRED: Final = "erred"
_ALLOWED_NAMES: Final = frozenset({vocabulary.REQUEST, *_FUNCTIONS, _ERRORS, _ERRED})
_LOAD: Final = ast.Load()


@dataclass(frozen=True, slots=True)
class Compiled:
    """Functions of a request that hold no state and may be called from any thread; all raise `MalformedBodyError`.

    Where the condition errs, ``matches`` is False, ``verdict`` None and ``value`` `ERRED`; otherwise the first two are
    its truth, and the last is its value.
    """

    matches: Callable[[Request], bool]
    verdict: Callable[[Request], bool | None]
    value: Callable[[Request], Any]


ERRED: Final = object()
"""What ``value`` returns where a condition errs: no value that a condition can have."""


def compile(condition: CheckedCondition) -> Compiled:
    """The functions that compute a checked condition."""
    expression = _expression(condition.root)
    value = _code(expression)
    # The truth of most conditions is their value, and one code object serves all three functions.
    truth = value if condition.kind is Kind.BOOL else _code(_truth(expression))
    return Compiled(_function(truth, erred=False), _function(truth, erred=None), _function(value, erred=ERRED))


def _code(expression: ast.expr) -> CodeType:
    """The code of ``try: return <expression>``, ``except <errors>: return <erred>``."""
    # Here and not around the call: a `try` costs nothing, and one more call would cost as much as most conditions.
    handler = ast.ExceptHandler(ast.Name(_ERRORS, _LOAD), None, [ast.Return(ast.Name(_ERRED, _LOAD))])
    body = ast.Try([ast.Return(expression)], [handler], [], [])
    parameters = ast.arguments([], [ast.arg(vocabulary.REQUEST)], None, [], [], None, [])
    tree = ast.Module([ast.FunctionDef("condition", parameters, [body], [])], [])
    _assert_allowed(tree)
    module = builtins.compile(ast.fix_missing_locations(tree), "<condition>", "exec", dont_inherit=True)
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def _truth(expression: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), expression))


def _function(code: CodeType, *, erred: object) -> Callable[[Request], Any]:
    return FunctionType(code, {"__builtins__": {}, **_FUNCTIONS, _ERRORS: EVALUATION_ERRORS, _ERRED: erred})


def _expression(node: Node) -> ast.expr:
    folded = _with_folded_header(node)
    if folded is not None:
        return folded
    read = request_attribute(node)
    if read is not None:
        return _of_request(read)
    match node:
        case Constant(value=value):
            return ast.Constant(value)
        case Name(name=name):
            return ast.Name(name, _LOAD)
        case Attribute(value=value, name=name):
            return ast.Attribute(_expression(value), name, _LOAD)
        case Subscript(value=value, index=index):
            return ast.Subscript(_expression(value), _expression(index), _LOAD)
        case Call(function=function, arguments=arguments):
            return ast.Call(_expression(function), _expressions(arguments), [])
        case Negative(operand=operand):
            return ast.UnaryOp(ast.USub(), _expression(operand))
        case Not(operand=operand):
            return ast.UnaryOp(ast.Not(), _expression(operand))
        case Compare(operands=(left, *others), comparators=comparators):
            operators = [_COMPARATORS[comparator]() for comparator in comparators]
            return ast.Compare(_expression(left), operators, _expressions(others))
        case Junction(connective=connective, operands=operands):
            return ast.BoolOp(_CONNECTIVES[connective](), _expressions(operands))
        case Display(bracket=Bracket.LIST, elements=elements):
            return ast.List(_expressions(elements), _LOAD)
        case Display(bracket=Bracket.TUPLE, elements=elements):
            return ast.Tuple(_expressions(elements), _LOAD)
        case Display(bracket=Bracket.SET, elements=elements):
            return ast.Set(_expressions(elements))
        case _:
            raise AssertionError(f"not a checked node: {node}")


def _expressions(nodes: Iterable[Node]) -> list[ast.expr]:
    return [_expression(node) for node in nodes]


def _of_request(attribute: str) -> ast.expr:
    return ast.Attribute(ast.Name(vocabulary.REQUEST, _LOAD), attribute, _LOAD)


def _with_folded_header(node: Node) -> ast.expr | None:
    """A look-up of a header whose name is known now, in the plain dict of folded names; None for every other node."""
    match node:
        case Subscript(value=owner, index=Constant(value=str(name))) if request_attribute(owner) == "headers":
            return ast.Subscript(_of_request(_FOLDED_HEADERS), ast.Constant(name.lower()), _LOAD)
        case Compare(
            operands=(Constant(value=str(name)), owner), comparators=(Comparator.IN | Comparator.NOT_IN as comparator,)
        ) if request_attribute(owner) == "headers":
            container = _of_request(_FOLDED_HEADERS)
            return ast.Compare(ast.Constant(name.lower()), [_COMPARATORS[comparator]()], [container])
        case Call(function=Attribute(value=owner, name="get"), arguments=(Constant(value=str(name)), *default)) if (
            request_attribute(owner) == "headers"
        ):
            get = ast.Attribute(_of_request(_FOLDED_HEADERS), "get", _LOAD)
            return ast.Call(get, [ast.Constant(name.lower()), *_expressions(default)], [])
        case _:
            return None


def _assert_allowed(tree: ast.Module) -> None:
    """The last walk: whatever went wrong before, no other node, attribute or name gets into a function."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                allowed = name in _ALLOWED_ATTRIBUTES
            case ast.Name(id=name):
                allowed = name in _ALLOWED_NAMES
            case _:
                allowed = type(node) in _ALLOWED_NODES
        if not allowed:
            raise AssertionError(f"generated code may not hold {ast.dump(node)}")
