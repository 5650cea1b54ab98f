"""The keys of a condition: what must hold of a request for a match, said of values that many conditions ask for."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from types import MappingProxyType
from typing import Final, cast

from rulegate.condition import recipes
from rulegate.condition.check import request_attribute
from rulegate.condition.nodes import (
    Attribute,
    Call,
    Comparator,
    Compare,
    Connective,
    Constant,
    Display,
    Junction,
    Negative,
    Node,
    Not,
)
from rulegate.condition.recipes import Literals
from rulegate.condition.shape import Value
from rulegate.condition.subjects import Subject, is_mapping, subject
from rulegate.condition.vocabulary import REQUEST_ATTRIBUTES, Kind, kind_of

Scalar = str | int | float | bool | None


class Relation(enum.Enum):
    """How the value that is read is held against the constants. The values are words for people."""

    EQUALS = "equal to"
    """It equals one of them, as ``==`` has it: 1, 1.0 and True are equal."""
    STARTS = "starting with"
    """It is text and starts with one of them; none of these starts with another."""
    ENDS = "ending with"
    """It is text and ends with one of them; none of these ends with another."""
    HOLDS = "holding"
    """The one constant, a text, is ``in`` it."""
    LESS = "less than"
    """It is less than the one constant, as are the next three: text compared with text, a number with a number."""
    LESS_EQUAL = "at most"
    GREATER = "greater than"
    GREATER_EQUAL = "at least"
    TRUE = "true"
    """It is true; there are no constants."""


ORDERED: Final = frozenset({Relation.LESS, Relation.LESS_EQUAL, Relation.GREATER, Relation.GREATER_EQUAL})
"""The relations that compare."""

_COMPARED: Final[Mapping[Comparator, tuple[Relation, Relation]]] = MappingProxyType(
    {
        Comparator.LESS: (Relation.LESS, Relation.GREATER),
        Comparator.LESS_EQUAL: (Relation.LESS_EQUAL, Relation.GREATER_EQUAL),
        Comparator.GREATER: (Relation.GREATER, Relation.LESS),
        Comparator.GREATER_EQUAL: (Relation.GREATER_EQUAL, Relation.LESS_EQUAL),
        Comparator.EQUAL: (Relation.EQUALS, Relation.EQUALS),
    }
)
"""The relation that an operator is when the constant stands on its right, and on its left."""
_AFFIXES: Final[Mapping[str, Relation]] = MappingProxyType({"startswith": Relation.STARTS, "endswith": Relation.ENDS})


About = tuple[str, Relation, bool | None]
"""The text of a subject and a relation, and of those that compare, whether the constants are texts."""


@dataclass(frozen=True, slots=True)
class Key:
    """What must hold of a request: the value of ``subject`` stands in ``relation`` to one of the ``constants``.

    Where the value can be read and is of a kind that the relation takes, finding out cannot err.
    """

    subject: Subject
    relation: Relation
    constants: frozenset[Scalar]
    never_errs: bool = field(compare=False)
    """Whether the part of the condition that the key stands for has a truth for every request."""

    @property
    def about(self) -> About:
        """What the key is about: keys that are about the same differ in their constants alone, not in their kind."""
        if self.relation in ORDERED:
            return self.subject.text, self.relation, isinstance(next(iter(self.constants)), str)
        return self.subject.text, self.relation, None


KeyRecipe = Callable[[tuple[Value, ...]], Key | None]
"""Makes the key of one condition from its literals; None where they make its subject too long."""


@dataclass(frozen=True, slots=True)
class KeyForm:
    """How the conditions of one shape come by their keys; safe to share between threads.

    There is a recipe for each part that must be true, in the order of the text; None for a part that is no key.
    """

    recipes: tuple[KeyRecipe | None, ...]

    def fill(self, literals: tuple[Value, ...], *, errors_count: bool) -> tuple[Key, ...]:
        """The keys of the condition that has these literals; none if nothing is known that a match must have.

        Of any request for which the condition is true, every key holds. With ``errors_count``, of any request for which
        it is true or errs, every key holds or cannot be found out: its subject errs, or has a value of a kind that the
        relation does not take.
        """
        found = []
        for recipe in self.recipes:
            key = None if recipe is None else recipe(literals)
            if key is not None:
                found.append(key)
            # Behind a part that errs nothing is reached: what is false there does not keep the condition from erring.
            if errors_count and not (key is not None and key.never_errs):
                break
        return tuple(found)


def key_form(root: Node, literals: Literals) -> KeyForm:
    """The keys of a checked tree and of all that differ from it in ``literals`` alone.

    Takes time linear in the length of the condition.
    """
    finder = _Finder(literals)
    return KeyForm(tuple(map(finder.key, _joined_by(Connective.AND, root))))


def _joined_by(connective: Connective, node: Node) -> Iterator[Node]:
    """The parts that a connective joins, in the order in which they are evaluated."""
    match node:
        case Junction(connective=found, operands=operands) if found is connective:
            for operand in operands:
                yield from _joined_by(connective, operand)
        case Compare(span=span, operands=operands, comparators=(_, _, *_) as comparators) if (
            connective is Connective.AND
        ):
            # `a < b < c` is `a < b and b < c`: its parts have the same values however often they are evaluated.
            for left, comparator, right in zip(operands, comparators, operands[1:], strict=False):
                yield Compare(span, (left, right), (comparator,))
        case _:
            yield node


class _Finder:
    """Finds how conditions of one shape come by their keys."""

    def __init__(self, literals: Literals) -> None:
        self._literals = literals

    def key(self, node: Node) -> KeyRecipe | None:
        """How one part of a condition becomes a key: a subject held against constants, or itself if it must be true."""
        match node:
            case Junction(connective=Connective.OR):
                options = list(map(self._of_constants, _joined_by(Connective.OR, node)))
                whole = self._true(node)
                if whole is not None and None not in options:
                    return partial(_either, cast(list[KeyRecipe], options), whole)
                return whole
            case _:
                return self._of_constants(node) or self._true(node)

    def _true(self, node: Node) -> KeyRecipe | None:
        about = subject(node, self._literals)
        if about is None:
            return None
        never_errs = not _kind(node) & Kind.WRONG
        return lambda literals: _key(about(literals), Relation.TRUE, (), never_errs=never_errs)

    def _of_constants(self, node: Node) -> KeyRecipe | None:
        match node:
            case Compare(operands=(left, right), comparators=(Comparator() as comparator,)) if comparator in _COMPARED:
                forwards, backwards = _COMPARED[comparator]
                return self._held(left, forwards, (right,)) or self._held(right, backwards, (left,))
            case Compare(operands=(left, right), comparators=(Comparator.IS,)):
                return self._held(left, Relation.EQUALS, (right,))
            case Compare(operands=(left, Display(elements=elements)), comparators=(Comparator.IN,)):
                return self._held(left, Relation.EQUALS, elements)
            case Compare(operands=(Constant(value=str()) as part, right), comparators=(Comparator.IN,)):
                return self._held(right, Relation.HOLDS, (part,))
            case Call(function=Attribute(value=owner, name=name), arguments=(affix,)) if name in _AFFIXES:
                return self._held(owner, _AFFIXES[name], affix.elements if isinstance(affix, Display) else (affix,))
            case _:
                return None

    def _held(self, node: Node, relation: Relation, constants: tuple[Node, ...]) -> KeyRecipe | None:
        about = subject(node, self._literals)
        values = recipes.scalars(constants, self._literals)
        if about is None or values is None:
            return None
        # Literals in which conditions differ are of the same kinds in all of them.
        kinds = {_kind(constant) for constant in constants}
        taken = _taken(relation, kinds)
        if taken is None:
            return None
        never_errs = _kind(node) in taken
        return lambda literals: _key(about(literals), relation, values(literals), never_errs=never_errs)


def _taken(relation: Relation, constants: set[Kind]) -> Kind | None:
    """The kinds of value that can be held against constants of these kinds without an error.

    None if the relation takes no such constants.
    """
    if relation is Relation.EQUALS:
        return ~Kind.WRONG
    if constants <= {Kind.TEXT}:
        return Kind.TEXT
    if relation in ORDERED and all(kind in Kind.NUMBER for kind in constants):
        return Kind.NUMBER
    return None


def _kind(node: Node) -> Kind:
    """What the value of a node can be, as far as that is plain to see; `Kind.WRONG` is among it where it may err."""
    read = request_attribute(node)
    if read is not None:
        # Reading the body errs where there is none.
        return Kind.UNKNOWN if read == "json" else REQUEST_ATTRIBUTES[read].kind
    match node:
        case Constant(value=value):
            return kind_of(value)
        case Negative(operand=Constant(value=int() | float() as value)):
            return Kind.INT if isinstance(value, int) else Kind.FLOAT
        case Call(function=Attribute(value=owner, name="get"), arguments=(Constant(value=str()), *default)):
            otherwise = map(_kind, default) if default else [Kind.NONE]
            return reduce(Kind.__or__, otherwise, Kind.TEXT) if is_mapping(owner) else Kind.UNKNOWN
        case Compare(operands=operands, comparators=comparators) if _is_safe(operands, comparators):
            return Kind.BOOL
        case Not(operand=operand) if not _kind(operand) & Kind.WRONG:
            return Kind.BOOL
        case Junction(operands=operands):
            return reduce(Kind.__or__, map(_kind, operands))
        case _:
            return Kind.UNKNOWN


def _is_safe(operands: tuple[Node, ...], comparators: tuple[Comparator, ...]) -> bool:
    """Whether a comparison never errs: whatever can be read can be compared for equality."""
    plain = {Comparator.EQUAL, Comparator.UNEQUAL, Comparator.IS, Comparator.IS_NOT}
    return plain.issuperset(comparators) and not any(_kind(operand) & Kind.WRONG for operand in operands)


def _gathered(relation: Relation, constants: Iterable[Scalar]) -> frozenset[Scalar]:
    """The constants without those that add nothing."""
    match relation:
        case Relation.STARTS:
            return _shortest(map(str, constants))
        case Relation.ENDS:
            return frozenset(text[::-1] for text in _shortest(str(constant)[::-1] for constant in constants))
        case Relation.LESS | Relation.LESS_EQUAL:
            return frozenset({max(cast(Iterable[float], constants))})
        case Relation.GREATER | Relation.GREATER_EQUAL:
            return frozenset({min(cast(Iterable[float], constants))})
        case _:
            return frozenset(constants)


def _shortest(prefixes: Iterable[str]) -> frozenset[str]:
    """The prefixes without those that start with another one."""
    kept: list[str] = []
    for prefix in sorted(prefixes):
        # Whatever a text starts with stands before it, and nothing that starts with neither stands between.
        if not (kept and prefix.startswith(kept[-1])):
            kept.append(prefix)
    return frozenset(kept)


def _key(about: Subject | None, relation: Relation, constants: Iterable[Scalar], *, never_errs: bool) -> Key | None:
    return None if about is None else Key(about, relation, _gathered(relation, constants), never_errs)


def _either(options: list[KeyRecipe], whole: KeyRecipe, literals: tuple[Value, ...]) -> Key | None:
    """The key of ``one or other``: all are about one subject in one way, or it is that the whole must be true."""
    keys = [key for key in (option(literals) for option in options) if key is not None]
    if len(keys) < len(options):
        return whole(literals)
    subjects, relations = {key.subject for key in keys}, {key.relation for key in keys}
    constants = frozenset[Scalar]().union(*(key.constants for key in keys))
    relation = keys[0].relation
    are_comparable = relation not in ORDERED or len({isinstance(constant, str) for constant in constants}) == 1
    if len(subjects) > 1 or len(relations) > 1 or relation is Relation.HOLDS or not are_comparable:
        return whole(literals)
    return _key(keys[0].subject, relation, constants, never_errs=all(key.never_errs for key in keys))
