"""The keys of a condition: values of the request, each with the constants that one of them must have for a match."""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from rulegate.condition.check import request_attribute
from rulegate.condition.errors import EVALUATION_ERRORS
from rulegate.condition.nodes import (
    Attribute,
    Call,
    Comparator,
    Compare,
    Connective,
    Constant,
    Display,
    Junction,
    Negative,
    Node,
    Subscript,
)
from rulegate.condition.request import KNOWN, LAZY, Request
from rulegate.condition.vocabulary import REQUEST_ATTRIBUTES, Kind, kind_of
from rulegate.diagnostics import Span

Scalar = str | int | float | bool | None

ABSENT: Final = object()
"""What a reader gives where reading errs: no value that a request can hold."""


@dataclass(frozen=True, slots=True)
class Item:
    """``[key]``."""

    key: str | int


@dataclass(frozen=True, slots=True)
class Get:
    """``.get(key, default)``."""

    key: str
    default: Scalar


@dataclass(frozen=True, slots=True)
class Path:
    """A value of the request that takes constant time to read: an attribute and look-ups by constants.

    Equal paths read values that are equal. The names of headers are in lower case.
    """

    attribute: str
    steps: tuple[Item | Get, ...] = ()

    def __str__(self) -> str:
        """The path as an author would write it."""
        return f"request.{self.attribute}{''.join(map(_written, self.steps))}"

    @property
    def reads_body(self) -> bool:
        """Whether the body is parsed for it."""
        return self.attribute == "json"

    @property
    def kind(self) -> Kind:
        """What the value can be; `Kind.WRONG` is among it where reading can err."""
        kind = REQUEST_ATTRIBUTES[self.attribute].kind
        match self.steps:
            case () if not self.reads_body:
                return kind
            case (Get(default=default),) if kind is Kind.HEADERS:
                return Kind.TEXT | kind_of(default)
            case _:
                return Kind.UNKNOWN


class Relation(enum.Enum):
    """How the value that is read is held against the constants."""

    EQUALS = "equals"
    """It equals one of them, as ``==`` has it: 1, 1.0 and True are equal."""
    STARTS = "starts with"
    """It is text and starts with one of them; none of these starts with another."""


@dataclass(frozen=True, slots=True)
class Key:
    """What must hold of a request: the value at ``path`` stands in ``relation`` to one of the ``constants``.

    Where the value can be read and is of a kind that the relation takes, finding out cannot err.
    """

    path: Path
    relation: Relation
    constants: frozenset[Scalar]
    never_errs: bool = field(compare=False)
    """Whether the part of the condition that the key stands for has a truth for every request."""


def keys(root: Node, literals: Mapping[Span, Scalar], *, errors_count: bool) -> tuple[Key, ...]:
    """The keys of a condition, in the order of its text; none if nothing is known that a match must have.

    The condition is a checked tree, in which ``literals`` stand at their places instead of those that the tree has.
    Of any request for which the condition is true, every key holds. With ``errors_count``, of any request for which it
    is true or errs, every key holds or cannot be found out: its path cannot be read, or the value is a list, an object,
    or (for `Relation.STARTS`) no text.

    Thread-safe. Takes time linear in the length of the condition.
    """
    finder = _Finder(literals)
    found = []
    for part in _conjuncts(root):
        key = finder.key(part)
        if key is not None:
            found.append(key)
        # Behind a part that errs nothing is reached, so what is false there does not keep the condition from erring.
        if errors_count and not (key is not None and key.never_errs):
            break
    return tuple(found)


def reader(path: Path) -> Callable[[Request], Any]:
    """A function that reads a path, as generated code does, and gives `ABSENT` where that errs; thread-safe.

    It raises `MalformedBodyError` if the path is of a body that is not JSON.
    """
    attribute = "folded_headers" if path.attribute == "headers" else path.attribute
    slot = KNOWN + attribute if attribute in LAZY else attribute
    steps = tuple(map(_look_up, path.steps))

    def read(request: Request) -> Any:
        try:
            value = getattr(request, slot) or getattr(request, attribute)
            for step in steps:
                value = step(value)
        except EVALUATION_ERRORS:
            return ABSENT
        return value

    return read


def _look_up(step: Item | Get) -> Callable[[Any], Any]:
    match step:
        case Item(key=key):
            return operator.itemgetter(key)
        case Get(key=key, default=default):
            return operator.methodcaller("get", key, default)


def _written(step: Item | Get) -> str:
    match step:
        case Item(key=key):
            return f"[{key!r}]"
        case Get(key=key, default=None):
            return f".get({key!r})"
        case Get(key=key, default=default):
            return f".get({key!r}, {default!r})"


def _conjuncts(node: Node) -> Iterator[Node]:
    """The parts that must all be true, in the order in which they are evaluated."""
    if isinstance(node, Junction) and node.connective is Connective.AND:
        for operand in node.operands:
            yield from _conjuncts(operand)
    else:
        yield node


