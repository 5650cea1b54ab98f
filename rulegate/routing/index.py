"""The rule index: finds the routes that a request may match without trying those that it cannot."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar

from rulegate.condition import Request
from rulegate.condition.keys import ORDERED, About, Key, Relation
from rulegate.routing.lookups import LookUp, Numbers, look_up

_T = TypeVar("_T")

MIN_SHARING: Final = 4
"""Keys that must be about one value of the request; with fewer, trying their entries is as fast as a look-up."""

MAX_SOUGHT: Final = 64
"""Entries for which one look-up seeks texts in a value, so that a match among the first does not wait for thousands."""

_Source = tuple[int, int, Numbers | LookUp]
"""The least number that may come of it, and where in the numbers that is; a look-up has not been asked for them yet."""


@dataclass(frozen=True, slots=True)
class Entry(Generic[_T]):
    """Something to be found, and the keys of which any one may be used to leave it out.

    With ``errors_count`` it stays in where its key cannot be found out, because then an error makes it win or fail.
    """

    item: _T
    keys: tuple[Key, ...]
    errors_count: bool


class RuleIndex(Generic[_T]):
    """Items in order, by what a request must have for them. Immutable, safe to share between threads.

    Building takes time and memory in proportion to the entries. Asking takes one look-up for each value of the request
    that keys are about, however many there are of them, and then time in proportion to the items that are left.

    Attributes:
        keyed: How many are found by a key; the others are tried for every request.
    """

    __slots__ = ("_items", "_sources", "keyed")

    def __init__(self, entries: Sequence[Entry[_T]]) -> None:
        chosen = choose(entries)
        self.keyed = sum(key is not None for key in chosen)
        self._items = tuple(entry.item for entry in entries)
        groups: dict[About, list[int]] = defaultdict(list)
        others: list[int] = []
        for number, key in enumerate(chosen):
            (others if key is None else groups[key.about]).append(number)
        sources: list[_Source] = [(others[0], 0, tuple(others))] if others else []
        for (_, relation, _), group in groups.items():
            size = MAX_SOUGHT if relation is Relation.HOLDS else len(group)
            for numbers in (group[place : place + size] for place in range(0, len(group), size)):
                keys = [key for key in map(chosen.__getitem__, numbers) if key is not None]
                errors_count = [entries[number].errors_count for number in numbers]
                sources.append((numbers[0], -1, look_up(numbers, keys, errors_count)))
        sources.sort(key=itemgetter(0))
        # In this order they are a heap. No two begin with one number.
        self._sources = sources

    def candidates(self, request: Request) -> Iterator[_T]:
        """The items that this request may match, in order: all but those whose key it does not have.

        A value of the request is read when the first item that asks for it has its turn, and not before. Where that
        finds a body that is not JSON, all that ask for the value are given, so that trying them finds it too.
        """
        items = self._items
        sources = self._sources.copy()
        while sources:
            _, place, source = heappop(sources)
            if not isinstance(source, tuple):
                for numbers in source(request):
                    heappush(sources, (numbers[0], 0, numbers))
                continue
            # Up to where another source has its turn; a number has one source, so none is given twice.
            end = bisect_left(source, sources[0][0], place) if sources else len(source)
            for here in range(place, end):
                yield items[source[here]]
            if end < len(source):
                heappush(sources, (source[end], end, source))


@dataclass(slots=True)
class _Crowd:
    """How many keys are about the same, and how many of them have each constant."""

    size: int = 0
    having: Counter[Any] = field(default_factory=Counter)

    def beside(self, key: Key) -> int:
        """How many of them hold where the key does, as far as that can be told without a request."""
        if key.relation is Relation.TRUE:
            return self.size
        if key.relation in ORDERED:
            return self.size // 2
        return max(map(self.having.__getitem__, key.constants), default=0)


def choose(entries: Sequence[Entry[Any]]) -> tuple[Key | None, ...]:
    """The key by which an index finds each entry, in order; None for those that are tried for every request.

    It is the one that leaves the fewest others beside it; of equal ones, rather not one of the body.
    """
    crowds: dict[About, _Crowd] = defaultdict(_Crowd)
    options = [[(key, crowds[key.about]) for key in entry.keys] for entry in entries]
    for key, crowd in chain.from_iterable(options):
        crowd.size += 1
        crowd.having.update(key.constants)

    def cost(option: tuple[Key, _Crowd]) -> tuple[int, bool]:
        key, crowd = option
        return crowd.beside(key), key.subject.reads_body

    chosen = []
    for keys in options:
        worthwhile = [option for option in keys if option[1].size >= MIN_SHARING]
        chosen.append(min(worthwhile, key=cost)[0] if worthwhile else None)
    return tuple(chosen)
