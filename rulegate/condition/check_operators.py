"""Finds what is wrong with operators, subscripts and displays."""

from __future__ import annotations

from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.findings import Findings, is_external, is_request
from rulegate.condition.messages import literals, meaning
from rulegate.condition.nodes import (
    Arithmetic,
    Attribute,
    Binary,
    Bracket,
    Call,
    Comparator,
    Compare,
    Conditional,
    Constant,
    Display,
    Junction,
    Negative,
    Node,
    Slice,
    Subscript,
    is_constant,
)
from rulegate.condition.prepare import UnfitLiteralError, prepare_service
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import Kind
from rulegate.diagnostics import Diagnostic, Source, Span

ORDERED: Final = (Kind.NUMBER, Kind.TEXT, Kind.LIST, Kind.TUPLE, Kind.SET)
"""Values of one of these can be ordered among themselves."""
_COMPARABLE: Final = (*ORDERED, Kind.NONE, Kind.DICT)
_INDEXED: Final = Kind.TEXT | Kind.LIST | Kind.TUPLE
_KEYED: Final = Kind.DICT | Kind.HEADERS
_CONTAINERS: Final = Kind.TEXT | Kind.LIST | Kind.TUPLE | Kind.SET | Kind.DICT | Kind.HEADERS | Kind.VIEW
_ORDERING: Final = frozenset({Comparator.LESS, Comparator.LESS_EQUAL, Comparator.GREATER, Comparator.GREATER_EQUAL})


