"""Reads the arguments that an author must write out: patterns, networks, time zones, classes, plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rulegate.condition import vocabulary
from rulegate.condition.messages import literals as messages
from rulegate.condition.nodes import Bracket, Constant, Display, Name, Node
from rulegate.condition.vocabulary import Literal
from rulegate.diagnostics import Diagnostic, Source

if TYPE_CHECKING:
    import zoneinfo

    from rulegate.condition.networks import Network, Networks
    from rulegate.condition.patterns import Pattern

# RE2, time zones and networks are imported by the first condition that needs them: most need none.


class UnfitLiteralError(Exception):
    """An argument that is not what its place asks for; ``diagnostic`` says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(frozen=True, slots=True)
class Prepared:
    """An argument that was read when the condition was checked: what the function is given in its place.

    ``read`` makes the same of the argument that another condition has there, and raises `UnfitLiteralError`.
    """

    value: Any
    read: Callable[[Node], Any]


def prepare(literal: Literal, source: Source, function: str, node: Node) -> Prepared:
    """The argument of a function, read as the kind of literal that it must be; safe to share between threads.

    Raises:
        UnfitLiteralError: If the argument is not written out, or is nothing that the function can use.
    """
    read = partial(_read, literal, source, function)
    return Prepared(read(node), read)


def prepare_service(source: Source, services: Collection[str], node: Node) -> Prepared:
    """The name of a decision service, which must be one of ``services``; safe to share between threads.

    Raises:
        UnfitLiteralError: If the name is not written out, or is none of them.
    """
    read = partial(_service, source, services)
    return Prepared(read(node), read)


def _service(source: Source, services: Collection[str], node: Node) -> str:
    match node:
        case Constant(value=str(name)) if name in services:
            return name
        case Constant(value=str(name)):
            raise UnfitLiteralError(messages.unknown_service(source, node.span, name, services))
    raise UnfitLiteralError(messages.not_by_name(source, node.span, min(services)))


def _read(literal: Literal, source: Source, function: str, node: Node) -> Any:
    """What the function is given in place of the argument: immutable.

    Raises:
        UnfitLiteralError: If the argument is not written out, or is nothing that the function can use.
    """
    match literal, node:
        case Literal.PATTERN, Constant(value=str(text)):
            return _pattern(source, node, text)
        case Literal.NETWORKS, Constant(value=str()):
            return _networks(source, (node,))
        case Literal.NETWORKS, Display(elements=elements) if all(map(_is_text, elements)):
            return _networks(source, elements)
        case Literal.ZONE, Constant(value=str(name)):
            return _zone(source, node, name)
        case Literal.CLASSES, Name(name=name) if name in vocabulary.CLASSES:
            return vocabulary.CLASSES[name]
        case Literal.CLASSES, Display(bracket=Bracket.TUPLE, elements=elements) if elements:
            return tuple(_read(literal, source, function, element) for element in elements)
        case Literal.DIGITS, Constant(value=int(number)) if _is_within(number, 0, vocabulary.MAX_ROUND_DIGITS):
            return number
        case Literal.BUCKETS, Constant(value=int(number)) if _is_within(number, 1, vocabulary.MAX_BUCKETS):
            return number
        case Literal.SALT, Constant(value=str(text)):
            return text
    raise UnfitLiteralError(messages.not_written_out(source, node.span, function, literal))


def _is_text(node: Node) -> bool:
    return isinstance(node, Constant) and isinstance(node.value, str)


def _is_within(number: int, least: int, most: int) -> bool:
    return type(number) is int and least <= number <= most


def _pattern(source: Source, node: Node, text: str) -> Pattern:
    from rulegate.condition.patterns import Pattern, PatternError

    try:
        return Pattern(text)
    except PatternError as error:
        raise UnfitLiteralError(messages.unfit_pattern(source, node.span, error)) from None


def _networks(source: Source, nodes: Iterable[Node]) -> Networks:
    from rulegate.condition.networks import Networks

    return Networks(_network(source, node) for node in nodes)


def _network(source: Source, node: Node) -> Network:
    import ipaddress

    text = str(node.value) if isinstance(node, Constant) else ""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        meant = None
    raise UnfitLiteralError(messages.no_such_network(source, node.span, text, meant))


def _zone(source: Source, node: Node, name: str) -> zoneinfo.ZoneInfo:
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        # A name may be that of a folder of zones, or no name of a file at all.
        raise UnfitLiteralError(messages.no_such_zone(source, node.span, name)) from None
