"""Finds all that is wrong with the meaning of a condition before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, assert_never

from rulegate.condition import vocabulary
from rulegate.condition.bounds import out_of_bounds
from rulegate.condition.messages import meaning
from rulegate.condition.nodes import (
    Attribute,
    Bracket,
    Call,
    Comparator,
    Compare,
    Constant,
    Display,
    Junction,
    Name,
    Negative,
    Node,
    Not,
    Subscript,
    is_constant,
)
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import Kind, Signature, kind_of
from rulegate.diagnostics import Diagnostic, Source, Span

_CHECKED: Final = object()
_ORDERED: Final = (Kind.NUMBER, Kind.TEXT, Kind.LIST, Kind.TUPLE, Kind.SET)
_COMPARABLE: Final = (*_ORDERED, Kind.NONE, Kind.DICT)
_INDEXED: Final = Kind.TEXT | Kind.LIST | Kind.TUPLE
_KEYED: Final = Kind.DICT | Kind.HEADERS
_CONTAINERS: Final = Kind.TEXT | Kind.LIST | Kind.TUPLE | Kind.SET | Kind.DICT | Kind.HEADERS
_ORDERING: Final = frozenset({Comparator.LESS, Comparator.LESS_EQUAL, Comparator.GREATER, Comparator.GREATER_EQUAL})


@dataclass(frozen=True, slots=True)
class CheckedCondition:
    """A tree that the checker has accepted: the only thing that the later stages take.

    ``kind`` is what its value can be. Only `check` makes one; the constructor refuses everybody else.

    Raises:
        TypeError: If anybody but `check` calls the constructor.
    """

    source: Source
    root: Node
    kind: Kind
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _CHECKED:
            raise TypeError("only the checker makes a CheckedCondition")


def check(source: Source, root: Node) -> tuple[CheckedCondition | None, list[Diagnostic]]:
    """The checked condition, or None, and everything that was found, warnings included.

    Takes any tree that the parser can make, however deep. Thread-safe.
    """
    faults = out_of_bounds(source, root)
    if faults:
        return None, faults
    checker = _Checker(source)
    kind = checker.value(root)
    if checker.errors:
        return None, checker.errors + checker.warnings
    return CheckedCondition(source, root, kind, _CHECKED), checker.warnings


def request_attribute(node: Node) -> str | None:
    """The attribute of `Request` that a checked node reads: ``json`` for ``request.json()``, None for other nodes."""
    target = node.function if isinstance(node, Call) else node
    if isinstance(target, Attribute) and _is_request(target.value):
        return vocabulary.REQUEST_ATTRIBUTES[target.name].reads
    return None


class _Checker:
    """Infers what each node can be, and collects what can never work."""

    def __init__(self, source: Source) -> None:
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self._source = source

    def value(self, node: Node) -> Kind:
        """The kinds of a node that stands where a value must stand."""
        kind = self._kind(node)
        if kind is Kind.HEADERS:
            text = unparse(node)
            hint = f"read one value of it, as in `{text}['name']`, or ask `'name' in {text}`"
            self.errors.append(meaning.not_a_value(self._source, node.span, text, hint))
            return Kind.UNKNOWN
        return kind

    def _kind(self, node: Node) -> Kind:
        """The kinds of a node, one of the request's mappings included."""
        match node:
            case Constant(value=value):
                return kind_of(value)
            case Name():
                return self._name(node)
            case Attribute():
                return self._attribute(node)
            case Subscript():
                return self._subscript(node)
            case Call():
                return self._call(node)
            case Negative(operand=operand):
                return self._negative(node, self.value(operand))
            case Not(operand=operand):
                self.value(operand)
                return Kind.BOOL
            case Compare():
                return self._compare(node)
            case Junction(operands=operands):
                kinds = [self.value(operand) for operand in operands]
                union = kinds[0]
                for kind in kinds[1:]:
                    union |= kind
                return union
            case Display():
                return self._display(node)
            case _:
                assert_never(node)

    # ---- names, attributes, calls ----------------------------------------------------------------------------------

    def _name(self, node: Name) -> Kind:
        if node.name == vocabulary.REQUEST:
            hint = "read one of its attributes, as in `request.json` or `request.method`"
            self.errors.append(meaning.not_a_value(self._source, node.span, node.name, hint))
        elif node.name in vocabulary.FUNCTIONS:
            signature = vocabulary.FUNCTIONS[node.name]
            self.errors.append(meaning.not_called(self._source, node.span, node.name, signature))
        else:
            self.errors.append(meaning.unknown_name(self._source, node.span, node.name))
        return Kind.UNKNOWN

    def _attribute(self, node: Attribute) -> Kind:
        """An attribute that is not called."""
        if _is_request(node.value):
            attribute = vocabulary.REQUEST_ATTRIBUTES.get(node.name)
            if attribute is None:
                self.errors.append(meaning.unknown_attribute(self._source, node.name_span, node.name))
                return Kind.UNKNOWN
            if not attribute.bare:
                signature = Signature(attribute.kind)
                self.errors.append(meaning.not_called(self._source, node.name_span, node.name, signature))
            return attribute.kind
        owner = self._kind(node.value)
        if owner & Kind.WRONG:
            return owner
        if node.name in vocabulary.REFUSED_METHODS and owner & Kind.TEXT:
            self.errors.append(meaning.refused_method(self._source, node.name_span, node.name))
        elif node.name in vocabulary.METHODS:
            signature = vocabulary.METHODS[node.name]
            self.errors.append(meaning.not_called(self._source, node.name_span, node.name, signature))
        elif owner & _KEYED:
            self.errors.append(meaning.attribute_of_json(self._source, node.name_span, node.name))
        else:
            self.errors.append(meaning.unknown_method(self._source, node.name_span, node.name, owner))
        return Kind.ANY

    def _call(self, node: Call) -> Kind:
        match node.function:
            case Name(name=name) if name != vocabulary.REQUEST:
                signature = vocabulary.FUNCTIONS.get(name)
                if signature is None:
                    self.errors.append(meaning.unknown_function(self._source, node.function.span, name))
                    return self._arguments_only(node)
                return self._signature(node, name, signature)
            case Attribute(value=owner) as attribute if _is_request(owner):
                return self._request_call(node, attribute)
            case Attribute() as attribute:
                return self._method(node, attribute)
            case function:
                if not _is_request(function):
                    self.value(function)
                self.errors.append(meaning.not_callable(self._source, function.span, "this"))
                return self._arguments_only(node)

    def _request_call(self, node: Call, function: Attribute) -> Kind:
        attribute = vocabulary.REQUEST_ATTRIBUTES.get(function.name)
        if attribute is None:
            self.errors.append(meaning.unknown_attribute(self._source, function.name_span, function.name))
            return self._arguments_only(node)
        if not attribute.called:
            what = f"`request.{function.name}`"
            self.errors.append(meaning.not_callable(self._source, function.span, what))
            return self._arguments_only(node)
        return self._signature(node, function.name, Signature(attribute.kind))

    def _method(self, node: Call, function: Attribute) -> Kind:
        owner, name = self._kind(function.value), function.name
        if owner & Kind.WRONG:
            return self._arguments_only(node)
        signature = vocabulary.METHODS.get(name)
        if signature is None:
            refused = name in vocabulary.REFUSED_METHODS and owner & Kind.TEXT
            self.errors.append(
                meaning.refused_method(self._source, function.name_span, name)
                if refused
                else meaning.unknown_method(self._source, function.name_span, name, owner)
            )
            return self._arguments_only(node)
        if not signature.owner & owner:
            self.errors.append(meaning.wrong_owner(self._source, function.name_span, name, signature.owner, owner))
            return self._arguments_only(node)
        if owner is Kind.HEADERS:
            # A mapping of the request holds text only, and its keys are text.
            fallback = Kind.NONE
            kinds = self._checked_arguments(node, name, Signature(Kind.TEXT, (Kind.TEXT, Kind.ANY), 1))
            if len(kinds) > 1:
                fallback = kinds[1]
            return Kind.TEXT | fallback
        return self._signature(node, name, signature)

    def _signature(self, node: Call, name: str, signature: Signature) -> Kind:
        self._checked_arguments(node, name, signature)
        return signature.result

    def _checked_arguments(self, node: Call, name: str, signature: Signature) -> list[Kind]:
        """The kinds of the arguments, each held against its parameter."""
        most, got = len(signature.parameters), len(node.arguments)
        if not signature.required <= got <= most:
            span = node.span if got < signature.required else node.arguments[most].span
            self.errors.append(
                meaning.wrong_arity(self._source, span, name, fewest=signature.required, most=most, got=got)
            )
        kinds = []
        for position, argument in enumerate(node.arguments):
            expected = signature.parameters[position] if position < most else Kind.ANY
            kind = self._kind(argument) if expected & Kind.HEADERS else self.value(argument)
            if not kind & expected:
                self.errors.append(meaning.wrong_argument(self._source, argument.span, name, expected, kind))
            kinds.append(kind)
        return kinds

    def _arguments_only(self, node: Call) -> Kind:
        """Of a call that is wrong already, the arguments are still read for their own faults."""
        for argument in node.arguments:
            self._kind(argument)
        return Kind.UNKNOWN

    # ---- operators ---------------------------------------------------------------------------------------------------

    def _subscript(self, node: Subscript) -> Kind:
        if _is_request(node.value):
            hint = "read one of its attributes, as in `request.json`"
            self.errors.append(meaning.not_a_value(self._source, node.value.span, vocabulary.REQUEST, hint))
            self.value(node.index)
            return Kind.UNKNOWN
        owner, index = self._kind(node.value), self.value(node.index)
        if not owner & (_INDEXED | _KEYED):
            self.errors.append(meaning.not_subscriptable(self._source, node.value.span, owner))
        elif not ((owner & _INDEXED and index & Kind.INDEX) or (owner & _KEYED and index & Kind.TEXT)):
            self.errors.append(meaning.wrong_index(self._source, node.index.span, owner, index))
        if owner & Kind.WRONG:
            return owner
        return Kind.TEXT if owner in Kind.TEXT | Kind.HEADERS else Kind.ANY

    def _negative(self, node: Negative, operand: Kind) -> Kind:
        if not operand & Kind.NUMBER:
            self.errors.append(meaning.not_a_number(self._source, node.operand.span, operand))
            return Kind.UNKNOWN
        return (Kind.FLOAT if operand & Kind.FLOAT else Kind(0)) | (Kind.INT if operand & Kind.INDEX else Kind(0))

    def _compare(self, node: Compare) -> Kind:
        left = self.value(node.operands[0])
        for position, comparator in enumerate(node.comparators):
            operand = node.operands[position + 1]
            # A mapping may only stand at the very end: in a chain, what follows would compare the mapping itself.
            holds = comparator in {Comparator.IN, Comparator.NOT_IN} and position == len(node.comparators) - 1
            right = self._kind(operand) if holds else self.value(operand)
            self._pair(node, position, left, right)
            left = right
        return Kind.BOOL

    def _pair(self, node: Compare, position: int, left: Kind, right: Kind) -> None:
        comparator, first, second = node.comparators[position], node.operands[position], node.operands[position + 1]
        source, both = self._source, _joined(first, second)
        match comparator:
            case Comparator.IS | Comparator.IS_NOT:
                if not (isinstance(second, Constant) and second.value is None):
                    self.errors.append(meaning.is_not_none(source, both))
                elif not left & Kind.NONE:
                    self.errors.append(meaning.never_none(source, first.span, left))
            case Comparator.IN | Comparator.NOT_IN:
                if not right & _CONTAINERS:
                    self.errors.append(meaning.not_a_container(source, second.span, right))
                elif not _can_be_in(left, right):
                    self.errors.append(meaning.never_in(source, first.span, left, right))
            case _ if comparator in _ORDERING:
                if not any(left & group and right & group for group in _ORDERED):
                    self.errors.append(meaning.unordered(source, both, comparator, left, right))
            case _:
                if not any(left & group and right & group for group in _COMPARABLE):
                    self.warnings.append(meaning.never_equal(source, both, left, right))

    def _display(self, node: Display) -> Kind:
        for element in node.elements:
            self.value(element)
            if node.bracket is Bracket.SET and not _is_hashable(element):
                self.errors.append(meaning.not_constant_set(self._source, element.span))
        return {Bracket.LIST: Kind.LIST, Bracket.TUPLE: Kind.TUPLE, Bracket.SET: Kind.SET}[node.bracket]


def _can_be_in(left: Kind, right: Kind) -> bool:
    """Whether one may be in the other: text and mappings hold text, sets and the keys of objects nothing mutable."""
    if right in Kind.TEXT | Kind.HEADERS:
        return bool(left & Kind.TEXT)
    return right not in Kind.SET | Kind.DICT or left not in Kind.LIST | Kind.DICT


def _joined(first: Node, second: Node) -> Span:
    return Span(first.span.start, second.span.end)


def _is_request(node: Node) -> bool:
    return isinstance(node, Name) and node.name == vocabulary.REQUEST


def _is_hashable(node: Node) -> bool:
    if isinstance(node, Display):
        return node.bracket is Bracket.TUPLE and all(_is_hashable(element) for element in node.elements)
    return is_constant(node)
