"""The compiled condition and the one way to make it: parse, check, compile, or the form that its shape already has."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from rulegate.condition import vocabulary
from rulegate.condition.check import CheckedCondition, check
from rulegate.condition.compile import ERRED, Form, compile
from rulegate.condition.errors import ConditionError
from rulegate.condition.evaluate import evaluate
from rulegate.condition.forms import MAX_FORMS, forms
from rulegate.condition.messages.brevity import brief
from rulegate.condition.nodes import Constant, Node, children
from rulegate.condition.parse import parse
from rulegate.condition.prepare import UnfitLiteralError
from rulegate.condition.request import Request
from rulegate.condition.shape import Value, dissect, places
from rulegate.condition.truth import Use, doubts
from rulegate.diagnostics import Diagnostic, Excerpt, Source, Span, in_order

# What looks at a condition beyond its value comes with the first look: whoever only compiles one need not wait for it.
if TYPE_CHECKING:
    from rulegate.condition.columns import Column
    from rulegate.condition.explain import Explanation
    from rulegate.condition.gaps import Gap
    from rulegate.condition.implication import Cases
    from rulegate.condition.keys import Key, KeyForm
    from rulegate.condition.subjects import Subject


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
    _value: Callable[[Request], Any] = field(repr=False)
    _form: Form = field(repr=False)
    _literals: tuple[Value, ...] = field(repr=False)

    def value(self, request: Request) -> Any:
        """What the condition's expression is for a request: of any type that JSON has, or a tuple or set.

        Raises:
            EvaluationError: If the condition errs.
            MalformedBodyError: If the condition reads a body that is not JSON.
            BudgetExceededError: If the request is too large for the condition.
        """
        value = self._value(request)
        # The generated function says that it erred, the walk says where, at no further charge; that both do is tested.
        return evaluate(self._checked(), request.afresh()) if value is ERRED else value

    def explain(self, request: Request) -> Explanation:
        """The value of every part of the condition for a request, what was not evaluated, and what erred.

        Raises:
            MalformedBodyError: If the condition reads a body that is not JSON.
            BudgetExceededError: If the request is too large for the condition.
        """
        from rulegate.condition.explain import explain

        return explain(self._checked(), request)

    def keys(self, *, errors_count: bool) -> tuple[Key, ...]:
        """What must hold of every request for which the condition is true.

        With ``errors_count``, of a request for which it is true or errs, every key holds or cannot be found out.
        Thread-safe.
        """
        return _key_form(self._form).fill(self._literals, errors_count=errors_count)

    def columns(self) -> tuple[Column, ...]:
        """The columns of a model's input that the condition reads, in the order of its text; see `columns`."""
        from rulegate.condition.columns import columns

        return columns(self._checked().root)

    def cases(self) -> Cases:
        """When the condition is certainly true, and what is certain where it is; see `Cases`."""
        from rulegate.condition.implication import cases

        return cases(self._form.condition.root, self._own_literals())

    def gaps(self) -> tuple[Gap, ...]:
        """The look-ups in the condition that err where a request lacks something; see `gaps`."""
        from rulegate.condition.gaps import gaps

        return gaps(self._form.condition.root, self._own_literals())

    def ensures(self) -> frozenset[str]:
        """The look-ups that cannot err for a request for which the condition is true, written as in a `Gap`."""
        from rulegate.condition.gaps import ensured

        return ensured(self._form.condition.root, self._own_literals())

    def asks(self) -> frozenset[str]:
        """The names of the decision services that the condition reads."""
        from rulegate.condition.gaps import asked

        return asked(self._form.condition.root, self._own_literals())

    def _own_literals(self) -> dict[Span, Value]:
        return {place: self._literals[number] for place, number in self._form.literals.items()}

    def _checked(self) -> CheckedCondition:
        """This condition's own tree: most share the one of their form, and need their own only to be explained."""
        shared = self._form.condition
        return shared if shared.source.text == self.text else _read_again(self.text, shared.services)


