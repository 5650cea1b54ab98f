"""The explanation of one evaluation: each part of the condition with its value, what was skipped, what erred."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from rulegate.condition.check import CheckedCondition, request_attribute
from rulegate.condition.errors import EvaluationError
from rulegate.condition.evaluate import evaluate
from rulegate.condition.findings import is_external, is_patterns
from rulegate.condition.nodes import Attribute, Call, Generator, Keyword, Node, Slice, children, is_constant
from rulegate.condition.request import Request
from rulegate.diagnostics import Span

MAX_SHOWN: Final = 80
"""How many characters of a value are shown."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A part that was evaluated, and its value: in a generator that of the last turn in which it was."""

    value: Any


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part that was not needed, because the answer was known or an error came first."""


@dataclass(frozen=True, slots=True)
class Erred:
    """A part that has no value, because it or a part of it erred; ``message`` says why, on the part that erred."""

    message: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the condition, what became of it, and its own parts, constants left out, in the order of evaluation."""

    text: str
    span: Span
    outcome: Evaluated | Skipped | Erred
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a condition made of one request.

    ``matches`` is what `Condition.matches` says, ``error`` what `Condition.value` raises, ``root`` the whole condition.
    The values are the request's own: show them only to people who may see the request. ``str()`` gives one line a part.
    """

    matches: bool
    error: EvaluationError | None
    root: Step

    def __str__(self) -> str:
        rows = [("  " * depth + " ".join(step.text.split()), step.outcome) for depth, step in _flattened(self.root)]
        width = max(len(text) for text, _ in rows)
        return "\n".join(f"{text:{width}}  {_in_words(outcome)}".rstrip() for text, outcome in rows)


def explain(condition: CheckedCondition, request: Request) -> Explanation:
    """Evaluates a condition by walking it, and keeps what each part was.

    Raises:
        MalformedBodyError: If the condition reads a body that is not JSON.
        BudgetExceededError: If the request is too large for the condition.
    """
    values: dict[Span, Any] = {}
    error: EvaluationError | None = None
    matches = False
    try:
        matches = bool(evaluate(condition, request, lambda node, value: values.__setitem__(node.span, value)))
    except EvaluationError as raised:
        error = raised
    return Explanation(matches, error, _step(condition, condition.root, values, error))


def _step(condition: CheckedCondition, node: Node, values: dict[Span, Any], error: EvaluationError | None) -> Step:
    outcome: Evaluated | Skipped | Erred
    if node.span in values:
        outcome = Evaluated(values[node.span])
    elif error is not None and node.span.start <= error.span.start and error.span.end <= node.span.end:
        outcome = Erred(error.message if node.span == error.span else None)
    else:
        outcome = Skipped()
    parts = [part for part in _parts(node) if part.span not in condition.prepared and _varies(part)]
    steps = tuple(_step(condition, part, values, error) for part in parts)
    return Step(condition.source.text[node.span.start : node.span.end], node.span, outcome, steps)


def _varies(node: Node) -> bool:
    return not is_constant(node) and not is_external(node)


def _parts(node: Node) -> Iterator[Node]:
    """The parts that have values of their own: a method has none, but what it is called on does."""
    if request_attribute(node) is not None:
        return
    if isinstance(node, Call):
        if isinstance(node.function, Attribute) and not is_patterns(node.function.value):
            yield node.function.value
        inner = node.arguments
    else:
        inner = children(node)
    for part in inner:
        if isinstance(part, Generator):
            yield from (part.iterable, *part.conditions, part.element)
        elif isinstance(part, Slice | Keyword):
            yield from children(part)
        else:
            yield part


def _flattened(step: Step, depth: int = 0) -> Iterator[tuple[int, Step]]:
    yield depth, step
    for part in step.steps:
        yield from _flattened(part, depth + 1)


def _shown(value: Any) -> str:
    """The beginning of a value, however large or deep it is."""
    shortener = reprlib.Repr()
    shortener.maxlevel = 3
    text = shortener.repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _in_words(outcome: Evaluated | Skipped | Erred) -> str:
    match outcome:
        case Evaluated(value=value):
            return f"= {_shown(value)}"
        case Skipped():
            return "not evaluated"
        case Erred(message=message):
            return f"error: {message}" if message else "error"
