"""Which routes of an endpoint can never be chosen, as far as that is certain, because others always come first."""

from __future__ import annotations

import enum
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any, Final

from rulegate.condition import Condition
from rulegate.condition.facts import Beyond, Case, Differs, Ends, Equals, Fact, Starts
from rulegate.condition.nodes import Comparator

_MAX_KNOWN: Final = 8
"""Facts of one case of which all subsets are looked up; of more, only single ones, pairs and the whole."""
_MAX_PAIRED: Final = 32
"""Facts of which pairs are looked up; of more, only single ones and the whole."""

_MAX_BOUNDS: Final = 2
"""Bounds that are looked up of those that say less than a fact does: the nearest ones, and as many that say least."""
_MAX_OTHERS: Final = 8
"""Constants of which it is looked up whether a value is something else, of one subject."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What matters of a route: its condition, and whether an error in it is no match, so that the next one is tried."""

    condition: Condition | None
    errors_pass: bool = True


class Why(enum.Enum):
    """Why a rule can never be chosen, or not for all that it names."""

    COVERED = enum.auto()
    """Other rules come first for every request for which its condition is true."""
    PARTLY_COVERED = enum.auto()
    """They do so for some of the values that it names."""
    IMPOSSIBLE = enum.auto()
    """Its condition contradicts itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is not chosen, by its number, and the number of a rule that is chosen instead, if one is."""

    rule: int
    why: Why
    by: int | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """What is certain of the rules of one endpoint.

    Attributes:
        findings: The rules that can never be chosen, or not for all that they name, in their order; those without a
            condition last.
        certain: The first rule that is chosen for every request that comes so far, if there is one.
    """

    findings: tuple[Finding, ...]
    certain: int | None


def reach(rules: Sequence[Rule]) -> Reach:
    """What can never be chosen of the rules of one endpoint.

    It is never wrong: for what is found there is no request for which the rule is chosen. Much is not found, since what
    conditions mean is not known but for constants that values are held against. Takes time in proportion to the number
    of rules, not to its square.
    """
    scan = _Scan()
    return Reach(tuple(scan.findings(rules)), scan.certain)


class _Scan:
    """The cases of the rules so far, each with the first rule that has it."""

    def __init__(self) -> None:
        self._rules: dict[Case, int] = {}
        self._facts: set[Fact] = set()
        self._lengths: defaultdict[tuple[type, str], set[int]] = defaultdict(set)
        """How long the beginnings are that cases know, and the ends, by subject."""
        self._bounds: defaultdict[tuple[str, bool, bool], list[Beyond]] = defaultdict(list)
        """The bounds that cases know, by what they are about, in the order of their places."""
        self._others: defaultdict[str, list[Differs]] = defaultdict(list)
        """What cases know to be something else than a constant, by subject."""

    @property
    def certain(self) -> int | None:
        """The first rule whose condition is always true."""
        return self._rules.get(frozenset())

    def findings(self, rules: Sequence[Rule]) -> Iterator[Finding]:
        for number, rule in enumerate(rules):
            if rule.condition is None:
                continue
            cases = rule.condition.cases()
            if cases.needed is not None:
                # Where an error is not passed on, the rule is chosen for requests of which nothing is known.
                yield from self._finding(number, cases.needed, is_all=rule.errors_pass or cases.never_errs)
            for case in cases.enough:
                self._know(case, number)
        yield from self._without_condition(rules)

    def _finding(self, number: int, needed: Sequence[Case], *, is_all: bool) -> Iterator[Finding]:
        if not needed and is_all:
            yield Finding(number, Why.IMPOSSIBLE)
        covering = [self._covering(case) for case in needed]
        by = next((one for one in covering if one is not None), None)
        if by is not None:
            yield Finding(number, Why.COVERED if is_all and None not in covering else Why.PARTLY_COVERED, by)

    def _without_condition(self, rules: Sequence[Rule]) -> Iterator[Finding]:
        """Those without a condition: only the first is ever reached, and that only if no condition is always true."""
        by = self.certain
        for number, rule in enumerate(rules):
            if rule.condition is None:
                if by is not None:
                    yield Finding(number, Why.COVERED, by)
                else:
                    by = number

    def _know(self, case: Case, number: int) -> None:
        if case not in self._rules:
            self._rules[case] = number
            for fact in case - self._facts:
                self._facts.add(fact)
                if isinstance(fact, (Starts, Ends)):
                    self._lengths[type(fact), fact.subject].add(len(fact.affix))
                elif isinstance(fact, Beyond):
                    insort(self._bounds[fact.about], fact, key=_place)
                elif isinstance(fact, Differs):
                    self._others[fact.subject].append(fact)

    def _covering(self, case: Case) -> int | None:
        """The first rule that is chosen, or preceded by one that is, wherever all facts of a case hold."""
        known = [fact for fact in dict.fromkeys(chain(case, self._weaker(case))) if fact in self._facts]
        few = range(len(known) + 1) if len(known) <= _MAX_KNOWN else (0, 1, 2, len(known))
        sizes = few if len(known) <= _MAX_PAIRED else (0, 1, len(known))
        subsets = chain.from_iterable(combinations(known, size) for size in sizes)
        found = (self._rules.get(frozenset(subset)) for subset in subsets)
        return min((number for number in found if number is not None), default=None)

    def _weaker(self, case: Case) -> Iterator[Fact]:
        """What follows from the facts of a case.

        What starts with a text starts with every beginning of it, what ends with one, with every end of it; what lies
        beyond a bound lies beyond those that say less; and what is said of a value tells what it is not.
        """
        for fact in case:
            match fact:
                case Equals(subject=subject, constant=constant):
                    yield from self._excluded(fact)
                    if isinstance(constant, str):
                        yield from self._shorter(Starts(subject, constant))
                        yield from self._shorter(Ends(subject, constant))
                    if constant is not None:
                        for inclusive in (Comparator.GREATER_EQUAL, Comparator.LESS_EQUAL):
                            yield from self._looser(Beyond(subject, inclusive, constant))
                case Starts() | Ends():
                    yield from self._excluded(fact)
                    yield from self._shorter(fact)
                case Beyond():
                    yield from self._excluded(fact)
                    yield from self._looser(fact)

    def _excluded(self, fact: Equals | Starts | Ends | Beyond) -> Iterator[Differs]:
        """That a value is something else than constants, of the first that cases ask about."""
        for other in self._others.get(fact.subject, [])[:_MAX_OTHERS]:
            if not fact.holds_of(other.constant):
                yield other

    def _shorter(self, fact: Starts | Ends) -> Iterator[Fact]:
        """What is known of beginnings, or ends, of one, itself included."""
        for length in self._lengths.get((type(fact), fact.subject), ()):
            if length <= len(fact.affix):
                yield fact.shorter(length)

    def _looser(self, fact: Beyond) -> Iterator[Beyond]:
        """Bounds that say less than one, itself included."""
        known = self._bounds.get(fact.about, [])
        if fact.is_from_below:
            end = bisect_right(known, fact.place, key=_place)
            found = known[: min(end, _MAX_BOUNDS)] + known[max(end - _MAX_BOUNDS, 0) : end]
        else:
            start = bisect_left(known, fact.place, key=_place)
            found = known[start : start + _MAX_BOUNDS] + known[max(start, len(known) - _MAX_BOUNDS) :]
        yield from dict.fromkeys(found)


def _place(fact: Beyond) -> tuple[Any, bool]:
    return fact.place
