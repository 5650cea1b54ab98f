"""The columns of a model's input that a condition reads, as far as its text fixes them."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rulegate.condition.check import request_attribute
from rulegate.condition.nodes import (
    Attribute,
    Call,
    Comparator,
    Compare,
    Constant,
    Display,
    Generator,
    Name,
    Negative,
    Node,
    Subscript,
    children,
)
from rulegate.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a condition reads: its name, or its position from 0; and where the condition says so."""

    name: str | int
    span: Span


class _Part(enum.Enum):
    """What a node is of a body in MLflow's scoring format."""

    BODY = enum.auto()
    SPLIT = enum.auto()
    NAMES = enum.auto()
    """The list of the columns' names."""
    ROWS = enum.auto()
    """The list of rows, each a list of values."""
    ROW = enum.auto()
    RECORDS = enum.auto()
    """The list of rows, each an object of values by column."""
    RECORD = enum.auto()
    INPUTS = enum.auto()
    """An object of columns, or a list of records: which of them shows in how it is read."""


_FORMATS: Final[Mapping[tuple[_Part, str], _Part]] = {
    (_Part.BODY, "dataframe_split"): _Part.SPLIT,
    (_Part.BODY, "dataframe_records"): _Part.RECORDS,
    (_Part.BODY, "instances"): _Part.RECORDS,
    (_Part.BODY, "inputs"): _Part.INPUTS,
    (_Part.SPLIT, "columns"): _Part.NAMES,
    (_Part.SPLIT, "data"): _Part.ROWS,
}
_ELEMENTS: Final[Mapping[_Part, _Part]] = {
    _Part.ROWS: _Part.ROW,
    _Part.RECORDS: _Part.RECORD,
    _Part.INPUTS: _Part.RECORD,
}
_Names = Mapping[str, _Part | None]


def columns(root: Node) -> tuple[Column, ...]:
    """The columns that a checked condition reads from bodies in MLflow's scoring format, in the order of its text.

    Known are those whose name or position is a literal: ``request.json['dataframe_records'][0]['amount']``, the
    ``amount`` of each ``r`` in ``any(r['amount'] > 9 for r in …)``, ``'amount' in …['columns']``, ``…['data'][0][2]``.
    Takes time linear in the condition. Thread-safe.
    """
    return tuple(sorted(_columns(root, {}), key=lambda column: column.span.start))


def _columns(node: Node, names: _Names) -> Iterator[Column]:
    match node:
        case Subscript(value=value, index=Constant(span=span, value=str() | int() as key)) if not isinstance(key, bool):
            yield from _read(_part(value, names), key, span)
        case Call(function=Attribute(value=value, name="get"), arguments=(Constant(span=span, value=str() as key), *_)):
            yield from _read(_part(value, names), key, span)
        case Compare(
            operands=(Constant(span=span, value=str() as key), container),
            comparators=(Comparator.IN | Comparator.NOT_IN,),
        ):
            part = _part(container, names)
            if part is _Part.NAMES:
                yield Column(key, span)
            else:
                yield from _read(part, key, span)
        case Generator(element=element, target=target, iterable=iterable, conditions=conditions):
            yield from _columns(iterable, names)
            names = {**names, **_bound(target, _element(_part(iterable, names)))}
            for part_of in (*conditions, element):
                yield from _columns(part_of, names)
            return
    for child in children(node):
        yield from _columns(child, names)


def _read(part: _Part | None, key: str | int, span: Span) -> Iterator[Column]:
    match part, key:
        case (_Part.RECORD | _Part.INPUTS, str()) | (_Part.ROW, int()):
            yield Column(key, span)


def _part(node: Node, names: _Names) -> _Part | None:
    """What a node is of the body; None if it is nothing that is known."""
    if request_attribute(node) == "json":
        return _Part.BODY
    match node:
        case Name(name=name):
            return names.get(name)
        case Subscript(value=value, index=Constant(value=str() as key)):
            return _inside(_part(value, names), key)
        case Call(function=Attribute(value=value, name="get"), arguments=(Constant(value=str() as key), *_)):
            return _inside(_part(value, names), key)
        case Subscript(value=value, index=Constant(value=int()) | Negative()):
            return _element(_part(value, names))
        case _:
            return None


def _inside(part: _Part | None, key: str) -> _Part | None:
    return _FORMATS.get((part, key)) if part else None


def _element(part: _Part | None) -> _Part | None:
    return _ELEMENTS.get(part) if part else None


def _bound(target: Name | Display, part: _Part | None) -> _Names:
    """What a generator's target binds; names of a tuple hide those outside, and are values, no parts."""
    match target:
        case Name(name=name):
            return {name: part}
        case Display(elements=elements):
            return {
                name: None
                for element in elements
                if isinstance(element, Name | Display)
                for name in _bound(element, None)
            }
