"""Computes a condition's value by walking its nodes: the reference for generated code, and what explanations need."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, assert_never

from rulegate.condition.check import CheckedCondition, request_attribute
from rulegate.condition.errors import EVALUATION_ERRORS, EvaluationError, NoJsonError
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
from rulegate.condition.request import Headers, Request, Texts
from rulegate.condition.vocabulary import Kind, describe, kind_of

Observer = Callable[[Node, Any], None]
"""Told of each node that was evaluated, parts before wholes, with its value."""

_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType({"len": len})
_COMPARATORS: Final[Mapping[Comparator, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        Comparator.EQUAL: operator.eq,
        Comparator.UNEQUAL: operator.ne,
        Comparator.LESS: operator.lt,
        Comparator.LESS_EQUAL: operator.le,
        Comparator.GREATER: operator.gt,
        Comparator.GREATER_EQUAL: operator.ge,
        Comparator.IN: lambda left, right: left in right,
        Comparator.NOT_IN: lambda left, right: left not in right,
        Comparator.IS: operator.is_,
        Comparator.IS_NOT: operator.is_not,
    }
)
_KEY_WORDS: Final[Mapping[str, str]] = MappingProxyType({"headers": "header", "args": "parameter", "cookies": "cookie"})


def evaluate(condition: CheckedCondition, request: Request, observe: Observer | None = None) -> Any:
    """The condition's value for a request, as Python evaluates the same text.

    Raises:
        EvaluationError: If the condition errs; its span is the part that erred.
        MalformedBodyError: If the condition reads a body that is not JSON.
    """
    return _Evaluation(condition.source.text, request, observe or _ignore).value(condition.root)


def _ignore(_node: Node, _value: Any) -> None:
    return None


class _Evaluation:
    """One walk for one request."""

    def __init__(self, text: str, request: Request, observe: Observer) -> None:
        self._text = text
        self._request = request
        self._observe = observe

    def value(self, node: Node) -> Any:
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
            case Subscript(value=owner, index=index):
                return self._run(node, operator.getitem, self.value(owner), self.value(index))
            case Call(function=Name(name=name), arguments=arguments):
                return self._run(node, _FUNCTIONS[name], *map(self.value, arguments))
            case Call(function=Attribute(value=owner, name=name), arguments=arguments):
                # Python looks the method up before it evaluates the arguments.
                method = self._run(node, getattr, self.value(owner), name)
                return self._run(node, method, *map(self.value, arguments))
            case Negative(operand=operand):
                return self._run(node, operator.neg, self.value(operand))
            case Not(operand=operand):
                return not self.value(operand)
            case Compare():
                return self._compare(node)
            case Junction():
                return self._junction(node)
            case Display(bracket=bracket, elements=elements):
                make = {Bracket.LIST: list, Bracket.TUPLE: tuple, Bracket.SET: set}[bracket]
                return make([self.value(element) for element in elements])
            case Name() | Attribute() | Call():
                raise AssertionError(f"not a checked node: {node}")
            case _:
                assert_never(node)

    def _compare(self, node: Compare) -> Any:
        left = self.value(node.operands[0])
        result: Any = True
        for position, comparator in enumerate(node.comparators):
            right = self.value(node.operands[position + 1])
            result = self._run(node, _COMPARATORS[comparator], left, right, comparator=comparator)
            if not result:
                return result
            left = right
        return result

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
            raise EvaluationError(_reason(node, error, values, comparator), node.span, self._text) from None


def _reason(node: Node, error: Exception, values: tuple[Any, ...], comparator: Comparator | None) -> str:
    """Why an operation failed, in kinds of values and in the author's own words, never in the request's."""
    match node, error:
        case _, NoJsonError():
            return str(error)
        case _, RecursionError():
            return "the values are nested too deeply"
        case Subscript(value=owner, index=index), KeyError():
            what = _KEY_WORDS.get(request_attribute(owner) or "", "key")
            return f"there is no {what} `{index.value}`" if isinstance(index, Constant) else f"there is no such {what}"
        case Subscript(), IndexError():
            return "there are fewer elements"
        case Subscript(), _:
            return f"{_in_words(values[0])} has no element for {_in_words(values[1])}"
        case Call(function=Attribute(name=name)), AttributeError():
            return f"`{name}` is not a method of {_in_words(values[0])}"
        case Call(function=Attribute(name=name) | Name(name=name)), _:
            got = ", ".join(_in_words(value) for value in values) or "this value"
            return f"`{name}` does not accept {got}"
        case Negative(), _:
            return f"`-` does not accept {_in_words(values[0])}"
        case Compare(), _ if comparator is not None:
            return f"`{comparator}` cannot compare {_in_words(values[0])} with {_in_words(values[1])}"
        case _:
            return "it has no value"


def _in_words(value: Any) -> str:
    if isinstance(value, Headers | Texts):
        return describe(Kind.HEADERS)
    return describe(kind_of(value))
