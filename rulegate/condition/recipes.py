"""How what generated code is given is made of the literals of one condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from rulegate.condition.nodes import Bracket, Constant, Display, Negative, Node, children
from rulegate.condition.shape import Value
from rulegate.diagnostics import Span

Literals = Mapping[Span, int]
"""The places of the literals in which conditions of one shape differ; each with its number among them."""
Recipe = Callable[[tuple[Value, ...]], Any]
"""Makes one value of the literals of a condition; the value is immutable, as are the literals."""


def constant(node: Node, literals: Literals) -> Recipe | None:
    """The recipe of a literal, a negative number or a tuple of such; None where no literal differs in it."""
    return _recipe(node, literals) if _is_fixed(node) and _differs(node, literals) else None


def elements(node: Node, literals: Literals) -> Recipe | None:
    """The recipe of a tuple of the constants in a list or set; None where it holds others, or no literal differs."""
    match node:
        case Display(elements=parts) if all(map(_is_fixed, parts)) and _differs(node, literals):
            return _gathered(parts, literals)
    return None


def scalars(nodes: tuple[Node, ...], literals: Literals) -> Recipe | None:
    """The recipe of the tuple of what nodes stand for that are all literals or negative numbers; None for others."""
    fixed = all(isinstance(node.operand if isinstance(node, Negative) else node, Constant) for node in nodes)
    return _gathered(nodes, literals) if fixed else None


def folded(name: Constant, literals: Literals) -> Recipe | None:
    """The recipe of the lower-case name of a header; None for one that does not differ."""
    number = literals.get(name.span)
    return None if number is None else lambda values: str(values[number]).lower()


def prepared(node: Node, literals: Literals, read: Callable[[Node], Any]) -> Recipe | None:
    """The recipe of an argument that ``read`` makes something of; None where no literal differs in it.

    It raises what ``read`` raises.
    """
    return (lambda values: read(_rewritten(node, literals, values))) if _differs(node, literals) else None


def _is_fixed(node: Node) -> bool:
    """Whether a node has one immutable value."""
    match node:
        case Constant() | Negative(operand=Constant()):
            return True
        case Display(bracket=Bracket.TUPLE, elements=elements):
            return all(map(_is_fixed, elements))
    return False


def _differs(node: Node, literals: Literals) -> bool:
    """Whether a literal in which conditions differ is a part of a node."""
    return node.span in literals or any(_differs(part, literals) for part in children(node))


def _recipe(node: Node, literals: Literals) -> Recipe:
    match node:
        case Constant(value=value):
            number = literals.get(node.span)
            return (lambda _values: value) if number is None else itemgetter(number)
        case Negative(operand=operand):
            magnitude = _recipe(operand, literals)
            return lambda values: -magnitude(values)
        case Display(elements=elements):
            return _gathered(elements, literals)
        case _:
            raise AssertionError(f"not a constant: {node}")


def _gathered(nodes: tuple[Node, ...], literals: Literals) -> Recipe:
    parts = [_recipe(node, literals) for node in nodes]
    return lambda values: tuple([part(values) for part in parts])


def _rewritten(node: Node, literals: Literals, values: tuple[Value, ...]) -> Node:
    """An argument as another condition of the shape has it."""
    match node:
        case Constant() if node.span in literals:
            return replace(node, value=values[literals[node.span]])
        case Display(elements=elements):
            return replace(node, elements=tuple(_rewritten(element, literals, values) for element in elements))
    return node