class Operators(Findings):
    """The part of the checker that knows operators."""

    def _subscript(self, node: Subscript) -> Kind:
        if is_request(node.value):
            hint = "read one of its attributes, as in `request.json`"
            self.errors.append(meaning.not_a_value(self.source, node.value.span, vocabulary.REQUEST, hint))
            self.kind(node.index)
            return Kind.UNKNOWN
        if is_external(node.value):
            return self._answer(node.value, node.index)
        if isinstance(node.index, Slice):
            return self._sliced(node, node.index)
        owner, index = self.kind(node.value), self.value(node.index)
        if not owner & (_INDEXED | _KEYED):
            self.errors.append(meaning.not_subscriptable(self.source, node.value.span, owner))
        elif not ((owner & _INDEXED and index & Kind.INDEX) or (owner & _KEYED and index & Kind.TEXT)):
            self.errors.append(meaning.wrong_index(self.source, node.index.span, owner, index))
        if owner & Kind.WRONG:
            return owner
        return Kind.TEXT if owner in Kind.TEXT | Kind.HEADERS else Kind.ANY

    def _answer(self, external: Node, index: Node) -> Kind:
        """What a decision service answers, whose name is in brackets."""
        if not self.services:
            self.errors.append(literals.no_services(self.source, external.span))
            return Kind.JSON
        self.kind(index)
        try:
            self.prepared[index.span] = prepare_service(self.source, self.services, index)
        except UnfitLiteralError as error:
            self.errors.append(error.diagnostic)
        return Kind.JSON

    def _sliced(self, node: Subscript, bounds: Slice) -> Kind:
        owner = self.kind(node.value)
        self.kind(bounds)
        if not owner & _INDEXED:
            self.errors.append(meaning.not_sliced(self.source, node.value.span, owner))
            return Kind.UNKNOWN
        return owner if owner & Kind.WRONG else owner & _INDEXED

    def _slice(self, node: Slice) -> Kind:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                got = self.value(part)
                if not got & (Kind.INDEX | Kind.NONE):
                    self.errors.append(meaning.wrong_index(self.source, part.span, Kind.LIST, got))
        return Kind.UNKNOWN

    def _negative(self, node: Negative, operand: Kind) -> Kind:
        if not operand & Kind.NUMBER:
            self.errors.append(meaning.not_a_number(self.source, node.operand.span, operand))
            return Kind.UNKNOWN
        return (Kind.FLOAT if operand & Kind.FLOAT else Kind(0)) | (Kind.INT if operand & Kind.INDEX else Kind(0))

    def _binary(self, node: Binary) -> Kind:
        left, right = self.value(node.left), self.value(node.right)
        result = Kind(0)
        if left & Kind.NUMBER and right & Kind.NUMBER:
            result = Kind.INT | Kind.FLOAT
            if node.operator is Arithmetic.DIVIDE or left in Kind.FLOAT or right in Kind.FLOAT:
                result = Kind.FLOAT
            elif left in Kind.INDEX and right in Kind.INDEX:
                result = Kind.INT
        if node.operator is Arithmetic.ADD and left & Kind.TEXT and right & Kind.TEXT:
            result |= Kind.TEXT
        if not result:
            self.errors.append(meaning.unfit_operands(self.source, node.span, node.operator, left, right))
            return Kind.UNKNOWN
        return result

    def _conditional(self, node: Conditional) -> Kind:
        self.value(node.test)
        return self.value(node.value) | self.value(node.otherwise)

    def _junction(self, node: Junction) -> Kind:
        union = Kind(0)
        for operand in node.operands:
            union |= self.value(operand)
        return union

    def _compare(self, node: Compare) -> Kind:
        left = self.value(node.operands[0])
        for position, comparator in enumerate(node.comparators):
            operand = node.operands[position + 1]
            # A mapping may only stand at the very end: in a chain, what follows would compare the mapping itself.
            holds = comparator in {Comparator.IN, Comparator.NOT_IN} and position == len(node.comparators) - 1
            right = self.kind(operand) if holds else self.value(operand)
            self._pair(node, position, left, right)
            left = right
        return Kind.BOOL

    def _pair(self, node: Compare, position: int, left: Kind, right: Kind) -> None:
        comparator, first, second = node.comparators[position], node.operands[position], node.operands[position + 1]
        source, both = self.source, Span(first.span.start, second.span.end)
        match comparator:
            case Comparator.IS | Comparator.IS_NOT:
                if not (isinstance(second, Constant) and second.value is None):
                    self.errors.append(meaning.is_not_none(source, both))
                elif not left & Kind.NONE:
                    self.errors.append(meaning.never_none(source, first.span, left))
            case Comparator.IN | Comparator.NOT_IN:
                if not right & _CONTAINERS:
                    self.errors.append(meaning.not_a_container(source, second.span, right))
                elif right is Kind.VIEW and (never := _never_in_view(source, first.span, left, second)):
                    self.errors.append(never)
                elif not _can_be_in(left, right):
                    self.errors.append(meaning.never_in(source, first.span, left, right))
            case _ if comparator in _ORDERING:
                if not any(left & group and right & group for group in ORDERED):
                    self.errors.append(meaning.unordered(source, both, comparator, left, right))
            case _:
                if not any(left & group and right & group for group in _COMPARABLE):
                    self.warnings.append(meaning.never_equal(source, both, left, right))

    def _display(self, node: Display) -> Kind:
        for element in node.elements:
            self.value(element)
            if node.bracket is Bracket.SET and not _is_hashable(element):
                self.errors.append(meaning.not_constant_set(self.source, element.span))
        return {Bracket.LIST: Kind.LIST, Bracket.TUPLE: Kind.TUPLE, Bracket.SET: Kind.SET}[node.bracket]


def _can_be_in(left: Kind, right: Kind) -> bool:
    """Whether one may be in the other: text and mappings hold text, sets and the keys of objects nothing mutable."""
    if right in Kind.TEXT | Kind.HEADERS:
        return bool(left & Kind.TEXT)
    return right not in Kind.SET | Kind.DICT or left not in Kind.LIST | Kind.DICT


def _never_in_view(source: Source, span: Span, left: Kind, view: Node) -> Diagnostic | None:
    """What is wrong where a value can never be in a view: items are pairs, and keys are text."""
    match view:
        case Call(function=Attribute(name="items", value=owner)) if not left & Kind.TUPLE:
            return meaning.never_a_pair(source, span, left, unparse(owner))
        case Call(function=Attribute(name="keys")) if not left & Kind.TEXT:
            return meaning.never_in(source, span, left, Kind.VIEW)
    return None


def _is_hashable(node: Node) -> bool:
    if isinstance(node, Display):
        return node.bracket is Bracket.TUPLE and all(_is_hashable(element) for element in node.elements)
    return is_constant(node)