class _Finder:
    """Finds the keys of one condition."""

    def __init__(self, literals: Mapping[Span, Scalar]) -> None:
        self._literals = literals

    def key(self, node: Node) -> Key | None:
        """The key that one part of a condition amounts to; None for every part that is not known to be one."""
        match node:
            case Compare(operands=(left, right), comparators=(Comparator.EQUAL,)):
                return self._equality(left, (right,)) or self._equality(right, (left,))
            case Compare(operands=(left, Display(elements=elements)), comparators=(Comparator.IN,)):
                return self._equality(left, elements)
            case Compare(operands=(left, right), comparators=(Comparator.IS,)):
                return self._equality(left, (right,))
            case Call(function=Attribute(value=owner, name="startswith"), arguments=(Display(elements=prefixes),)):
                return self._start(owner, prefixes)
            case Call(function=Attribute(value=owner, name="startswith"), arguments=(prefix,)):
                return self._start(owner, (prefix,))
            case Junction(connective=Connective.OR, operands=(first, *others)):
                key = self.key(first)
                for other in others:
                    key = _either(key, self.key(other))
                return key
            case _:
                return None

    def _equality(self, subject: Node, constants: tuple[Node, ...]) -> Key | None:
        path = self._path(subject)
        values = self._scalars(constants)
        if path is None or values is None:
            return None
        return Key(path, Relation.EQUALS, frozenset(values), never_errs=not path.kind & Kind.WRONG)

    def _start(self, subject: Node, prefixes: tuple[Node, ...]) -> Key | None:
        path = self._path(subject)
        values = self._scalars(prefixes)
        if path is None or values is None or not all(isinstance(value, str) for value in values):
            return None
        return Key(path, Relation.STARTS, _shortest(values), never_errs=path.kind is Kind.TEXT)

    def _path(self, node: Node) -> Path | None:
        attribute, steps = self._attribute_and_steps(node, ())
        # A mapping of the request is no value, only what is read of it.
        if attribute is None or (REQUEST_ATTRIBUTES[attribute].kind is Kind.HEADERS and not steps):
            return None
        return Path(attribute, _with_folded_header(steps) if attribute == "headers" else steps)

    def _attribute_and_steps(
        self, node: Node, behind: tuple[Item | Get, ...]
    ) -> tuple[str | None, tuple[Item | Get, ...]]:
        """The look-ups that a node chains, and the attribute of the request that they begin with, or None."""
        read = request_attribute(node)
        if read is not None:
            return read, behind
        match node:
            case Subscript(value=owner, index=index):
                match self._scalars((index,)):
                    case (str() | int() as key,):
                        return self._attribute_and_steps(owner, (Item(key), *behind))
            case Call(function=Attribute(value=owner, name="get"), arguments=(name, *default)):
                match self._scalars((name, *default)):
                    case (str() as key,):
                        return self._attribute_and_steps(owner, (Get(key, None), *behind))
                    case (str() as key, value):
                        return self._attribute_and_steps(owner, (Get(key, value), *behind))
        return None, ()

    def _scalars(self, nodes: tuple[Node, ...]) -> tuple[Scalar, ...] | None:
        """The values of nodes that are all literals or negative numbers; None if one is anything else."""
        values: list[Scalar] = []
        for node in nodes:
            match node:
                case Constant(span=span, value=value):
                    values.append(self._literals.get(span, value))
                case Negative(operand=Constant(span=span, value=int() | float() as number)):
                    values.append(-cast(float, self._literals.get(span, number)))
                case _:
                    return None
        return tuple(values)


def _either(one: Key | None, other: Key | None) -> Key | None:
    """The key of ``one or other``: there is one only if both are about one value."""
    if one is None or other is None or (one.path, one.relation) != (other.path, other.relation):
        return None
    constants = one.constants | other.constants
    if one.relation is Relation.STARTS:
        constants = _shortest(constants)
    return Key(one.path, one.relation, constants, never_errs=one.never_errs and other.never_errs)


def _with_folded_header(steps: tuple[Item | Get, ...]) -> tuple[Item | Get, ...]:
    match steps:
        case (Item(key=str(name)), *others):
            return (Item(name.lower()), *others)
        case (Get(key=name, default=default), *others):
            return (Get(name.lower(), default), *others)
        case _:
            raise AssertionError("the checker lets only text name a header")


def _shortest(prefixes: Iterable[Scalar]) -> frozenset[Scalar]:
    """The prefixes without those that start with another one, which add nothing."""
    kept: list[str] = []
    for prefix in sorted(map(str, prefixes)):
        # Whatever a text starts with stands before it, and nothing that starts with neither stands between.
        if not (kept and prefix.startswith(kept[-1])):
            kept.append(prefix)
    return frozenset(kept)
