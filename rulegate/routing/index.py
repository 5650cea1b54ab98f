"""The rule index: finds the routes that a request may match without trying those that it cannot."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain
from typing import Any, Final, Generic, TypeVar

from rulegate.condition import MalformedBodyError, Request
from rulegate.condition.keys import ABSENT, Key, Path, Relation, reader

_T = TypeVar("_T")

MIN_SHARING: Final = 4
"""Keys that must be about one value of the request; with fewer, trying their entries is as fast as a look-up."""

_Numbers = tuple[int, ...]
_About = tuple[Path, Relation]
_LookUp = Callable[[Request], Iterable[_Numbers]]
_Source = tuple[int, int, _Numbers | _LookUp]
"""The least number that may come of it, and where in the numbers that is; a look-up has not been asked for them yet."""
_NOBODY: Final[_Numbers] = ()


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
        groups: dict[_About | None, list[int]] = defaultdict(list)
        for number, key in enumerate(chosen):
            groups[(key.path, key.relation) if key else None].append(number)
        sources: list[_Source] = []
        for about, numbers in groups.items():
            if about is None:
                sources.append((numbers[0], 0, tuple(numbers)))
            else:
                sources.append((numbers[0], -1, _look_up(*about, numbers, entries, chosen)))
        # In this order they are a heap, and no two begin with one number.
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
    """How many keys are about one value, and how many of them have each constant."""

    size: int = 0
    beside: Counter[Any] = field(default_factory=Counter)


def choose(entries: Sequence[Entry[Any]]) -> tuple[Key | None, ...]:
    """The key by which an index finds each entry, in order; None for those that are tried for every request.

    It is the one that leaves the fewest others beside it; of equal ones, rather not one of the body.
    """
    crowds: dict[_About, _Crowd] = defaultdict(_Crowd)
    options = [[(key, crowds[key.path, key.relation]) for key in entry.keys] for entry in entries]
    for key, crowd in chain.from_iterable(options):
        crowd.size += 1
        crowd.beside.update(key.constants)

    def cost(option: tuple[Key, _Crowd]) -> tuple[int, bool]:
        key, crowd = option
        return max(map(crowd.beside.__getitem__, key.constants), default=0), key.path.reads_body

    chosen = []
    for keys in options:
        worthwhile = [option for option in keys if option[1].size >= MIN_SHARING]
        chosen.append(min(worthwhile, key=cost)[0] if worthwhile else None)
    return tuple(chosen)


def _look_up(
    path: Path, relation: Relation, numbers: Sequence[int], entries: Sequence[Entry[Any]], chosen: Sequence[Key | None]
) -> _LookUp:
    """A function of a request that gives the numbers whose keys hold or cannot be found out, in sorted runs."""
    by_constant: dict[Any, list[int]] = defaultdict(list)
    for number in numbers:
        key = chosen[number]
        for constant in key.constants if key else ():
            by_constant[constant].append(number)
    table = {constant: tuple(found) for constant, found in by_constant.items()}
    unknown = tuple(number for number in numbers if entries[number].errors_count)
    by_relation = _equality if relation is Relation.EQUALS else _start
    return by_relation(reader(path), table, unknown, tuple(numbers))


def _equality(
    read: Callable[[Request], Any], table: Mapping[Any, _Numbers], unknown: _Numbers, everybody: _Numbers
) -> _LookUp:
    def look_up(request: Request) -> Iterable[_Numbers]:
        try:
            value = read(request)
            found = unknown if value is ABSENT else table.get(value, _NOBODY)
        except MalformedBodyError:
            found = everybody
        except (
            TypeError
        ):  # a list or an object has no hash: it equals no constant, and errs where it is sought in a set
            found = unknown
        return (found,) if found else ()

    return look_up


def _start(
    read: Callable[[Request], Any], table: Mapping[Any, _Numbers], unknown: _Numbers, everybody: _Numbers
) -> _LookUp:
    lengths = sorted({len(prefix) for prefix in table})

    def look_up(request: Request) -> Iterable[_Numbers]:
        try:
            text = read(request)
        except MalformedBodyError:
            return (everybody,)
        if not isinstance(text, str):
            return (unknown,) if unknown else ()
        # Of the prefixes of one key at most one fits, so the runs have no number in common.
        runs = (table.get(text[:length]) for length in lengths[: bisect_right(lengths, len(text))])
        return [run for run in runs if run]

    return look_up
