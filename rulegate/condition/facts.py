"""What can be certain of a request: how a part of a condition stands to a constant, or that it is true."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from rulegate.condition.nodes import Comparator

MIRRORED: Final[Mapping[Comparator, Comparator]] = MappingProxyType(
    {
        Comparator.LESS: Comparator.GREATER,
        Comparator.LESS_EQUAL: Comparator.GREATER_EQUAL,
        Comparator.GREATER: Comparator.LESS,
        Comparator.GREATER_EQUAL: Comparator.LESS_EQUAL,
    }
)
"""The comparators that order, each with what it is when its operands change places."""

_TESTS: Final[Mapping[Comparator, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        Comparator.LESS: operator.lt,
        Comparator.LESS_EQUAL: operator.le,
        Comparator.GREATER: operator.gt,
        Comparator.GREATER_EQUAL: operator.ge,
    }
)


@dataclass(frozen=True, slots=True)
class Equals:
    """A part of conditions, as its author would write it, equals a constant, as ``==`` has it."""

    subject: str
    constant: Any

    def holds_of(self, value: Any) -> bool:
        """Whether a constant equals it."""
        return bool(value == self.constant)


@dataclass(frozen=True, slots=True)
class Differs:
    """A part of conditions has a value that does not equal a constant."""

    subject: str
    constant: Any

    def holds_of(self, value: Any) -> bool:
        """Whether a constant does not equal it."""
        return bool(value != self.constant)


@dataclass(frozen=True, slots=True)
class Starts:
    """A part of conditions is a text that starts with another."""

    subject: str
    affix: str

    def shorter(self, length: int) -> Starts:
        """That it starts with so much of the other."""
        return Starts(self.subject, self.affix[:length])

    def holds_of(self, value: Any) -> bool:
        """Whether a constant starts so."""
        return isinstance(value, str) and value.startswith(self.affix)


@dataclass(frozen=True, slots=True)
class Ends:
    """A part of conditions is a text that ends with another."""

    subject: str
    affix: str

    def shorter(self, length: int) -> Ends:
        """That it ends with so much of the other."""
        return Ends(self.subject, self.affix[len(self.affix) - length :])

    def holds_of(self, value: Any) -> bool:
        """Whether a constant ends so."""
        return isinstance(value, str) and value.endswith(self.affix)


@dataclass(frozen=True, slots=True)
class Beyond:
    """A part of conditions lies on one side of a bound, a number or a text, as ``subject comparator bound`` has it."""

    subject: str
    comparator: Comparator
    bound: Any

    @property
    def is_from_below(self) -> bool:
        """Whether it bounds the subject from below."""
        return self.comparator in {Comparator.GREATER, Comparator.GREATER_EQUAL}

    @property
    def about(self) -> tuple[str, bool, bool]:
        """The subject, whether it is bounded from below, and whether the bound is a text."""
        return self.subject, self.is_from_below, isinstance(self.bound, str)

    @property
    def place(self) -> tuple[Any, bool]:
        """Where what lies beyond it begins or ends: of two that are about the same, they are in order.

        Of bounds from below, a lesser one says less; of bounds from above, a greater one does.
        """
        return self.bound, self.comparator in {Comparator.GREATER, Comparator.LESS_EQUAL}

    def holds_of(self, value: Any) -> bool:
        """Whether a constant that a condition names lies there; whatever else equals it does so, too."""
        alike = isinstance(value, (int, float)) if not isinstance(self.bound, str) else isinstance(value, str)
        return alike and _TESTS[self.comparator](value, self.bound)


@dataclass(frozen=True, slots=True)
class Holds:
    """A part of conditions is true."""

    text: str


Said = Differs | Starts | Ends | Beyond
"""What can be found out of a constant: whether it holds of it, and so of all that equals it."""

Fact = Equals | Said | Holds
Case = frozenset[Fact]
"""Facts that hold together."""


def is_impossible(case: Iterable[Fact]) -> bool:
    """Whether no request has a value of which all facts hold: what is found to be so is so, but not all that is."""
    constants: dict[str, Any] = {}
    others: dict[str, list[Said]] = {}
    for fact in case:
        match fact:
            case Equals(subject=subject, constant=constant):
                if constants.setdefault(subject, constant) != constant:
                    return True
            case Differs() | Starts() | Ends() | Beyond():
                others.setdefault(fact.subject, []).append(fact)
    return any(
        (subject in constants and not all(fact.holds_of(constants[subject]) for fact in facts))
        or _leave_nothing([fact for fact in facts if isinstance(fact, Beyond)])
        for subject, facts in others.items()
    )


def _leave_nothing(bounds: list[Beyond]) -> bool:
    """Whether nothing lies beyond all bounds of one subject."""
    if len({isinstance(fact.bound, str) for fact in bounds}) > 1:
        return True
    below = [fact for fact in bounds if fact.is_from_below]
    above = [fact for fact in bounds if not fact.is_from_below]
    if not below or not above:
        return False
    highest, lowest = max(below, key=_place), min(above, key=_place)
    return not (highest.holds_of(lowest.bound) and lowest.holds_of(highest.bound))


def _place(fact: Beyond) -> tuple[Any, bool]:
    return fact.place
