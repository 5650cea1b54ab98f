"""What the rule index makes of an endpoint: the routes that it finds by a key, those that it cannot, and why."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rulegate.condition import Condition
from rulegate.condition.keys import ORDERED, About, Key, Relation
from rulegate.routing.endpoint import MIN_INDEXED, Endpoint, entries
from rulegate.routing.index import MIN_SHARING, Entry, choose
from rulegate.routing.route import Route

_SHOWN: Final = 3


class WithoutKey(enum.Enum):
    """Why a route is tried for every request. The values are words for people."""

    SERVICES_ALONE = "every part that must be true asks a decision service"
    BEHIND_AN_ERROR = "what it shares with others stands behind a part that may err, and then `on_error` decides"
    FEW = f"no part is shared by {MIN_SHARING} routes, the same test or the same value held against constants"


@dataclass(frozen=True, slots=True)
class Found:
    """The routes that are found by one part of conditions.

    Attributes:
        subject: The part, as an author would write it.
        relation: How its value is held against constants; `Relation.TRUE` if it is a test that the routes share.
        routes: How many routes there are.
        constants: How many different constants these name.
        most: How many routes are found at most by one constant; a key that finds many at once is of little use.
    """

    subject: str
    relation: Relation
    routes: int
    constants: int
    most: int

    def __str__(self) -> str:
        if self.relation is Relation.TRUE:
            return f"{self.routes} share the test `{self.subject}`"
        constants = _count(self.constants, "constant")
        found = f"{self.routes} by `{self.subject}` {self.relation.value} one of {constants}"
        return found if self.relation in ORDERED else f"{found}, at most {_count(self.most, 'route')} by each"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the index makes of one endpoint.

    Attributes:
        endpoint: Its name.
        conditions: How many routes have a condition.
        indexed: Whether there is an index; without one, all conditions are tried and the rest is empty.
        found: The values by which routes are found, those of most routes first.
        unfound: The names of the routes that are tried for every request, by reason.
    """

    endpoint: str
    conditions: int
    indexed: bool
    found: tuple[Found, ...] = ()
    unfound: tuple[tuple[WithoutKey, tuple[str, ...]], ...] = ()

    def __str__(self) -> str:
        """One line for the endpoint, then one for each value and each reason."""
        head = f"endpoint `{self.endpoint}`: {_count(self.conditions, 'condition')}"
        if not self.indexed:
            return f"{head}, tried one after the other: an index takes {MIN_INDEXED} routes with a key"
        shared = sum(found.routes for found in self.found if found.relation is Relation.TRUE)
        keyed = sum(found.routes for found in self.found) - shared
        tried = self.conditions - keyed - shared
        head = f"{head}, {keyed} found by a key, {shared} by a shared test, {tried} always tried"
        return "\n".join((head, *self._lines()))

    def _lines(self) -> Iterator[str]:
        for found in self.found:
            yield f"  {found}"
        for reason, names in self.unfound:
            shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield f"  {len(names)} always tried: {reason.value}: {shown}{more}"


def coverage(endpoint: Endpoint) -> Coverage:
    """What the index makes of ``endpoint``. Takes about as long as building the index."""
    conditions = len(endpoint.conditional)
    if endpoint.index is None:
        return Coverage(endpoint.name, conditions, indexed=False)
    found: dict[About, list[Key]] = defaultdict(list)
    unfound: dict[WithoutKey, list[str]] = defaultdict(list)
    indexed = entries(endpoint.conditional)
    crowds = Counter(key.about for entry in indexed for key in entry.keys)
    for entry, key in zip(indexed, choose(indexed), strict=True):
        if key is None:
            unfound[_why(entry, crowds)].append(entry.item[0].alias)
        else:
            found[key.about].append(key)
    return Coverage(
        endpoint.name,
        conditions,
        indexed=True,
        found=tuple(sorted(map(_found, found.values()), key=lambda one: -one.routes)),
        unfound=tuple((reason, tuple(unfound[reason])) for reason in WithoutKey if reason in unfound),
    )


def _found(keys: Sequence[Key]) -> Found:
    crowd: Counter[Any] = Counter(constant for key in keys for constant in key.constants)
    return Found(keys[0].subject.text, keys[0].relation, len(keys), len(crowd), max(crowd.values(), default=0))


def _why(entry: Entry[tuple[Route, Condition]], crowds: Mapping[About, int]) -> WithoutKey:
    _, condition = entry.item
    every = condition.keys(errors_count=False)
    if not every:
        return WithoutKey.SERVICES_ALONE
    if any(crowds[key.about] >= MIN_SHARING for key in every):
        return WithoutKey.BEHIND_AN_ERROR
    return WithoutKey.FEW


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
