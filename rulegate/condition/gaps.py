"""What conditions look up and a request may lack: look-ups that err, those that cannot, and services that are asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rulegate.condition import vocabulary
from rulegate.condition.check import request_attribute
from rulegate.condition.implication import NOWHERE, normal
from rulegate.condition.nodes import (
    Comparator,
    Compare,
    Conditional,
    Connective,
    Constant,
    Generator,
    Junction,
    Name,
    Node,
    Not,
    Subscript,
    children,
)
from rulegate.condition.unparse import unparse
from rulegate.diagnostics import Span


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a condition that errs where the request lacks something.

    Attributes:
        text: The part, as an author would write it.
        is_open: Whether the condition could be true for a request that lacks it, if it did not err: because the part
            stands in what is denied, or beside another way to be true.
    """

    text: str
    is_open: bool


def gaps(root: Node, literals: Mapping[Span, Any]) -> tuple[Gap, ...]:
    """The look-ups in a checked tree that err where there is no such header or key, but for those that are guarded.

    ``'k' in request.headers and …`` guards ``request.headers['k']`` in what follows.
    """
    return tuple(_gaps(normal(root, literals), frozenset(), is_open=False))


def _gaps(node: Node, guarded: frozenset[str], *, is_open: bool) -> Iterator[Gap]:
    match node:
        case Junction(connective=Connective.AND, operands=operands):
            for operand in operands:
                yield from _gaps(operand, guarded, is_open=is_open)
                guarded |= _guards(operand)
        case Junction(operands=operands):
            for operand in operands[:-1]:
                yield from _gaps(operand, guarded, is_open=True)
            yield from _gaps(operands[-1], guarded, is_open=is_open)
        case Not(operand=operand):
            yield from _gaps(operand, guarded, is_open=True)
        case Conditional(value=value, test=test, otherwise=otherwise):
            yield from _gaps(test, guarded, is_open=is_open)
            yield from _gaps(value, guarded | _guards(test), is_open=is_open)
            yield from _gaps(otherwise, guarded, is_open=is_open)
        case Compare(operands=operands, comparators=comparators):
            denied = {Comparator.UNEQUAL, Comparator.NOT_IN, Comparator.IS_NOT}
            for operand in operands:
                yield from _gaps(operand, guarded, is_open=is_open or not denied.isdisjoint(comparators))
        case Subscript(value=owner, index=Constant()) if _is_read(owner):
            yield from _gaps(owner, guarded, is_open=is_open)
            if (text := unparse(node)) not in guarded:
                yield Gap(text, is_open)
        case _:
            for part in children(node):
                yield from _gaps(part, guarded, is_open=is_open)


def ensured(root: Node, literals: Mapping[Span, Any]) -> frozenset[str]:
    """The look-ups that cannot err for a request for which a checked tree is true, written as in a `Gap`."""
    return _ensured(normal(root, literals))


def _ensured(node: Node) -> frozenset[str]:
    """The same of a part that is true: all of it has been evaluated, but for what its operators pass over."""
    match node:
        case Junction(connective=Connective.AND, operands=operands):
            return frozenset[str]().union(*map(_ensured, operands))
        case Compare(operands=operands):
            return _guards(node).union(*map(_looked_up, operands))
    return _looked_up(node)


def _looked_up(node: Node) -> frozenset[str]:
    """The look-ups that are made whenever a part is evaluated, whatever becomes of it."""
    match node:
        case Junction(operands=(first, *_)) | Conditional(test=first) | Generator(iterable=first):
            return _looked_up(first)
        case Compare(operands=(first, second, *_)):
            return _looked_up(first) | _looked_up(second)
    below = frozenset[str]().union(*map(_looked_up, children(node)))
    is_look_up = isinstance(node, Subscript) and isinstance(node.index, Constant) and _is_read(node.value)
    return below | {unparse(node)} if is_look_up else below


def _guards(node: Node) -> frozenset[str]:
    match node:
        case Compare(operands=(Constant() as key, owner), comparators=(Comparator.IN,)):
            if request_attribute(owner) == "headers" and isinstance(key.value, str):
                key = Constant(NOWHERE, key.value.lower())
            return frozenset({unparse(Subscript(NOWHERE, owner, key))})
        case Junction(connective=Connective.AND, operands=operands):
            return frozenset[str]().union(*map(_guards, operands))
    return frozenset()


def _is_read(node: Node) -> bool:
    """Whether a node is a value of the request, or an answer of a decision service: there may be something in it."""
    return request_attribute(node) is not None or (
        isinstance(node, Subscript)
        and isinstance(node.index, Constant)
        and (_is_read(node.value) or (isinstance(node.value, Name) and node.value.name == vocabulary.EXTERNAL))
    )


def asked(root: Node, literals: Mapping[Span, Any]) -> frozenset[str]:
    """The decision services whose answers a checked tree reads."""
    match root:
        case Subscript(value=Name(name=vocabulary.EXTERNAL), index=Constant(span=span, value=name)):
            return frozenset({str(literals.get(span, name))})
    return frozenset[str]().union(*(asked(part, literals) for part in children(root)))
