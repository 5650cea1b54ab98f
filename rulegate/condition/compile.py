"""Turns a checked condition into Python functions, built as a tree of ours and never as text."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Final

from rulegate.condition.check import CheckedCondition
from rulegate.condition.errors import EVALUATION_ERRORS
from rulegate.condition.generate import ERRED_NAME, ERRORS_NAME, METER, REQUEST, Generated, generate
from rulegate.condition.library import GLOBALS
from rulegate.condition.request import Request
from rulegate.condition.sealed import assert_allowed
from rulegate.condition.vocabulary import Kind

_MAIN: Final = "condition"
_LOAD: Final = ast.Load()


@dataclass(frozen=True, slots=True)
class Compiled:
    """Functions of a request that hold no state and may be called from any thread.

    All raise `MalformedBodyError` and `BudgetExceededError`. Where the condition errs, ``matches`` is False,
    ``verdict`` None and ``value`` `ERRED`; otherwise the first two are its truth, and the last is its value.
    """

    matches: Callable[[Request], bool]
    verdict: Callable[[Request], bool | None]
    value: Callable[[Request], Any]


ERRED: Final = object()
"""What ``value`` returns where a condition errs: no value that a condition can have."""


def compile(condition: CheckedCondition) -> Compiled:
    """The functions that compute a checked condition."""
    generated = generate(condition)
    value = _codes(generated, generated.expression)
    # The truth of most conditions is their value, and the same code serves all three functions.
    truth = value if condition.kind is Kind.BOOL else _codes(generated, _truth(generated.expression))
    return Compiled(
        _function(generated, truth, erred=False),
        _function(generated, truth, erred=None),
        _function(generated, value, erred=ERRED),
    )


def _codes(generated: Generated, expression: ast.expr) -> Mapping[str, CodeType]:
    """The code by name: of loops, and of ``try: return <expression>``, ``except <errors>: return <erred>``."""
    # Here and not around the call: a `try` costs nothing, and one more call would cost as much as most conditions.
    handler = ast.ExceptHandler(ast.Name(ERRORS_NAME, _LOAD), None, [ast.Return(ast.Name(ERRED_NAME, _LOAD))])
    body: list[ast.stmt] = [ast.Try([ast.Return(expression)], [handler], [], [])]
    if generated.is_metered:
        meter = ast.Attribute(ast.Name(REQUEST, _LOAD), "meter", _LOAD)
        begin = ast.Call(ast.Attribute(meter, "begin", _LOAD), [], [])
        body.insert(0, ast.Assign([ast.Name(METER, ast.Store())], begin))
    parameters = ast.arguments([], [ast.arg(REQUEST)], None, [], [], None, [])
    tree = ast.Module([ast.FunctionDef(_MAIN, parameters, body, []), *generated.loops], [])
    assert_allowed(tree)
    module = builtins.compile(ast.fix_missing_locations(tree), "<condition>", "exec", dont_inherit=True)
    return {constant.co_name: constant for constant in module.co_consts if isinstance(constant, CodeType)}


def _truth(expression: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), expression))


def _function(generated: Generated, codes: Mapping[str, CodeType], *, erred: object) -> Callable[[Request], Any]:
    used = {name for code in codes.values() for name in code.co_names}
    names: dict[str, Any] = {name: GLOBALS[name] for name in used & GLOBALS.keys()}
    names |= {"__builtins__": {}, **generated.prepared, ERRORS_NAME: EVALUATION_ERRORS, ERRED_NAME: erred}
    functions = {name: FunctionType(code, names) for name, code in codes.items()}
    names |= {name: function for name, function in functions.items() if name != _MAIN}
    return functions[_MAIN]
