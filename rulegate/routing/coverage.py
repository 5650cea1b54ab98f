"""What the rule index makes of an endpoint: the routes that it finds by a key, those that it cannot, and why."""

from __future__ import annotations

import enum
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rulegate.condition import Condition
from rulegate.condition.keys import Key, Path, Relation
from rulegate.routing.endpoint import MIN_INDEXED, Endpoint, entries
from rulegate.routing.index import MIN_SHARING, Entry, choose
from rulegate.routing.route import Route

_SHOWN: Final = 3


class WithoutKey(enum.Enum):
    """Why a route is tried for every request. The values are words for people."""

    NOTHING_FIXED = (
        "no part that must be true holds a value of the request against constants by `==`, `in`, `startswith`"
    )
    BEHIND_AN_ERROR = "such a part stands behind one that may err, and then `on_error` decides"
    FEW = f"fewer than {MIN_SHARING} parts are about the same value of the request"


@dataclass(frozen=True, slots=True)
class Found:
    """The routes that are found by one value of the request.

    Attributes:
        path: The value, as an author would write it.
        relation: How it is held against the constants.
        routes: How many routes there are.
        constants: How many different constants these name.
        most: How many routes are found at most by one constant; a key that finds many at once is of little use.
    """

    path: Path
    relation: Relation
    routes: int
    constants: int
    most: int

    def __str__(self) -> str:
        how = "equal to" if self.relation is Relation.EQUALS else "starting with"
        constants = _count(self.constants, "constant")
        return f"{self.routes} by `{self.path}` {how} one of {constants}, at most {_count(self.most, 'route')} by each"


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
        by_key = sum(found.routes for found in self.found)
        return "\n".join((f"{head}, {by_key} found by a key, {self.conditions - by_key} always tried", *self._lines()))

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
    found: dict[tuple[Path, Relation], list[Key]] = defaultdict(list)
    unfound: dict[WithoutKey, list[str]] = defaultdict(list)
    indexed = entries(endpoint.conditional)
    for entry, key in zip(indexed, choose(indexed), strict=True):
        if key is None:
            unfound[_why(entry)].append(entry.item[0].alias)
        else:
            found[key.path, key.relation].append(key)
    return Coverage(
        endpoint.name,
        conditions,
        indexed=True,
        found=tuple(sorted((_found(*about, keys) for about, keys in found.items()), key=lambda one: -one.routes)),
        unfound=tuple((reason, tuple(unfound[reason])) for reason in WithoutKey if reason in unfound),
    )


def _found(path: Path, relation: Relation, keys: Sequence[Key]) -> Found:
    crowd: Counter[Any] = Counter(constant for key in keys for constant in key.constants)
    return Found(path, relation, len(keys), len(crowd), max(crowd.values(), default=0))


def _why(entry: Entry[tuple[Route, Condition]]) -> WithoutKey:
    if entry.keys:
        return WithoutKey.FEW
    _, condition = entry.item
    return WithoutKey.BEHIND_AN_ERROR if condition.keys(errors_count=False) else WithoutKey.NOTHING_FIXED


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
