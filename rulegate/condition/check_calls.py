"""Finds what is wrong with names, attributes, calls and generators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.check_operators import ORDERED
from rulegate.condition.findings import Findings, is_external, is_patterns, is_request
from rulegate.condition.messages import literals, meaning, syntax
from rulegate.condition.nodes import Attribute, Call, Display, Generator, Keyword, Name, Node
from rulegate.condition.prepare import UnfitLiteralError, prepare
from rulegate.condition.vocabulary import Kind, Literal, Signature

_KEYED: Final = Kind.DICT | Kind.HEADERS
_MAPPINGS: Final = Kind.HEADERS | Kind.VIEW
_GET_TEXT: Final = Signature(Kind.TEXT, (Kind.TEXT, Kind.ANY), 1)
"""``get`` of a mapping of the request, which holds text only, and whose keys are text."""


class Calls(Findings):
    """The part of the checker that knows names and what can be called."""

    def _name(self, node: Name) -> Kind:
        if node.name in self.bound:
            return self.bound[node.name]
        if node.name == vocabulary.REQUEST:
            hint = "read one of its attributes, as in `request.json` or `request.method`"
            self.errors.append(meaning.not_a_value(self.source, node.span, node.name, hint))
        elif node.name == vocabulary.PATTERNS:
            hint = "call one of its functions, as in `re.search(r'[0-9]', request.path)`"
            self.errors.append(meaning.not_a_value(self.source, node.span, node.name, hint))
        elif node.name in vocabulary.FUNCTIONS:
            signature = vocabulary.FUNCTIONS[node.name]
            self.errors.append(meaning.not_called(self.source, node.span, node.name, signature))
        elif is_external(node):
            self._misused(node, node)
        else:
            has_services = bool(self.services)
            self.errors.append(meaning.unknown_name(self.source, node.span, node.name, has_services=has_services))
        return Kind.UNKNOWN

    def _misused(self, external: Node, whole: Node) -> Kind:
        """``external`` stands where no name of a service follows in brackets; ``whole`` is it with what does."""
        if not self.services:
            self.errors.append(literals.no_services(self.source, external.span))
        else:
            name = whole.name if isinstance(whole, Attribute) else ""
            meant = name if name in self.services else min(self.services)
            self.errors.append(literals.not_by_name(self.source, whole.span, meant))
        return Kind.UNKNOWN

    def _attribute(self, node: Attribute) -> Kind:
        """An attribute that is not called."""
        if is_request(node.value):
            attribute = vocabulary.REQUEST_ATTRIBUTES.get(node.name)
            if attribute is None:
                self.errors.append(meaning.unknown_attribute(self.source, node.name_span, node.name))
                return Kind.UNKNOWN
            if not attribute.bare:
                signature = Signature(attribute.kind)
                self.errors.append(meaning.not_called(self.source, node.name_span, node.name, signature))
            return attribute.kind
        if is_external(node.value):
            return self._misused(node.value, node)
        if is_patterns(node.value):
            pattern_function = vocabulary.PATTERN_FUNCTIONS.get(node.name)
            self.errors.append(
                meaning.unknown_pattern_function(self.source, node.name_span, node.name)
                if pattern_function is None
                else meaning.not_called(self.source, node.name_span, node.name, pattern_function)
            )
            return Kind.UNKNOWN
        owner = self.kind(node.value)
        if owner & Kind.WRONG:
            return owner
        if node.name in vocabulary.REFUSED_METHODS and owner & Kind.TEXT:
            self.errors.append(meaning.refused_method(self.source, node.name_span, node.name))
        elif node.name in vocabulary.METHODS:
            method = vocabulary.METHODS[node.name]
            self.errors.append(meaning.not_called(self.source, node.name_span, node.name, method))
        elif owner & _KEYED:
            self.errors.append(meaning.attribute_of_json(self.source, node.name_span, node.name))
        else:
            self.errors.append(meaning.unknown_method(self.source, node.name_span, node.name, owner))
        return Kind.ANY

    def _call(self, node: Call) -> Kind:
        match node.function:
            case Attribute(value=owner) | owner if is_external(owner):
                self._misused(owner, node.function)
                return self._arguments_only(node)
            case Name(name=name) if name not in self.bound and name not in {vocabulary.REQUEST, vocabulary.PATTERNS}:
                signature = vocabulary.FUNCTIONS.get(name)
                if signature is None:
                    self.errors.append(meaning.unknown_function(self.source, node.function.span, name))
                    return self._arguments_only(node)
                return self._function(node, name, signature)
            case Attribute(value=owner) as attribute if is_request(owner):
                return self._request_call(node, attribute)
            case Attribute(value=owner, name=name) as attribute if is_patterns(owner):
                pattern_function = vocabulary.PATTERN_FUNCTIONS.get(name)
                if pattern_function is None:
                    self.errors.append(meaning.unknown_pattern_function(self.source, attribute.name_span, name))
                    return self._arguments_only(node)
                return self._function(node, f"re.{name}", pattern_function)
            case Attribute() as attribute:
                return self._method(node, attribute)
            case function:
                if not is_request(function) and not is_patterns(function):
                    self.value(function)
                self.errors.append(meaning.not_callable(self.source, function.span, "this"))
                return self._arguments_only(node)

    def _request_call(self, node: Call, function: Attribute) -> Kind:
        attribute = vocabulary.REQUEST_ATTRIBUTES.get(function.name)
        if attribute is None:
            self.errors.append(meaning.unknown_attribute(self.source, function.name_span, function.name))
            return self._arguments_only(node)
        if not attribute.called:
            what = f"`request.{function.name}`"
            self.errors.append(meaning.not_callable(self.source, function.span, what))
            return self._arguments_only(node)
        return self._function(node, function.name, Signature(attribute.kind))

    def _method(self, node: Call, function: Attribute) -> Kind:
        owner, name = self.kind(function.value), function.name
        if owner & Kind.WRONG:
            return self._arguments_only(node)
        signature = vocabulary.METHODS.get(name)
        if signature is None:
            refused = name in vocabulary.REFUSED_METHODS and owner & Kind.TEXT
            self.errors.append(
                meaning.refused_method(self.source, function.name_span, name)
                if refused
                else meaning.unknown_method(self.source, function.name_span, name, owner)
            )
            return self._arguments_only(node)
        if not signature.owner & owner:
            self.errors.append(meaning.wrong_owner(self.source, function.name_span, name, signature.owner, owner))
            return self._arguments_only(node)
        if owner is Kind.HEADERS and name == "get":
            kinds = self._arguments(node, name, _GET_TEXT)
            return Kind.TEXT | (kinds[1] if len(kinds) > 1 else Kind.NONE)
        return self._function(node, name, signature)

    def _function(self, node: Call, name: str, signature: Signature) -> Kind:
        match node.arguments:
            case (Generator() as generator,) if signature.loops:
                element = self.kind(generator)
                if name == "sum" and not element & Kind.NUMBER:
                    self.errors.append(
                        meaning.wrong_argument(self.source, generator.element.span, name, Kind.INT, element)
                    )
                return element if signature.repeated else signature.result
        kinds = self._arguments(node, name, signature)
        if signature.repeated and len(kinds) > 1:
            return self._extreme(node, name, kinds)
        return signature.result

    def _extreme(self, node: Call, name: str, kinds: list[Kind]) -> Kind:
        """What ``min`` and ``max`` of several values can be; each must be comparable with the first."""
        union = kinds[0]
        for position, kind in enumerate(kinds[1:], 1):
            if not any(kinds[0] & group and kind & group for group in ORDERED):
                span = node.arguments[position].span
                self.errors.append(meaning.unordered(self.source, span, name, kinds[0], kind))
            union |= kind
        return union

    def _arguments(self, node: Call, name: str, signature: Signature) -> list[Kind]:
        """The kinds of the arguments, each held against its parameter."""
        most = vocabulary.MAX_NODES if signature.repeated else len(signature.parameters)
        got = len(node.arguments)
        if not signature.required <= got <= most:
            span = node.span if got < signature.required else node.arguments[most].span
            self.errors.append(
                meaning.wrong_arity(self.source, span, name, fewest=signature.required, most=most, got=got)
            )
        kinds = []
        for position, argument in enumerate(node.arguments):
            if isinstance(argument, Keyword) and not self._is_last_keyword(node, position, signature):
                self.errors.append(syntax.keyword_argument(self.source, argument.span))
                kinds.append(self.kind(argument))
                continue
            expected: Kind | Literal = Kind.UNKNOWN
            if position < most:
                expected = signature.parameters[min(position, len(signature.parameters) - 1)]
            if signature.repeated and got == 1:
                expected = vocabulary.ITERABLE
            kinds.append(self._argument(argument, name, expected))
        return kinds

    def _is_last_keyword(self, node: Call, position: int, signature: Signature) -> bool:
        argument = node.arguments[position]
        is_last = position == len(node.arguments) - 1 == len(signature.parameters) - 1
        return isinstance(argument, Keyword) and argument.name == signature.keyword and is_last

    def _argument(self, argument: Node, name: str, expected: Kind | Literal) -> Kind:
        node = argument.value if isinstance(argument, Keyword) else argument
        if isinstance(expected, Literal):
            try:
                self.prepared[node.span] = prepare(expected, self.source, name, node)
            except UnfitLiteralError as error:
                self.errors.append(error.diagnostic)
            return Kind.UNKNOWN
        if isinstance(node, Generator):
            self.errors.append(meaning.misplaced_generator(self.source, node.span, name))
            return self.kind(node)
        kind = self.kind(node) if expected & _MAPPINGS else self.value(node)
        if not kind & expected:
            self.errors.append(meaning.wrong_argument(self.source, node.span, name, expected, kind))
        return kind

    def _arguments_only(self, node: Call) -> Kind:
        """Of a call that is wrong already, the arguments are still read for their own faults."""
        for argument in node.arguments:
            self.kind(argument)
        return Kind.UNKNOWN

    # ---- generators ------------------------------------------------------------------------------------------------

    def _generator(self, node: Generator) -> Kind:
        """The kinds of its elements."""
        iterable = self.kind(node.iterable)
        if iterable is Kind.HEADERS or not iterable & vocabulary.ITERABLE:
            self.errors.append(meaning.not_iterable(self.source, node.iterable.span, iterable))
        for name in _targets(node.target):
            if name.name in vocabulary.RESERVED:
                self.errors.append(meaning.name_taken(self.source, name.span, name.name))
        each = Kind.TEXT if iterable in Kind.TEXT | Kind.DICT else Kind.ANY
        if iterable & Kind.WRONG:
            each = Kind.UNKNOWN
        elif isinstance(node.target, Display):
            each = Kind.ANY
        with self.binding({name.name: each for name in _targets(node.target)}):
            for condition in node.conditions:
                self.value(condition)
            return self.value(node.element)


def _targets(target: Name | Display) -> Iterator[Name]:
    if isinstance(target, Name):
        yield target
    else:
        for element in target.elements:
            if isinstance(element, Name | Display):
                yield from _targets(element)
