"""When a condition is certainly true, and what is certain where it is: cases that can be held against another's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from types import MappingProxyType
from typing import Any, Final, cast

from rulegate.condition import vocabulary
from rulegate.condition.check import request_attribute
from rulegate.condition.facts import MIRRORED, Beyond, Case, Differs, Ends, Equals, Fact, Holds, Starts, is_impossible
from rulegate.condition.nodes import (
    Attribute,
    Bracket,
    Call,
    Comparator,
    Compare,
    Connective,
    Constant,
    Display,
    Junction,
    Name,
    Negative,
    Node,
    Not,
    Subscript,
)
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import REQUEST_ATTRIBUTES, Kind, kind_of
from rulegate.diagnostics import Span

MAX_CASES: Final = 1024
"""Cases of one condition; what has more is not looked at."""

NOWHERE: Final = Span(0, 0)
_EQUALITY: Final = frozenset({Comparator.EQUAL, Comparator.UNEQUAL, Comparator.IS, Comparator.IS_NOT})
_MEMBERSHIP: Final = frozenset({Comparator.IN, Comparator.NOT_IN})
_AFFIXES: Final[Mapping[str, type[Starts | Ends]]] = MappingProxyType({"startswith": Starts, "endswith": Ends})
_TEXT_TO_TEXT: Final = frozenset({"lower", "upper", "casefold", "strip", "lstrip", "rstrip"})


@dataclass(frozen=True, slots=True)
class Cases:
    """What is certain of a condition.

    Attributes:
        enough: For every request for which all facts of one of these hold, the condition is true, and does not err.
        needed: For every request for which it is true, all facts of one of these hold; None where too many may.
        never_errs: Whether it has a truth for every request.
    """

    enough: tuple[Case, ...]
    needed: tuple[Case, ...] | None
    never_errs: bool


def cases(root: Node, literals: Mapping[Span, Any]) -> Cases:
    """What is certain of a checked tree, in which ``literals`` stand at their places instead of those that it has.

    Reading is the same for all parts of all conditions of one request, so facts are, too. Thread-safe.
    """
    tree = normal(root, literals)
    needed = _needed(tree)
    possible = None if needed is None else tuple(case for case in needed if not is_impossible(case))
    return Cases(tuple(_enough(tree) or ()), possible, never_errs=_sure(tree) is not None)


def normal(node: Any, literals: Mapping[Span, Any]) -> Any:
    """The tree with its own literals and one spelling for what has several: of equal trees, equal texts."""
    read = request_attribute(node)
    if read is not None:
        return Attribute(NOWHERE, Name(NOWHERE, vocabulary.REQUEST), read, NOWHERE)
    if isinstance(node, Constant):
        return Constant(NOWHERE, literals.get(node.span, node.value))
    changes = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Node):
            changes[field.name] = normal(value, literals)
        elif isinstance(value, tuple) and value and isinstance(value[0], Node):
            changes[field.name] = tuple(normal(part, literals) for part in value)
    made = dataclasses.replace(node, **changes)
    match made:
        case Subscript(value=owner, index=Constant(value=str(name))) if request_attribute(owner) == "headers":
            return dataclasses.replace(made, index=Constant(NOWHERE, name.lower()))
        case Call(function=Attribute(value=owner, name="get") as get, arguments=(Constant(value=str(name)), *default)):
            name = name.lower() if request_attribute(owner) == "headers" else name
            default = [one for one in default if one != Constant(NOWHERE, None)]
            return Call(NOWHERE, get, (Constant(NOWHERE, name), *default))
    return made


def _enough(node: Node) -> list[Case] | None:
    """Cases in each of which a node is true and does not err; None if there are too many."""
    match node:
        case Constant(value=value):
            return [frozenset()] if value else []
        case Junction(connective=Connective.AND, operands=operands):
            return _together([_enough(operand) for operand in operands])
        case Compare() if links := _links(node):
            return _together([_enough(link) for link in links])
        case Junction(operands=operands):
            found: list[Case] = []
            for operand in operands:
                of_it = _enough(operand)
                if of_it is None or len(found) + len(of_it) > MAX_CASES:
                    return None
                found += of_it
                # What is behind a part that errs is not reached.
                if _sure(operand) is None:
                    break
            return found
        case _:
            return [frozenset({fact}) for fact in _facts(node)]


def _needed(node: Node) -> list[Case] | None:
    """Cases of which one holds wherever a node is true; None if there are too many."""
    match node:
        case Constant(value=value):
            return [frozenset()] if value else []
        case Junction(connective=Connective.AND, operands=operands):
            return _together([_needed(operand) for operand in operands])
        case Compare() if links := _links(node):
            return _together([_needed(link) for link in links])
        case Junction(operands=operands):
            found = [_needed(operand) for operand in operands]
            joined = [case for of_one in found for case in of_one or ()]
            return None if None in found or len(joined) > MAX_CASES else joined
        case _:
            whole = Holds(unparse(node))
            return [frozenset({fact, whole}) for fact in _facts(node)]


def _links(whole: Compare) -> list[Compare]:
    """The comparisons that one stands for, all of which must be true; none if it stands for itself.

    ``a < b`` and ``b < c`` of ``a < b < c``, as a part that is read twice has the same value; ``a != 1`` and ``a != 2``
    of ``a not in (1, 2)``.
    """
    match whole:
        case Compare(operands=(left, Display(elements=elements) as among), comparators=(Comparator.NOT_IN,)):
            # What cannot be hashed errs where it is sought in a set.
            values = None if among.bracket is Bracket.SET else _scalars(elements)
            return [Compare(NOWHERE, (left, one), (Comparator.UNEQUAL,)) for one in elements] if values else []
        case Compare(operands=operands, comparators=(_, _, *_) as comparators):
            pairs = zip(pairwise(operands), comparators, strict=True)
            return [Compare(NOWHERE, pair, (comparator,)) for pair, comparator in pairs]
    return []


def _together(parts: Sequence[list[Case] | None]) -> list[Case] | None:
    """The cases of all parts at once, each with each."""
    number = 1
    for part in parts:
        number *= MAX_CASES + 1 if part is None else len(part)
        if number > MAX_CASES:
            return None
    return [frozenset[Fact]().union(*combined) for combined in product(*cast(list[list[Case]], parts))]


def _facts(node: Node) -> Iterable[Fact]:
    """Facts of which one holds exactly where a node is true: how a value and constants stand, or that it is true."""
    match node:
        case Compare(operands=(left, right), comparators=(Comparator.EQUAL | Comparator.IS,)):
            known = _held(left, (right,)) or _held(right, (left,))
        case Compare(operands=(left, right), comparators=(Comparator.UNEQUAL | Comparator.IS_NOT,)):
            known = _held(left, (right,), Differs) or _held(right, (left,), Differs)
        case Compare(operands=(left, Display(elements=elements)), comparators=(Comparator.IN,)):
            known = _held(left, elements)
        case Compare(operands=(left, right), comparators=(Comparator() as comparator,)) if comparator in MIRRORED:
            known = _beyond(left, comparator, right) or _beyond(right, MIRRORED[comparator], left)
        case Call(function=Attribute(value=owner, name=name), arguments=(affix,)) if name in _AFFIXES:
            known = _affixed(_AFFIXES[name], owner, affix.elements if isinstance(affix, Display) else (affix,))
        case _:
            known = ()
    return known or (Holds(unparse(node)),)


def _held(subject: Node, constants: tuple[Node, ...], kind: type[Equals | Differs] = Equals) -> tuple[Fact, ...]:
    values = _scalars(constants)
    if values is None or _scalars((subject,)) is not None:
        return ()
    text = unparse(subject)
    return tuple(dict.fromkeys(kind(text, value) for value in values))


def _beyond(subject: Node, comparator: Comparator, bound: Node) -> tuple[Fact, ...]:
    values = _scalars((bound,))
    if not values or values[0] is None or _scalars((subject,)) is not None:
        return ()
    return (Beyond(unparse(subject), comparator, values[0]),)


def _affixed(kind: type[Starts | Ends], subject: Node, affixes: tuple[Node, ...]) -> tuple[Fact, ...]:
    values = _scalars(affixes)
    if values is None or not all(isinstance(value, str) for value in values):
        return ()
    text = unparse(subject)
    return tuple(dict.fromkeys(kind(text, value) for value in values))


def _scalars(nodes: tuple[Node, ...]) -> list[Any] | None:
    values: list[Any] = []
    for node in nodes:
        match node:
            case Constant(value=value):
                values.append(value)
            case Negative(operand=Constant(value=int() | float() as number)):
                values.append(-number)
            case _:
                return None
    return values


def _sure(node: Node) -> Kind | None:
    """What the value of a node can be if it has one for every request; None if it may err."""
    read = request_attribute(node)
    if read is not None:
        # Reading the body errs where there is none; a mapping is no value.
        kind = REQUEST_ATTRIBUTES[read].kind
        return None if read == "json" or kind is Kind.HEADERS else kind
    match node:
        case Constant(value=value):
            return kind_of(value)
        case Not(operand=operand):
            return None if _sure(operand) is None else Kind.BOOL
        case Junction(operands=operands):
            kinds = [_sure(operand) for operand in operands]
            return None if None in kinds else _union(cast(list[Kind], kinds))
        case Call(function=Attribute(value=owner, name="get"), arguments=(Constant(value=str()), *default)):
            kinds = [_sure(one) for one in default] or [Kind.NONE]
            return None if not _is_mapping(owner) or None in kinds else _union([Kind.TEXT, *cast(list[Kind], kinds)])
        case Call(function=Attribute(value=owner, name=name), arguments=arguments) if _sure(owner) is Kind.TEXT:
            return _of_text(name, arguments)
        case Call(function=Name(name="len"), arguments=(text,)) if _sure(text) is Kind.TEXT:
            return Kind.INT
        case Compare(operands=operands, comparators=comparators):
            pairs = zip(pairwise(operands), comparators, strict=True)
            return Kind.BOOL if all(_is_sure_pair(*pair, comparator) for pair, comparator in pairs) else None
    return None


def _of_text(method: str, arguments: tuple[Node, ...]) -> Kind | None:
    if method in _TEXT_TO_TEXT and not arguments:
        return Kind.TEXT
    values = _scalars(arguments[0].elements if arguments and isinstance(arguments[0], Display) else arguments)
    texts = values is not None and len(arguments) == 1 and all(isinstance(value, str) for value in values)
    return Kind.BOOL if method in _AFFIXES and texts else None


def _is_sure_pair(left: Node, right: Node, comparator: Comparator) -> bool:
    first = _sure(left)
    if first is None:
        return False
    if comparator in _MEMBERSHIP:
        if isinstance(right, Display):
            return _scalars(right.elements) is not None
        return first is Kind.TEXT and (_is_mapping(right) or _sure(right) is Kind.TEXT)
    second = _sure(right)
    if second is None:
        return False
    numbers = first in Kind.NUMBER and second in Kind.NUMBER
    return comparator in _EQUALITY or (comparator in MIRRORED and (numbers or first is second is Kind.TEXT))


def _is_mapping(node: Node) -> bool:
    read = request_attribute(node)
    return read is not None and REQUEST_ATTRIBUTES[read].kind is Kind.HEADERS


def _union(kinds: Sequence[Kind]) -> Kind:
    union = Kind(0)
    for kind in kinds:
        union |= kind
    return union
