"""What can go wrong with a condition: one exception when it is compiled, four when it is evaluated.

Exception
├── ConditionError            the text is not a condition: it carries the diagnostics
├── EvaluationError           this request has no value for this condition: the route's ``on_error`` decides
├── ExternalUnavailableError  a decision service has no answer: what reads it has an `EvaluationError`
├── MalformedBodyError        the request itself is broken: it fails, whatever any route says
└── BudgetExceededError       the request makes conditions too costly: it fails, whatever any route says
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rulegate.diagnostics import Diagnostic, Span, render_all


class ConditionError(Exception):
    """A text that is not a condition.

    ``diagnostics`` are in the order of the text, at least one of them an error; ``str()`` renders them all.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(diagnostics)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics)

    def __str__(self) -> str:
        return render_all(self.diagnostics)


class EvaluationError(Exception):
    """A condition that has no value for a request: a missing key, text compared with a number, a body that is not JSON.

    ``message`` says why, without any content of the request; ``span`` is the place in ``text``, the condition's text.
    """

    def __init__(self, message: str, span: Span, text: str) -> None:
        super().__init__(message, span, text)
        self.message = message
        self.span = span
        self.text = text

    def __str__(self) -> str:
        return f"`{self.text[self.span.start : self.span.end]}`: {self.message}"


class MalformedBodyError(Exception):
    """A body that says it is JSON and is not, or is nested too deeply; the message never contains the body."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Ensure that input is a valid JSON formatted string. Error: '{reason}'")


class BudgetExceededError(Exception):
    """A request that would keep a condition busy for longer than the budget allows; nothing says what is in it."""

    def __init__(self) -> None:
        super().__init__("the request is too large for the conditions of its routes")


class ExternalUnavailableError(Exception):
    """A decision service that gave no answer; raised by whoever asks it, see `Request`.

    ``name`` is the service's, ``reason`` the end of a sentence, such as ``no answer within 50 ms``: explanations show
    it, so it holds nothing of the request or of what came back.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the decision service `{name}` has no answer: {reason}")
        self.name = name
        self.reason = reason


class NoJsonError(Exception):
    """A request whose body does not say that it is JSON; the evaluator turns it into an `EvaluationError`."""


EVALUATION_ERRORS: Final = (
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    ArithmeticError,
    RecursionError,
    NoJsonError,
    ExternalUnavailableError,
    EvaluationError,
)
"""What the operations of the language raise where a condition errs; anything else is a fault of the program."""
