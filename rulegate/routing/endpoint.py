"""An endpoint and its routes: what a decision is made over."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rulegate.condition import Condition
from rulegate.routing.index import Entry, RuleIndex

MIN_INDEXED: Final = 16
"""Routes with a key; with fewer, trying all conditions is as fast as asking the index."""


class OnError(enum.Enum):
    """What an error in a route's condition means. The values are the words of the configuration."""

    NO_MATCH = "no_match"
    """The next route is tried."""
    MATCH = "match"
    """This route answers."""
    FAIL = "fail"
    """The request fails."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model that answers for a route."""

    alias: str
    model_uri: str


@dataclass(frozen=True, slots=True)
class Route:
    """A target and the condition under which it answers; without one, it answers when no route with one does."""

    alias: str
    target: Target
    condition: Condition | None = None
    on_error: OnError = OnError.NO_MATCH


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named list of routes, in the order in which they are tried. Immutable, safe to share between threads.

    The other attributes follow from ``routes``.

    Attributes:
        conditional: The routes with a condition, each beside it, in order.
        unconditional: The first route without a condition, wherever it is listed.
        index: Finds those of ``conditional`` that a request may match; None where trying them all is faster.
    """

    name: str
    routes: tuple[Route, ...]
    conditional: tuple[tuple[Route, Condition], ...] = field(init=False, repr=False, compare=False)
    unconditional: Route | None = field(init=False, repr=False, compare=False)
    index: RuleIndex[tuple[Route, Condition]] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        conditional = tuple((route, route.condition) for route in self.routes if route.condition is not None)
        unconditional = next((route for route in self.routes if route.condition is None), None)
        object.__setattr__(self, "conditional", conditional)
        object.__setattr__(self, "unconditional", unconditional)
        object.__setattr__(self, "index", _index(conditional))


def entries(conditional: Sequence[tuple[Route, Condition]]) -> list[Entry[tuple[Route, Condition]]]:
    """What an index is built of: each route with a condition, and by what it may be found."""
    made = []
    for route, condition in conditional:
        errors_count = route.on_error is not OnError.NO_MATCH
        made.append(Entry((route, condition), condition.keys(errors_count=errors_count), errors_count))
    return made


def _index(conditional: Sequence[tuple[Route, Condition]]) -> RuleIndex[tuple[Route, Condition]] | None:
    if len(conditional) < MIN_INDEXED:
        return None
    index = RuleIndex(entries(conditional))
    return index if index.keyed >= MIN_INDEXED else None
