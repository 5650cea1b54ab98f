"""The tree of a condition: a closed set of frozen nodes, each with its place in the text."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from rulegate.diagnostics import Span


class Comparator(enum.StrEnum):
    """An operator that compares two values, as it is written."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="
    IN = "in"
    NOT_IN = "not in"
    IS = "is"
    IS_NOT = "is not"


class Connective(enum.StrEnum):
    """An operator that joins truths and stops as soon as the answer is known."""

    AND = "and"
    OR = "or"


class Bracket(enum.Enum):
    """What a display of elements makes, by its brackets."""

    LIST = "[]"
    TUPLE = "()"
    SET = "{}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal: ``'gold'``, ``18``, ``0.25``, ``True``, ``None``."""

    span: Span = field(repr=False)
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """A name: ``request``, or a function where it is called."""

    span: Span = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """``value.name``; ``name_span`` is the place of the name alone."""

    span: Span = field(repr=False)
    value: Node
    name: str
    name_span: Span = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscript:
    """``value[index]``."""

    span: Span = field(repr=False)
    value: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Call:
    """``function(arguments)``."""

    span: Span = field(repr=False)
    function: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negative:
    """``-operand``."""

    span: Span = field(repr=False)
    operand: Node


@dataclass(frozen=True, slots=True)
class Not:
    """``not operand``."""

    span: Span = field(repr=False)
    operand: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """``operands[0] comparators[0] operands[1] …``: one operand more than comparators, two at least."""

    span: Span = field(repr=False)
    operands: tuple[Node, ...]
    comparators: tuple[Comparator, ...]


@dataclass(frozen=True, slots=True)
class Junction:
    """``operands[0] and operands[1] …`` (or ``or``): two operands at least, all joined by one connective."""

    span: Span = field(repr=False)
    connective: Connective
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Display:
    """``[…]``, ``(…)`` or ``{…}`` with its elements."""

    span: Span = field(repr=False)
    bracket: Bracket
    elements: tuple[Node, ...]


Node = Constant | Name | Attribute | Subscript | Call | Negative | Not | Compare | Junction | Display
"""Every kind of node there is; code that tells them apart ends in ``assert_never``."""


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in the order in which they stand and are evaluated."""
    match node:
        case Constant() | Name():
            return ()
        case Attribute(value=value):
            return (value,)
        case Subscript(value=value, index=index):
            return (value, index)
        case Call(function=function, arguments=arguments):
            return (function, *arguments)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Compare(operands=operands) | Junction(operands=operands):
            return operands
        case Display(elements=elements):
            return elements


def is_constant(node: Node) -> bool:
    """Whether a node is a literal, a negative number, or a display of constants: the same value for every request."""
    match node:
        case Constant():
            return True
        case Negative(operand=Constant()):
            return True
        case Display(elements=elements):
            return all(is_constant(element) for element in elements)
        case _:
            return False
