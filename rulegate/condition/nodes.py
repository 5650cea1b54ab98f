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


class Arithmetic(enum.StrEnum):
    """An operator that computes a value from two, as it is written."""

    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    FLOOR_DIVIDE = "//"
    REMAINDER = "%"


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
class Slice:
    """``lower:upper:step`` between the brackets of a subscript, and nowhere else; each part may be left out."""

    span: Span = field(repr=False)
    lower: Node | None
    upper: Node | None
    step: Node | None


@dataclass(frozen=True, slots=True)
class Subscript:
    """``value[index]``; the index may be a `Slice`."""

    span: Span = field(repr=False)
    value: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Keyword:
    """``name=value`` among the arguments of a call, and nowhere else."""

    span: Span = field(repr=False)
    name: str
    value: Node


@dataclass(frozen=True, slots=True)
class Generator:
    """``element for target in iterable if condition …``: the sole argument of a call, and nowhere else.

    The target is a `Name`, or a tuple `Display` of targets.
    """

    span: Span = field(repr=False)
    element: Node
    target: Name | Display
    iterable: Node
    conditions: tuple[Node, ...]


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
class Binary:
    """``left operator right``."""

    span: Span = field(repr=False)
    operator: Arithmetic
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Conditional:
    """``value if test else otherwise``."""

    span: Span = field(repr=False)
    value: Node
    test: Node
    otherwise: Node


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


Node = (
    Constant
    | Name
    | Attribute
    | Subscript
    | Slice
    | Call
    | Keyword
    | Generator
    | Negative
    | Not
    | Binary
    | Conditional
    | Compare
    | Junction
    | Display
)
"""Every kind of node there is; code that tells them apart ends in ``assert_never``."""


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in the order in which they are evaluated; a generator's target is one of them."""
    match node:
        case Constant() | Name():
            return ()
        case Attribute(value=value) | Keyword(value=value):
            return (value,)
        case Subscript(value=value, index=index):
            return (value, index)
        case Slice(lower=lower, upper=upper, step=step):
            return tuple(part for part in (lower, upper, step) if part is not None)
        case Call(function=function, arguments=arguments):
            return (function, *arguments)
        case Generator(element=element, target=target, iterable=iterable, conditions=conditions):
            return (iterable, target, *conditions, element)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Binary(left=left, right=right):
            return (left, right)
        case Conditional(value=value, test=test, otherwise=otherwise):
            return (test, value, otherwise)
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


def bound_names(target: Node) -> tuple[str, ...]:
    """The names that a generator's target binds, in order."""
    match target:
        case Name(name=name):
            return (name,)
        case Display(elements=elements):
            return tuple(name for element in elements for name in bound_names(element))
        case _:
            raise AssertionError(f"not a target: {target}")
