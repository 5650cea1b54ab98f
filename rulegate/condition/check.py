"""Finds all that is wrong with the meaning of a condition before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, assert_never

from rulegate.condition import vocabulary
from rulegate.condition.bounds import out_of_bounds
from rulegate.condition.check_calls import Calls
from rulegate.condition.check_operators import Operators
from rulegate.condition.findings import is_request
from rulegate.condition.messages import meaning
from rulegate.condition.nodes import (
    Attribute,
    Binary,
    Call,
    Compare,
    Conditional,
    Constant,
    Display,
    Generator,
    Junction,
    Keyword,
    Name,
    Negative,
    Node,
    Not,
    Slice,
    Subscript,
)
from rulegate.condition.prepare import Prepared
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import Kind, kind_of
from rulegate.diagnostics import Diagnostic, Source, Span

_CHECKED: Final = object()


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """A tree that the checker has accepted: the only thing that the later stages take.

    ``kind`` is what its value can be; ``prepared`` what the arguments that an author must write out became, by place:
    patterns, networks, time zones; ``services`` the decision services that it may ask. Only `check` makes one; the
    constructor refuses everybody else.

    Raises:
        TypeError: If anybody but `check` calls the constructor.
    """

    source: Source
    root: Node
    kind: Kind
    services: frozenset[str]
    prepared: Mapping[Span, Prepared] = field(repr=False, compare=False)
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _CHECKED:
            raise TypeError("only the checker makes a CheckedCondition")


def check(
    source: Source, root: Node, services: frozenset[str] = frozenset()
) -> tuple[CheckedCondition | None, list[Diagnostic]]:
    """The checked condition, or None, and everything that was found, warnings included.

    Takes any tree that the parser can make, however deep; ``services`` are the names of the decision services that it
    may ask. Thread-safe.
    """
    faults = out_of_bounds(source, root)
    if faults:
        return None, faults
    checker = _Checker(source, services)
    kind = checker.value(root)
    if checker.errors:
        return None, checker.errors + checker.warnings
    prepared = MappingProxyType(checker.prepared)
    return CheckedCondition(source, root, kind, services, prepared, _CHECKED), checker.warnings


def request_attribute(node: Node) -> str | None:
    """The attribute of `Request` that a checked node reads: ``json`` for ``request.json()``, None for other nodes."""
    target = node.function if isinstance(node, Call) else node
    if isinstance(target, Attribute) and is_request(target.value):
        return vocabulary.REQUEST_ATTRIBUTES[target.name].reads
    return None


def _remedy(view: Node, text: str) -> str:
    """What to do with ``keys``, ``values`` or ``items`` in place of a value."""
    match view:
        case Call(function=Attribute(name="items", value=owner)):
            return f"ask `'name' in {unparse(owner)}`, or loop over it with `any(… for key, value in {text})`"
    return f"ask `'name' in {text}`, or loop over it with `any(… for x in {text})`"


class _Checker(Operators, Calls):
    """Infers what each node can be, and collects what can never work."""

    def value(self, node: Node) -> Kind:
        kind = self.kind(node)
        if kind and kind in Kind.HEADERS | Kind.VIEW:
            text = unparse(node)
            hint = f"read one value of it, as in `{text}['name']`, or ask `'name' in {text}`"
            if kind is Kind.VIEW:
                hint = _remedy(node, text)
            self.errors.append(meaning.not_a_value(self.source, node.span, text, hint))
            return Kind.UNKNOWN
        return kind

    def kind(self, node: Node) -> Kind:
        match node:
            case Constant(value=value):
                return kind_of(value)
            case Name():
                return self._name(node)
            case Attribute():
                return self._attribute(node)
            case Subscript():
                return self._subscript(node)
            case Slice():
                return self._slice(node)
            case Call():
                return self._call(node)
            case Keyword(value=operand):
                return self.value(operand)
            case Generator():
                return self._generator(node)
            case Negative(operand=operand):
                return self._negative(node, self.value(operand))
            case Not(operand=operand):
                self.value(operand)
                return Kind.BOOL
            case Binary():
                return self._binary(node)
            case Conditional():
                return self._conditional(node)
            case Compare():
                return self._compare(node)
            case Junction():
                return self._junction(node)
            case Display():
                return self._display(node)
            case _:
                assert_never(node)
