"""What the parts of the checker share: the findings, the names that generators bind, and how to ask about a part."""

from __future__ import annotations

import abc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from rulegate.condition import vocabulary
from rulegate.condition.nodes import Name, Node
from rulegate.condition.prepare import Prepared
from rulegate.condition.vocabulary import Kind
from rulegate.diagnostics import Diagnostic, Source, Span


class Findings(abc.ABC):
    """What was found so far in one condition."""

    def __init__(self, source: Source, services: Collection[str]) -> None:
        self.source = source
        self.services = services
        """The decision services that the condition may ask."""
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self.prepared: dict[Span, Prepared] = {}
        """What the arguments that were read already became, by their place."""
        self.bound: Mapping[str, Kind] = {}
        """The names that the generators around the present part bind."""

    @abc.abstractmethod
    def value(self, node: Node) -> Kind:
        """The kinds of a node that stands where a value must stand."""

    @abc.abstractmethod
    def kind(self, node: Node) -> Kind:
        """The kinds of a node, one of the request's mappings and their views included."""

    @contextmanager
    def binding(self, names: Mapping[str, Kind]) -> Iterator[None]:
        """Binds names for as long as it lasts; inner names hide outer ones, as in Python."""
        outer = self.bound
        self.bound = {**outer, **names}
        yield
        self.bound = outer


def is_request(node: Node) -> bool:
    """Whether a node is the name ``request``, which nothing can bind."""
    return isinstance(node, Name) and node.name == vocabulary.REQUEST


def is_external(node: Node) -> bool:
    """Whether a node is the name ``external``, which nothing can bind."""
    return isinstance(node, Name) and node.name == vocabulary.EXTERNAL


def is_patterns(node: Node) -> bool:
    """Whether a node is the name ``re``, which nothing can bind."""
    return isinstance(node, Name) and node.name == vocabulary.PATTERNS
