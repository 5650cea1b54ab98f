"""What must hold of every text, whoever wrote it: the laws that the fuzzer tries to break and the tests replay."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from fuzz.requests import SERVICES, requests
from rulegate.condition import (
    BudgetExceededError,
    Condition,
    ConditionError,
    EvaluationError,
    MalformedBodyError,
    Request,
    compile_condition,
)
from rulegate.condition.check import check
from rulegate.condition.compile import ERRED
from rulegate.condition.evaluate import evaluate
from rulegate.condition.parse import parse
from rulegate.condition.unparse import unparse
from rulegate.diagnostics import Diagnostic, Source

COMPILING_S: Final = 0.5
"""Processor time to compile or refuse a text; far more than it takes, for instrumented code is slow."""
EVALUATING_S: Final = 0.25
"""Processor time of one evaluation; far more than the 50 ms that the language promises, for machines differ."""

_ERRED: Final = "erred"
_FAILED: Final = frozenset({"malformed", "too costly"})
"""How an evaluation ends that fails its request."""
_REQUESTS: Final = requests()


class LawBroken(Exception):
    """A text, and perhaps a request, for which a law does not hold."""


def hold(text: str) -> bool:
    """Holds the laws against one text; whether it is a condition.

    Raises:
        LawBroken: If one does not hold. Whatever else is raised breaks the first law: that nothing else is.
    """
    try:
        condition = _within(COMPILING_S, "compiling", lambda: compile_condition(text, external=SERVICES))
    except ConditionError as error:
        _assert(bool(error.diagnostics), "refused without a diagnostic")
        _assert(bool(str(error)), "refused without a word")
        _hold_diagnostics(text, error.diagnostics)
        return False
    _hold_diagnostics(text, condition.warnings)
    source = Source("condition", text)
    root, _ = parse(source)
    _assert(root is not None, "compiled but not parsed")
    if root is not None:
        again, faults = parse(Source("condition", unparse(root)))
        _assert(not faults and repr(again) == repr(root), "not what it is after unparse and parse")
        checked, _ = check(source, root, SERVICES)
        _assert(checked is not None, "compiled but not checked")
        for name, make in _REQUESTS.items():
            walked = _outcome(lambda: evaluate(checked, make()))  # type: ignore[arg-type]  # noqa: B023
            _hold_request(condition, name, make, walked)
    return True


def _hold_diagnostics(text: str, diagnostics: tuple[Diagnostic, ...]) -> None:
    for diagnostic in diagnostics:
        inside = 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        _assert(inside, f"{diagnostic.code} points outside the text")
        _assert("\n" not in diagnostic.message, f"{diagnostic.code} has a message of several lines")


def _hold_request(condition: Condition, name: str, make: Callable[[], Request], walked: str) -> None:
    request = make()
    generated = _outcome(lambda: _within(EVALUATING_S, f"evaluating on {name}", lambda: condition._value(request)))
    _assert(generated == walked, f"on {name} the generated code and the walk differ: {generated:.80} and {walked:.80}")
    verdict, matches = _outcome(lambda: condition.verdict(make())), _outcome(lambda: condition.matches(make()))
    if generated in _FAILED:
        _assert(verdict == matches == generated, f"on {name} a request that fails has a verdict")
    else:
        expected = None if generated == _ERRED else bool(condition.value(make()))
        _assert(verdict == repr(expected), f"on {name} the verdict is {verdict}, and should be {expected}")
        _assert(matches == repr(bool(expected)), f"on {name} `matches` is {matches}, and should be {bool(expected)}")
        explanation = condition.explain(make())
        _assert(repr(explanation.matches) == matches, f"on {name} the explanation says something else")


def _outcome(compute: Callable[[], Any]) -> str:
    """What a computation gives, told apart by type, or how it ends in a documented way."""
    try:
        value = compute()
    except EvaluationError:
        return _ERRED
    except MalformedBodyError:
        return "malformed"
    except BudgetExceededError:
        return "too costly"
    return _ERRED if value is ERRED else _shown(value)


def _shown(value: Any) -> str:
    """Like `repr`, with the elements of sets in order and numbers of any length."""
    match value:
        case set():
            return f"{{{', '.join(sorted(map(_shown, value)))}}}"
        case list() | tuple():
            return f"{type(value).__name__}({', '.join(map(_shown, value))})"
        case dict():
            return f"dict({', '.join(f'{key!r}: {_shown(element)}' for key, element in value.items())})"
        case int() if not isinstance(value, bool):
            return hex(value)
        case _:
            return repr(value)


def _within(bound_s: float, what: str, compute: Callable[[], Any]) -> Any:
    begin = time.thread_time()
    try:
        return compute()
    finally:
        took_s = time.thread_time() - begin
        _assert(took_s <= bound_s, f"{what} took {took_s:.2f} s")


def _assert(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LawBroken(otherwise)
