"""Computes a condition's value by walking its nodes: the reference for generated code, and what explanations need."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import partial
from types import MappingProxyType
from typing import Any, Final, assert_never, cast

from rulegate.condition import costs, vocabulary
from rulegate.condition.check import CheckedCondition, request_attribute
from rulegate.condition.errors import EVALUATION_ERRORS, EvaluationError, ExternalUnavailableError, NoJsonError
from rulegate.condition.findings import is_external
from rulegate.condition.library import ARITHMETIC, CLOCKS, COMPARISONS, METERED, PLAIN, SIMPLE_COMPARISONS
from rulegate.condition.named_texts import Headers, Texts
from rulegate.condition.nodes import (
    Attribute,
    Binary,
    Bracket,
    Call,
    Comparator,
    Compare,
    Conditional,
    Connective,
    Constant,
    Display,
    Generator,
    Junction,
    Keyword,
    Name,
    Negative,
    Node,
    Not,
    Slice,
    Subscript,
)
from rulegate.condition.operations import charged_loop, sliced, weighed, weighed_argument
from rulegate.condition.request import Request
from rulegate.condition.vocabulary import Kind, describe, kind_of

Observer = Callable[[Node, Any], None]
"""Told of each node that was evaluated, parts before wholes, with its value."""

_WORDED: Final = frozenset({type(None), bool, int, float, str, list, tuple, set, dict})
_KEY_WORDS: Final[Mapping[str, str]] = MappingProxyType({"headers": "header", "args": "parameter", "cookies": "cookie"})


def evaluate(condition: CheckedCondition, request: Request, observe: Observer | None = None) -> Any:
    """The condition's value for a request, as Python evaluates the same text.

    Raises:
        EvaluationError: If the condition errs; its span is the part that erred.
        MalformedBodyError: If the condition reads a body that is not JSON.
        BudgetExceededError: If the request is too large for the condition.
    """
    return _Evaluation(condition, request, observe or _ignore).value(condition.root)


def _ignore(_node: Node, _value: Any) -> None:
    return None


class _Evaluation:
    """One walk for one request."""

    def __init__(self, condition: CheckedCondition, request: Request, observe: Observer) -> None:
        self._text = condition.source.text
        self._prepared = condition.prepared
        self._request = request
        self._meter = request.meter.begin()
        self._observe = observe
        self._bound: Mapping[str, Any] = {}

    def value(self, node: Node) -> Any:
        if node.span in self._prepared:
            return self._prepared[node.span].value
        value = self._value(node)
        self._observe(node, value)
        return value

    def _value(self, node: Node) -> Any:
        read = request_attribute(node)
        if read is not None:
            return self._run(node, getattr, self._request, read)
        match node:
            case Constant(value=value):
                return value
            case Name(name=name):
                return self._bound[name]
            case Subscript(value=owner, index=Slice() as bounds):
                return self._slice(node, self.value(owner), bounds)
            case Subscript(value=external, index=name) if is_external(external):
                return self._run(node, operator.getitem, self._request.external, self.value(name))
            case Subscript(value=owner, index=index):
                return self._run(node, operator.getitem, self.value(owner), self._key(owner, index))
            case Call():
                return self._call(node)
            case Keyword(value=value):
                return self.value(value)
            case Negative(operand=operand):
                return self._run(node, operator.neg, self.value(operand))
            case Not(operand=operand):
                return not self.value(operand)
            case Binary(operator=sign, left=left, right=right):
                return self._run(node, partial(ARITHMETIC[sign], self._meter), self.value(left), self.value(right))
            case Conditional(value=value, test=test, otherwise=otherwise):
                return self.value(value if self.value(test) else otherwise)
            case Compare():
                return self._compare(node)
            case Junction():
                return self._junction(node)
            case Display(bracket=bracket, elements=elements):
                make = {Bracket.LIST: list, Bracket.TUPLE: tuple, Bracket.SET: set}[bracket]
                return make([self.value(element) for element in elements])
            case Attribute() | Slice() | Generator():
                raise AssertionError(f"not a checked node: {node}")
            case _:
                assert_never(node)

    def _key(self, owner: Node, key: Node) -> Any:
        """What a mapping is asked for, after the folding of a header's name has been charged."""
        value = self.value(key)
        return weighed(self._meter, "lower", value) if costs.name_is_folded(owner, key) else value

    def _slice(self, node: Subscript, owner: Any, bounds: Slice) -> Any:
        if costs.slice_is_charged(bounds):
            sliced(self._meter, owner)
        parts = (None if part is None else self.value(part) for part in (bounds.lower, bounds.upper, bounds.step))
        return self._run(node, operator.getitem, owner, slice(*parts))

    def _call(self, node: Call) -> Any:
        match node:
            case Call(function=Name(name=name), arguments=(Generator() as generator,)):
                return self._loop(node, name, generator)
            case Call(function=Name(name=name), arguments=arguments):
                function = PLAIN.get(name)
                if name in METERED:
                    function = partial(METERED[name], self._meter)
                elif function is None:
                    function = partial(CLOCKS[name], self._request)
                return self._run(node, function, *map(self.value, arguments))
            case Call(function=Attribute(value=Name(name=vocabulary.PATTERNS), name=name), arguments=(pattern, text)):
                matches = partial(getattr(self.value(pattern), name), self._meter)
                return self._run(node, matches, self.value(text))
            case Call(function=Attribute(value=value, name=name), arguments=arguments):
                # Python looks the method up before it evaluates the arguments.
                owner = self.value(value)
                method = self._run(node, getattr, owner, name)
                given = [self._key(value, argument) for argument in arguments[:1]]
                if costs.method_is_charged(name, arguments):
                    weighed_argument(self._meter, name, owner, given[0] if given else None)
                return self._run(node, method, *given, *map(self.value, arguments[1:]))
            case _:
                raise AssertionError(f"not a checked node: {node}")

    def _compare(self, node: Compare) -> Any:
        left = self.value(node.operands[0])
        result: Any = True
        for position, comparator in enumerate(node.comparators):
            right = self.value(node.operands[position + 1])
            compare = SIMPLE_COMPARISONS[comparator]
            if costs.comparison_is_charged(comparator, node.operands[position], node.operands[position + 1]):
                compare = partial(COMPARISONS[comparator], self._meter)
            result = self._run(node, compare, left, right, comparator=comparator)
            if not result:
                return result
            left = right
        return result

    def _loop(self, node: Call, function: str, generator: Generator) -> Any:
        iterable = self.value(generator.iterable)
        charged_loop(self._meter, iterable, costs.turn_cost(generator))
        turns = self._turns(generator, self._run(generator, iter, iterable))
        match function:
            # The turns run here, each in `any` and `all` only if the ones before did not decide.
            case "any":
                return any(turns)
            case "all":
                return all(turns)
            case _:
                return self._run(node, partial(METERED[function], self._meter), [*turns])

    def _turns(self, generator: Generator, values: Iterator[Any]) -> Iterator[Any]:
        outer = self._bound
        for value in values:
            self._bound = {**outer, **self._bindings(generator.target, value)}
            if all(self.value(condition) for condition in generator.conditions):
                yield self.value(generator.element)
            self._bound = outer
        self._bound = outer

    def _bindings(self, target: Name | Display, value: Any) -> dict[str, Any]:
        """What a target's names stand for in one turn."""
        if isinstance(target, Name):
            return {target.name: value}
        bindings: dict[str, Any] = {}
        parts = self._run(target, _unpacked, value, len(target.elements))
        for element, part in zip(target.elements, parts, strict=True):
            bindings |= self._bindings(cast(Name | Display, element), part)
        return bindings

    def _junction(self, node: Junction) -> Any:
        stops_at = node.connective is Connective.OR
        for operand in node.operands:
            result = self.value(operand)
            if bool(result) is stops_at:
                break
        return result

    def _run(
        self, node: Node, operation: Callable[..., Any], *values: Any, comparator: Comparator | None = None
    ) -> Any:
        """One operation of the language; what it raises becomes the error of this node."""
        try:
            return operation(*values)
        except EVALUATION_ERRORS as error:
            # The cause is dropped: Python's own messages can quote the request.
            part = node.iterable if isinstance(node, Generator) else node
            raise EvaluationError(_reason(node, error, values, comparator), part.span, self._text) from None


