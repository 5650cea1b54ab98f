"""The compiled condition and the one way to make it: parse, check, compile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rulegate.condition import vocabulary
from rulegate.condition.check import CheckedCondition, check
from rulegate.condition.compile import ERRED, compile
from rulegate.condition.errors import ConditionError
from rulegate.condition.evaluate import evaluate
from rulegate.condition.explain import Explanation, explain
from rulegate.condition.keys import Key, keys
from rulegate.condition.parse import parse
from rulegate.condition.request import Request
from rulegate.condition.truth import doubts
from rulegate.diagnostics import Diagnostic, Excerpt, Source, in_order


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A condition that has been checked and compiled. Immutable; any number of threads may evaluate it at once.

    >>> from rulegate.condition import Request, compile_condition
    >>> condition = compile_condition("request.json['instances'][0].startswith('Domain')")
    >>> condition.matches(Request(json={"instances": ["Domain specific text"]}))
    True
    """

    text: str
    """What its author wrote."""
    warnings: tuple[Diagnostic, ...]
    """What the checker doubts about it, in the order of the text."""
    # The next two are generated functions and not methods, because the call of a method would cost as much as the
    # condition itself.
    matches: Callable[[Request], bool]
    """Whether the condition is true for a request; False where it errs.

    Raises `MalformedBodyError` and `BudgetExceededError`."""
    verdict: Callable[[Request], bool | None]
    """Whether the condition is true for a request; None where it errs.

    Raises `MalformedBodyError` and `BudgetExceededError`."""
    _value: Callable[[Request], Any]
    _checked: CheckedCondition

    def value(self, request: Request) -> Any:
        """What the condition's expression is for a request: of any type that JSON has, or a tuple or set.

        Raises:
            EvaluationError: If the condition errs.
            MalformedBodyError: If the condition reads a body that is not JSON.
            BudgetExceededError: If the request is too large for the condition.
        """
        value = self._value(request)
        # The generated function says that it erred, the walk says where; that both do is tested.
        return evaluate(self._checked, request) if value is ERRED else value

    def explain(self, request: Request) -> Explanation:
        """The value of every part of the condition for a request, what was not evaluated, and what erred.

        Raises:
            MalformedBodyError: If the condition reads a body that is not JSON.
            BudgetExceededError: If the request is too large for the condition.
        """
        return explain(self._checked, request)

    def keys(self, *, errors_count: bool) -> tuple[Key, ...]:
        """What must hold of every request for which the condition is true.

        With ``errors_count``, of a request for which it is true or errs, every key holds or cannot be found out.
        """
        return keys(self._checked, errors_count=errors_count)


def compile_condition(text: str, *, origin: Excerpt | None = None) -> Condition:
    """The condition that a text stands for.

    The text is read as if it stood in brackets: spaces and line ends between its parts mean nothing. None of it is ever
    run as Python. Thread-safe.

    Args:
        text: The condition.
        origin: Where the text stands in a file; diagnostics then point into the file.

    Raises:
        ConditionError: If the text is not a condition.
    """
    source = Source("condition", text)
    root, found = parse(source)
    checked = None
    if root is not None:
        checked, found = check(source, root)
    if checked is None:
        raise ConditionError(_placed(found, origin)[: vocabulary.MAX_DIAGNOSTICS])
    warnings = _placed([*found, *doubts(checked)], origin)
    compiled = compile(checked)
    return Condition(text, warnings, compiled.matches, compiled.verdict, compiled.value, checked)


def _placed(found: list[Diagnostic], origin: Excerpt | None) -> tuple[Diagnostic, ...]:
    return in_order(found if origin is None else [diagnostic.within(origin) for diagnostic in found])