def compile_condition(text: str, *, origin: Excerpt | None = None, external: frozenset[str] = frozenset()) -> Condition:
    """The condition that a text stands for.

    The text is read as if it stood in brackets: spaces and line ends between its parts mean nothing. None of it is ever
    run as Python. Thread-safe.

    Args:
        text: The condition.
        origin: Where the text stands in a file; diagnostics then point into the file.
        external: The names of the decision services that it may ask.

    Raises:
        ConditionError: If the text is not a condition.
    """
    return _compiled(text, origin, Use.TRUTH, external)


def compile_expression(
    text: str, *, origin: Excerpt | None = None, external: frozenset[str] = frozenset()
) -> Condition:
    """As `compile_condition`, for a text whose value is used for itself: it is no fault if that is never true or false.

    Its only warning about that value is that it is the same for every request.

    Raises:
        ConditionError: If the text is not an expression of the language.
    """
    return _compiled(text, origin, Use.VALUE, external)


def reader(subject: Subject) -> Callable[[Request], Any]:
    """A function of a request that gives the value of a part of conditions, and `ERRED` where that errs; thread-safe.

    It charges nothing to conditions, but raises `BudgetExceededError` where the parts that are read so cost more than
    `vocabulary.SHARED_BUDGET` for one request, and `MalformedBodyError` where it reads a body that is not JSON.
    """
    part = compile_expression(subject.text)
    value = part._value
    return partial(Request.aside, read=value) if part._form.is_metered else value


def _compiled(text: str, origin: Excerpt | None, use: Use, services: frozenset[str]) -> Condition:
    shape, literals, written = dissect(text)
    kept_by = shape, use, services
    form = forms().get(kept_by)
    if form is not None:
        try:
            return _condition(text, (), form, literals)
        except UnfitLiteralError:
            pass  # what is wrong with it is said below
    checked, warnings = _read(text, origin, use, services)
    differing = {place: number for number, place in enumerate(places(shape, written))}
    if warnings or not differing.keys() <= _constants(checked.root):
        return _condition(text, warnings, compile(checked, {}), ())
    form = compile(checked, differing)
    forms().keep(kept_by, form)
    return _condition(text, (), form, literals)


def _condition(text: str, warnings: tuple[Diagnostic, ...], form: Form, literals: tuple[Value, ...]) -> Condition:
    compiled = form.fill(literals)
    return Condition(text, warnings, compiled.matches, compiled.verdict, compiled.value, form, literals)


@functools.lru_cache(maxsize=MAX_FORMS)
def _key_form(form: Form) -> KeyForm:
    from rulegate.condition.keys import key_form

    return key_form(form.condition.root, form.literals)


@functools.lru_cache(maxsize=256)
def _read_again(text: str, services: frozenset[str]) -> CheckedCondition:
    checked, _ = _read(text, None, Use.VALUE, services)
    return checked


def _read(
    text: str, origin: Excerpt | None, use: Use, services: frozenset[str]
) -> tuple[CheckedCondition, tuple[Diagnostic, ...]]:
    """The checked condition and what there is to doubt about it.

    Raises:
        ConditionError: If the text is not a condition.
    """
    source = Source("condition", text)
    root, found = parse(source)
    checked = None
    if root is not None:
        checked, found = check(source, root, services)
    if checked is None:
        raise ConditionError(_placed(found, origin)[: vocabulary.MAX_DIAGNOSTICS])
    return checked, _placed([*found, *doubts(checked, use)], origin)


def _constants(node: Node) -> set[Span]:
    """The places of the literals in a tree."""
    if isinstance(node, Constant):
        return {node.span}
    return set().union(*map(_constants, children(node)))


def _placed(found: list[Diagnostic], origin: Excerpt | None) -> tuple[Diagnostic, ...]:
    told = [brief(diagnostic) for diagnostic in found]
    return in_order(told if origin is None else [diagnostic.within(origin) for diagnostic in told])