def _reason(node: Node, error: Exception, values: tuple[Any, ...], comparator: Comparator | None) -> str:
    """Why an operation failed, in kinds of values and in the author's own words, never in the request's."""
    match node, error:
        case _, NoJsonError() | ExternalUnavailableError():
            return str(error)
        case _, RecursionError():
            return "the values are nested too deeply"
        case Subscript(value=owner, index=index), KeyError():
            what = _KEY_WORDS.get(request_attribute(owner) or "", "key")
            return f"there is no {what} `{index.value}`" if isinstance(index, Constant) else f"there is no such {what}"
        case Subscript(index=Slice()), _:
            return f"{_in_words(values[0])} cannot be sliced so"
        case Subscript(), IndexError():
            return "there are fewer elements"
        case Subscript(), _:
            return f"{_in_words(values[0])} has no element for {_in_words(values[1])}"
        case Call(function=Attribute(name=name)), AttributeError():
            return f"`{name}` is not a method of {_in_words(values[0])}"
        case Call(function=Attribute(name=name) | Name(name=name)), _:
            got = ", ".join(_in_words(value) for value in values) or "this value"
            return f"`{name}` does not accept {got}"
        case Binary(operator=sign), ZeroDivisionError():
            return f"`{sign}` divides by zero"
        case Binary(operator=sign), OverflowError():
            return f"`{sign}` gives a number that is too large"
        case Binary(operator=sign), ValueError():
            return f"`{sign}` gives a text that is too long"
        case Binary(operator=sign), _:
            return f"`{sign}` cannot join {_in_words(values[0])} with {_in_words(values[1])}"
        case Display(elements=elements), _:
            return f"expected {len(elements)} values, got {_in_words(values[0])} of another length"
        case Negative(), _:
            return f"`-` does not accept {_in_words(values[0])}"
        case Compare(), _ if comparator is not None:
            return f"`{comparator}` cannot compare {_in_words(values[0])} with {_in_words(values[1])}"
        case Generator(), _:
            return f"`for` cannot run over {_in_words(values[0])}"
        case _:
            return "it has no value"


def _unpacked(value: Any, count: int) -> list[Any]:
    """The parts of a value that has ``count`` of them; of a longer one no more than one is looked at beyond.

    Raises:
        ValueError: If it has more or fewer.
        TypeError: If it has no parts.
    """
    parts = list(itertools.islice(iter(value), count + 1))
    if len(parts) != count:
        raise ValueError("another number of parts")
    return parts


def _in_words(value: Any) -> str:
    if isinstance(value, Headers | Texts):
        return describe(Kind.HEADERS)
    if isinstance(value, Iterator | KeysView | ValuesView | ItemsView):
        return describe(Kind.VIEW)
    return describe(kind_of(value)) if type(value) in _WORDED else "this"
