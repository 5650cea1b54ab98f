"""Turns a checked condition into Python functions, built as a tree of ours and never as text."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, Final

from rulegate.condition.check import CheckedCondition
from rulegate.condition.errors import EVALUATION_ERRORS
from rulegate.condition.generate import Generated, generate
from rulegate.condition.library import GLOBALS
from rulegate.condition.recipes import Literals, Recipe
from rulegate.condition.request import Request
from rulegate.condition.sealed import seal
from rulegate.condition.shape import Value
from rulegate.condition.trees import ERRED_NAME, ERRORS_NAME, LOAD, METER, REQUEST, function, of_request
from rulegate.condition.vocabulary import Kind

_SHAPE: Final = "shape"
_MAIN: Final = "condition"


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


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What all conditions of one shape share: the code, and how it is given the literals of one of them.

    Immutable; any number of threads may use it at once. Only `compile` makes one.
    """

    condition: CheckedCondition
    """The one that it was made from."""
    literals: Literals
    """The places in it of the literals in which the conditions differ."""
    is_metered: bool
    """Whether it may be charged for anything."""
    _recipes: tuple[Recipe, ...]
    _truth: CodeType
    _value: CodeType
    _for_matches: dict[str, Any]
    """What the code knows by name; the next two are the same but for what the function returns where it errs."""
    _for_verdict: dict[str, Any]
    _for_value: dict[str, Any]

    def fill(self, literals: tuple[Value, ...]) -> Compiled:
        """The functions of the condition that has these literals.

        Raises:
            UnfitLiteralError: If one of them is nothing that the function can use which reads it.
        """
        given = [recipe(literals) for recipe in self._recipes]
        truth = FunctionType(self._truth, self._for_matches)(*given)
        value = truth if self._value is self._truth else FunctionType(self._value, self._for_value)(*given)
        return Compiled(truth, _with_names(truth, self._for_verdict), _with_names(value, self._for_value))


def compile(condition: CheckedCondition, literals: Literals) -> Form:
    """The form of a checked condition and of all that differ from it in ``literals`` alone."""
    generated = generate(condition, literals)
    value = _code(generated, generated.expression)
    # The truth of most conditions is their value, and the same code serves all three functions.
    truth = value if condition.kind is Kind.BOOL else _code(generated, _truth(generated.expression))
    names: dict[str, Any] = {name: GLOBALS[name] for name in {*_names(truth), *_names(value)} & GLOBALS.keys()}
    names |= {"__builtins__": {}, ERRORS_NAME: EVALUATION_ERRORS, **generated.prepared}
    for_matches, for_verdict, for_value = ({**names, ERRED_NAME: erred} for erred in (False, None, ERRED))
    recipes = tuple(generated.parameters.values())
    return Form(condition, literals, generated.is_metered, recipes, truth, value, for_matches, for_verdict, for_value)


def _code(generated: Generated, expression: ast.expr) -> CodeType:
    """The code of a function that is given the literals and makes the condition's function of a request."""
    # In `try: return <expression>`, and not around the call: it costs nothing, and one more call would cost as much as
    # most conditions.
    handler = ast.ExceptHandler(ast.Name(ERRORS_NAME, LOAD), None, [ast.Return(ast.Name(ERRED_NAME, LOAD))])
    body: list[ast.stmt] = [ast.Try([ast.Return(expression)], [handler], [], [])]
    if generated.is_metered:
        begin = ast.Call(ast.Attribute(of_request("meter"), "begin", LOAD), [], [])
        body.insert(0, ast.Assign([ast.Name(METER, ast.Store())], begin))
    made = ast.Return(ast.Name(_MAIN, LOAD))
    whole = [*generated.loops, function(_MAIN, [REQUEST], body), made]
    tree = ast.Module([function(_SHAPE, generated.parameters, whole)], [])
    seal(tree)
    module = builtins.compile(tree, "<condition>", "exec", dont_inherit=True)
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


def _truth(expression: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), ast.UnaryOp(ast.Not(), expression))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _with_names(function: FunctionType, names: dict[str, Any]) -> FunctionType:
    """The same function with other global names."""
    return FunctionType(function.__code__, names, None, None, function.__closure__)
