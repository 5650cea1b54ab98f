"""Makes the node of each rule of the grammar from its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, cast

from rulegate.condition.literals import decode
from rulegate.condition.nodes import (
    Arithmetic,
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
from rulegate.condition.scan import Lexeme
from rulegate.diagnostics import Span

# All tokens of a rule arrive among its parts, so that brackets can widen places.


def _name(token: Lexeme) -> Node:
    return Name(token.span, token.text)


def _text(token: Lexeme) -> Node:
    return Constant(token.span, decode(token.text))


def _integer(token: Lexeme) -> Node:
    return Constant(token.span, int(token.text))


def _decimal(token: Lexeme) -> Node:
    return Constant(token.span, float(token.text))


def _true(token: Lexeme) -> Node:
    return Constant(token.span, True)


def _false(token: Lexeme) -> Node:
    return Constant(token.span, False)


def _none(token: Lexeme) -> Node:
    return Constant(token.span, None)


def _group(opening: Lexeme, node: Node, closing: Lexeme) -> Node:
    # Brackets leave no node behind, but they belong to the place of what they enclose.
    return replace(node, span=_between(opening, closing))


def _attribute(value: Node, _dot: Lexeme, name: Lexeme) -> Node:
    return Attribute(_between(value, name), value, name.text, name.span)


def _subscript(value: Node, _opening: Lexeme, index: Node, closing: Lexeme) -> Node:
    return Subscript(_between(value, closing), value, index)


def _slice(*parts: Lexeme | Node) -> Node:
    bounds: list[Node | None] = [None, None, None]
    position = 0
    for part in parts:
        if isinstance(part, Lexeme):
            position += 1
        else:
            bounds[position] = part
    return Slice(_between(parts[0], parts[-1]), *bounds)


def _call(function: Node, _opening: Lexeme, *rest: Lexeme | tuple[Node, ...]) -> Node:
    return Call(_between(function, _closing(rest)), function, _inside(rest))


def _generator_call(function: Node, _opening: Lexeme, generator: Node, closing: Lexeme) -> Node:
    return Call(_between(function, closing), function, (generator,))


def _arguments(*parts: Lexeme | Node) -> tuple[Node, ...]:
    return _without_tokens(parts)


def _keyword(name: Lexeme, _equals: Lexeme, value: Node) -> Node:
    return Keyword(_between(name, value), name.text, value)


def _generator(element: Node, _for: Lexeme, target: Node, _in: Lexeme, *parts: Lexeme | Node) -> Node:
    iterable, *conditions = _without_tokens(parts)
    span = _between(element, [iterable, *conditions][-1])
    return Generator(span, element, cast(Name | Display, target), iterable, tuple(conditions))


def _targets(*parts: Lexeme | Node) -> Node:
    names = tuple(
        Name(part.span, part.text) if isinstance(part, Lexeme) else part
        for part in parts
        if not isinstance(part, Lexeme) or part.terminal == "NAME"
    )
    # One name without a comma is that name; with a comma it is a tuple of one.
    return names[0] if len(parts) == 1 else Display(_between(parts[0], parts[-1]), Bracket.TUPLE, names)


def _target_group(opening: Lexeme, target: Node, closing: Lexeme) -> Node:
    return replace(target, span=_between(opening, closing))


def _empty_display(opening: Lexeme, closing: Lexeme) -> Node:
    return Display(_between(opening, closing), Bracket.TUPLE, ())


def _tuple_display(opening: Lexeme, first: Node, *rest: Lexeme | tuple[Node, ...]) -> Node:
    return Display(_between(opening, _closing(rest)), Bracket.TUPLE, (first, *_inside(rest)))


def _list_display(opening: Lexeme, *rest: Lexeme | tuple[Node, ...]) -> Node:
    return Display(_between(opening, _closing(rest)), Bracket.LIST, _inside(rest))


def _set_display(opening: Lexeme, *rest: Lexeme | tuple[Node, ...]) -> Node:
    return Display(_between(opening, _closing(rest)), Bracket.SET, _inside(rest))


def _elements(*parts: Lexeme | Node) -> tuple[Node, ...]:
    return _without_tokens(parts)


def _binary(left: Node, operator: Lexeme, right: Node) -> Node:
    return Binary(_between(left, right), Arithmetic(operator.text), left, right)


def _conditional(value: Node, _if: Lexeme, test: Node, _else: Lexeme, otherwise: Node) -> Node:
    return Conditional(_between(value, otherwise), value, test, otherwise)


def _negative(minus: Lexeme, operand: Node) -> Node:
    return Negative(_between(minus, operand), operand)


def _negation(word: Lexeme, operand: Node) -> Node:
    return Not(_between(word, operand), operand)


def _comparator(*words: Lexeme) -> Comparator:
    return Comparator(" ".join(word.text for word in words))


def _comparison(*parts: Node | Comparator) -> Node:
    operands = tuple(part for part in parts if not isinstance(part, Comparator))
    comparators = tuple(part for part in parts if isinstance(part, Comparator))
    return Compare(_between(operands[0], operands[-1]), operands, comparators)


def _and_test(*parts: Lexeme | Node) -> Node:
    return _junction(Connective.AND, parts)


def _or_test(*parts: Lexeme | Node) -> Node:
    return _junction(Connective.OR, parts)


def _junction(connective: Connective, parts: tuple[Lexeme | Node, ...]) -> Node:
    operands = _without_tokens(parts)
    return Junction(_between(operands[0], operands[-1]), connective, operands)


def _without_tokens(parts: tuple[Lexeme | Node, ...]) -> tuple[Node, ...]:
    return tuple(part for part in parts if not isinstance(part, Lexeme))


def _between(first: Lexeme | Node, last: Lexeme | Node) -> Span:
    """From the beginning of one part to the end of another."""
    return Span(first.span.start, last.span.end)


def _closing(parts: tuple[Lexeme | tuple[Node, ...], ...]) -> Lexeme:
    """The closing bracket, which is always last."""
    return cast(Lexeme, parts[-1])


def _inside(parts: tuple[Lexeme | tuple[Node, ...], ...]) -> tuple[Node, ...]:
    """The elements between two brackets, which the grammar leaves out where there are none."""
    return next((part for part in parts if not isinstance(part, Lexeme)), ())


MAKERS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "name": _name,
        "text": _text,
        "integer": _integer,
        "decimal": _decimal,
        "true": _true,
        "false": _false,
        "none": _none,
        "group": _group,
        "attribute": _attribute,
        "subscript": _subscript,
        "slice": _slice,
        "call": _call,
        "generator_call": _generator_call,
        "arguments": _arguments,
        "keyword": _keyword,
        "generator": _generator,
        "targets": _targets,
        "target_group": _target_group,
        "empty_display": _empty_display,
        "tuple_display": _tuple_display,
        "list_display": _list_display,
        "set_display": _set_display,
        "elements": _elements,
        "binary": _binary,
        "conditional": _conditional,
        "negative": _negative,
        "negation": _negation,
        "comparator": _comparator,
        "comparison": _comparison,
        "and_test": _and_test,
        "or_test": _or_test,
    }
)
"""By the name of the rule, or of its alternative; each takes the parts, and gives a node or what a node is made of."""
