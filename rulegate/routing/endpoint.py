"""An endpoint and its routes: what a decision is made over."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rulegate.condition import Condition
from rulegate.routing.balance import Balancer, Busy, Random
from rulegate.routing.index import Entry, RuleIndex
from rulegate.routing.mishaps import Mishaps
from rulegate.routing.route import OnError, Route

MIN_INDEXED: Final = 16
"""Routes with a key; with fewer, trying all conditions is as fast as asking the index."""


def nobody_is_busy(_model_uri: str) -> int:
    """What there is to know of requests in flight where there are no models."""
    return 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named list of routes, in the order in which they are tried. Safe to share between threads.

    Immutable but for what ``balancer`` and ``mishaps`` keep. The other attributes follow from the first five.

    Attributes:
        name: Its name.
        routes: At least one, their aliases unique.
        busy: How many requests a model URI has in flight, for routes that pick the least busy target.
        random: Where chance comes from; see `Balancer`.
        mishaps: Counts what goes wrong without failing a request.
        balancer: Picks the targets of the routes.
        conditional: The routes with a condition, each beside it, in order.
        unconditional: The first route without a condition, wherever it is listed.
        index: Finds those of ``conditional`` that a request may match; None where trying them all is faster.
        by_alias: The routes by their aliases.
    """

    name: str
    routes: tuple[Route, ...]
    busy: Busy = field(default=nobody_is_busy, repr=False, compare=False)
    random: Random = field(default=random.random, repr=False, compare=False)
    mishaps: Mishaps = field(default_factory=Mishaps, repr=False, compare=False)
    balancer: Balancer = field(init=False, repr=False, compare=False)
    conditional: tuple[tuple[Route, Condition], ...] = field(init=False, repr=False, compare=False)
    unconditional: Route | None = field(init=False, repr=False, compare=False)
    index: RuleIndex[tuple[Route, Condition]] | None = field(init=False, repr=False, compare=False)
    by_alias: Mapping[str, Route] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        conditional = tuple((route, route.condition) for route in self.routes if route.condition is not None)
        unconditional = next((route for route in self.routes if route.condition is None), None)
        balancer = Balancer(self.name, self.routes, busy=self.busy, random=self.random, mishaps=self.mishaps)
        object.__setattr__(self, "balancer", balancer)
        object.__setattr__(self, "conditional", conditional)
        object.__setattr__(self, "unconditional", unconditional)
        object.__setattr__(self, "index", _index(conditional))
        object.__setattr__(self, "by_alias", {route.alias: route for route in self.routes})

    def fallbacks(self, route: Route) -> tuple[Route, ...]:
        """The routes to try in order when ``route`` cannot answer, each with its own fallbacks right behind it.

        None stands there twice, nor ``route`` itself.

        Raises:
            KeyError: If a route names another one that is not of this endpoint.
        """
        found = {route.alias}

        def follow(from_: Route) -> Iterator[Route]:
            for alias in from_.fallback:
                if alias not in found:
                    found.add(alias)
                    yield self.by_alias[alias]
                    yield from follow(self.by_alias[alias])

        return tuple(follow(route))


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
