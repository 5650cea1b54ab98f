"""What conditions are about: parts that read the request, told apart by what they mean, however written."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.check import request_attribute
from rulegate.condition.nodes import Attribute, Call, Constant, Name, Node, Subscript, children
from rulegate.condition.recipes import Literals
from rulegate.condition.shape import Value
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import REQUEST_ATTRIBUTES, Kind
from rulegate.diagnostics import Span

MAX_LENGTH: Final = 1024
"""Code points in the text of a subject: a longer part, written out, could exceed what a condition may have."""

_MARK: Final = "\0"
"""Stands on both sides of the number of a literal that is filled in; written text has it as an escape."""
_NOWHERE: Final = Span(0, 0)
_READING: Final = frozenset({vocabulary.REQUEST, "now_time", "now_date", "now_weekday"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A part of conditions that gives one value for a request; of equal subjects it is the same.

    Attributes:
        text: The part as an author would write it; the names of headers are in lower case.
        reads_body: Whether the body is parsed for it.
    """

    text: str
    reads_body: bool

    def __str__(self) -> str:
        return self.text


Recipe = Callable[[tuple[Value, ...]], Subject | None]
"""Makes the subject of one condition from its literals; None where they make it too long."""


def subject(node: Node, literals: Literals) -> Recipe | None:
    """How the conditions of a shape have a part as a subject; None where it is none.

    A subject reads the request or the clock, and asks no decision service. It is a value: something that can stand
    alone, as the mapping of all headers cannot.
    """
    read = frozenset(_read_by(node))
    if not read & _READING or vocabulary.EXTERNAL in read or not _is_value(node):
        return None
    reads_body = "json" in read
    writing = _Writing(literals)
    pieces = unparse(node, writing.instead).split(_MARK)

    def made(text: str) -> Subject | None:
        return Subject(text, reads_body) if len(text) <= MAX_LENGTH else None

    if len(pieces) == 1:
        fixed = made(pieces[0])
        return lambda _values: fixed

    numbers = [int(piece) for piece in pieces[1::2]]
    are_headers = [number in writing.header_names for number in numbers]

    # Conditions of one shape mostly have few subjects.
    @functools.lru_cache(maxsize=64)
    def filled(*values: Value) -> Subject | None:
        text = pieces.copy()
        text[1::2] = map(_written, values, are_headers)
        return made("".join(text))

    return lambda values: filled(*[values[number] for number in numbers])


def is_mapping(node: Node) -> bool:
    """Whether a node is all of the headers, parameters or cookies."""
    read = request_attribute(node)
    return read is not None and REQUEST_ATTRIBUTES[read].kind is Kind.HEADERS


def _read_by(node: Node) -> Iterator[str]:
    """The names in a node, and the attributes of the request."""
    read = request_attribute(node)
    if read is not None:
        yield read
    if isinstance(node, Name):
        yield node.name
    for part in children(node):
        yield from _read_by(part)


def _is_value(node: Node) -> bool:
    match node:
        case Call(function=Attribute(name="keys" | "values" | "items")):
            return False
    return not is_mapping(node)


def _written(value: Value, is_header: bool) -> str:
    return unparse(Constant(_NOWHERE, value.lower() if is_header and isinstance(value, str) else value))


class _Writing:
    """How parts are written that have several spellings, or hold a literal in which conditions differ.

    Attributes:
        header_names: The numbers of those that name a header.
    """

    def __init__(self, literals: Literals) -> None:
        self.header_names: set[int] = set()
        self._literals = literals
        self._named: set[Span] = set()

    def instead(self, node: Node) -> str | None:
        read = request_attribute(node)
        if read is not None:
            return f"{vocabulary.REQUEST}.{read}"
        match node:
            case Call(span=span, function=Attribute(name="get") as get, arguments=(key, Constant(value=None))):
                return unparse(Call(span, get, (key,)), self.instead)
            case (
                Subscript(value=owner, index=Constant(value=str()) as name)
                | Call(function=Attribute(value=owner, name="get"), arguments=(Constant(value=str()) as name, *_))
            ) if request_attribute(owner) == "headers":
                self._named.add(name.span)
            case Constant(span=span, value=value):
                is_header = span in self._named
                number = self._literals.get(span)
                if number is None:
                    return _written(str(value), is_header) if is_header else None
                if is_header:
                    self.header_names.add(number)
                return f"{_MARK}{number}{_MARK}"
        return None
