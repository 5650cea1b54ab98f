"""Turns a text into nodes by the grammar, or says where it leaves the grammar."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedToken
from lark.lexer import PatternStr
from lark.parsers.lalr_interactive_parser import InteractiveParser

from rulegate.condition import vocabulary
from rulegate.condition.literals import decode
from rulegate.condition.messages import syntax
from rulegate.condition.nodes import (
    Arithmetic,
    Attribute,
    Binary,
    Bracket,
    Call,
    Comparator,
    Compare,
    Conditional,
    Connective,
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
from rulegate.condition.scan import Lexeme, Terminals, scan
from rulegate.diagnostics import Diagnostic, Source, Span

_VALUES: Final = frozenset({"NAME", "TEXT", "INTEGER", "DECIMAL", "TRUE", "FALSE", "NONE"})
_END: Final = "$END"
_Part = Token | Node


def parse(source: Source) -> tuple[Node | None, list[Diagnostic]]:
    """The tree of a condition, or None and what is wrong with its text.

    Of faults in characters and brackets all are reported; of faults in the order of tokens the first. Takes any text;
    its length and brackets are bounded before the parser sees it. Thread-safe.
    """
    end = len(source.text)
    if end > vocabulary.MAX_LENGTH:
        return None, [syntax.too_long(source, Span(vocabulary.MAX_LENGTH, end))]
    grammar, terminals = _load()
    lexemes, faults = scan(source, terminals)
    if faults:
        return None, faults
    if not lexemes:
        return None, [syntax.empty(source, Span(0, end))]
    parser = grammar.parse_interactive()
    last = Token(_END, "", end, end_pos=end)
    for position, lexeme in enumerate(lexemes):
        token = Token(lexeme.terminal, lexeme.text, lexeme.start, end_pos=lexeme.end)
        try:
            parser.feed_token(token)
        except UnexpectedToken:
            return None, [_misplaced(source, lexemes[:position], lexeme, _expected(parser))]
    try:
        return cast(Node, parser.feed_token(last)), []
    except UnexpectedToken:
        says = syntax.missing_else if "ELSE" in _expected(parser) else syntax.ends_early
        return None, [says(source, Span(end, end))]


def _expected(parser: InteractiveParser) -> set[str]:
    """The names of the terminals that could stand next."""
    return parser.accepts()  # type: ignore[no-any-return, no-untyped-call]  # Lark leaves it without types


def _misplaced(source: Source, before: list[Lexeme], lexeme: Lexeme, expected: set[str]) -> Diagnostic:
    """The diagnostic for a token that cannot stand where it stands, by what stands before it."""
    previous = before[-1] if before else None
    after_value = _ends_value(previous)
    if previous is not None and previous.text == "not" and len(before) > 1 and _ends_value(before[-2]):
        return syntax.lonely_not(source, previous.span)
    if previous is not None and previous.terminal == lexeme.terminal == "TEXT":
        return syntax.adjacent_texts(source, Span(previous.start, lexeme.end))
    if previous is not None and previous.text == "{" and lexeme.text == "}":
        return syntax.dict_display(source, Span(previous.start, lexeme.end))
    if lexeme.text == "for":
        return syntax.misplaced_generator(source, lexeme.span)
    if lexeme.text == ":":
        in_braces = _innermost(before) == "{"
        return (syntax.dict_display if in_braces else syntax.stray_colon)(source, lexeme.span)
    if "ELSE" in expected and after_value:
        return syntax.missing_else(source, lexeme.span)
    if after_value and lexeme.text == ",":
        return syntax.bare_tuple(source, lexeme.span)
    if after_value:
        return syntax.missing_operator(source, lexeme.span)
    return syntax.unexpected(source, lexeme.span)


def _innermost(lexemes: list[Lexeme]) -> str:
    """The innermost bracket that is still open, or ``""``."""
    depth = 0
    for lexeme in reversed(lexemes):
        depth += (lexeme.text in {")", "]", "}"}) - (lexeme.text in {"(", "[", "{"})
        if depth < 0:
            return lexeme.text
    return ""


def _ends_value(lexeme: Lexeme | None) -> bool:
    return lexeme is not None and (lexeme.terminal in _VALUES or lexeme.text in {")", "]", "}"})


@functools.cache
def _load() -> tuple[Lark, Terminals]:
    # Two threads that ask first at the same time may both build it; the two are equal and never change.
    grammar = Lark(
        _grammar_text(),
        parser="lalr",
        lexer="basic",  # never runs: the scanner makes the tokens, from the terminals of the grammar
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=_ToNodes(),
    )
    spellings = {t.pattern.value: t.name for t in grammar.terminals if isinstance(t.pattern, PatternStr)}
    patterns = [
        (t.name, re.compile(t.pattern.to_regexp())) for t in grammar.terminals if not isinstance(t.pattern, PatternStr)
    ]
    return grammar, Terminals(MappingProxyType(spellings), tuple(patterns))


def _grammar_text() -> str:
    """The one grammar file: inside an installed package, beside the package in a checkout."""
    shipped = resources.files("rulegate") / "grammar" / "condition.lark"
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    checkout = Path(__file__).resolve().parents[2] / "grammar" / "condition.lark"
    return checkout.read_text(encoding="utf-8")


@v_args(inline=True)
class _ToNodes(Transformer[Token, Node]):
    """Makes the node of each rule; all tokens of a rule arrive, so that brackets can widen spans."""

    def start(self, node: Node) -> Node:
        return node

    def name(self, token: Token) -> Node:
        return Name(_at(token), str(token))

    def text(self, token: Token) -> Node:
        return Constant(_at(token), decode(str(token)))

    def integer(self, token: Token) -> Node:
        return Constant(_at(token), int(token))

    def decimal(self, token: Token) -> Node:
        return Constant(_at(token), float(token))

    def true(self, token: Token) -> Node:
        return Constant(_at(token), True)

    def false(self, token: Token) -> Node:
        return Constant(_at(token), False)

    def none(self, token: Token) -> Node:
        return Constant(_at(token), None)

    def group(self, opening: Token, node: Node, closing: Token) -> Node:
        # Brackets leave no node behind, but they belong to the place of what they enclose.
        return replace(node, span=_between(opening, closing))

    def attribute(self, value: Node, _dot: Token, name: Token) -> Node:
        return Attribute(_between(value, name), value, str(name), _at(name))

    def subscript(self, value: Node, _opening: Token, index: Node, closing: Token) -> Node:
        return Subscript(_between(value, closing), value, index)

    def slice(self, *parts: Token | Node) -> Node:
        bounds: list[Node | None] = [None, None, None]
        position = 0
        for part in parts:
            if isinstance(part, Token):
                position += 1
            else:
                bounds[position] = part
        return Slice(_between(parts[0], parts[-1]), *bounds)

    def call(self, function: Node, _opening: Token, *rest: Token | tuple[Node, ...]) -> Node:
        return Call(_between(function, _closing(rest)), function, _elements(rest))

    def generator_call(self, function: Node, _opening: Token, generator: Node, closing: Token) -> Node:
        return Call(_between(function, closing), function, (generator,))

    def arguments(self, *parts: Token | Node) -> tuple[Node, ...]:
        return _without_tokens(parts)

    def keyword(self, name: Token, _equals: Token, value: Node) -> Node:
        return Keyword(_between(name, value), str(name), value)

    def generator(self, element: Node, _for: Token, target: Node, _in: Token, *parts: Token | Node) -> Node:
        iterable, *conditions = _without_tokens(parts)
        span = _between(element, [iterable, *conditions][-1])
        return Generator(span, element, cast(Name | Display, target), iterable, tuple(conditions))

    def targets(self, *parts: Token | Node) -> Node:
        names = tuple(
            Name(_at(part), str(part)) if isinstance(part, Token) else part
            for part in parts
            if not isinstance(part, Token) or part.type == "NAME"
        )
        # One name without a comma is that name; with a comma it is a tuple of one.
        return names[0] if len(parts) == 1 else Display(_between(parts[0], parts[-1]), Bracket.TUPLE, names)

    def target_group(self, opening: Token, target: Node, closing: Token) -> Node:
        return replace(target, span=_between(opening, closing))

    def empty_display(self, opening: Token, closing: Token) -> Node:
        return Display(_between(opening, closing), Bracket.TUPLE, ())

    def tuple_display(self, opening: Token, first: Node, *rest: Token | tuple[Node, ...]) -> Node:
        return Display(_between(opening, _closing(rest)), Bracket.TUPLE, (first, *_elements(rest)))

    def list_display(self, opening: Token, *rest: Token | tuple[Node, ...]) -> Node:
        return Display(_between(opening, _closing(rest)), Bracket.LIST, _elements(rest))

    def set_display(self, opening: Token, *rest: Token | tuple[Node, ...]) -> Node:
        return Display(_between(opening, _closing(rest)), Bracket.SET, _elements(rest))

    def elements(self, *parts: Token | Node) -> tuple[Node, ...]:
        return _without_tokens(parts)

    def binary(self, left: Node, operator: Token, right: Node) -> Node:
        return Binary(_between(left, right), Arithmetic(operator), left, right)

    def conditional(self, value: Node, _if: Token, test: Node, _else: Token, otherwise: Node) -> Node:
        return Conditional(_between(value, otherwise), value, test, otherwise)

    def negative(self, minus: Token, operand: Node) -> Node:
        return Negative(_between(minus, operand), operand)

    def negation(self, word: Token, operand: Node) -> Node:
        return Not(_between(word, operand), operand)

    def comparator(self, *words: Token) -> Comparator:
        return Comparator(" ".join(words))

    def comparison(self, *parts: Node | Comparator) -> Node:
        operands = tuple(part for part in parts if not isinstance(part, Comparator))
        comparators = tuple(part for part in parts if isinstance(part, Comparator))
        return Compare(_between(operands[0], operands[-1]), operands, comparators)

    def and_test(self, *parts: Token | Node) -> Node:
        return _junction(Connective.AND, parts)

    def or_test(self, *parts: Token | Node) -> Node:
        return _junction(Connective.OR, parts)


def _junction(connective: Connective, parts: tuple[Token | Node, ...]) -> Node:
    operands = _without_tokens(parts)
    return Junction(_between(operands[0], operands[-1]), connective, operands)


def _without_tokens(parts: tuple[Token | Node, ...]) -> tuple[Node, ...]:
    return tuple(part for part in parts if not isinstance(part, Token))


def _at(token: Token) -> Span:
    return Span(token.start_pos or 0, token.end_pos or 0)


def _between(first: _Part, last: _Part) -> Span:
    """From the beginning of one part to the end of another."""
    begin = first.start_pos if isinstance(first, Token) else first.span.start
    end = last.end_pos if isinstance(last, Token) else last.span.end
    return Span(begin or 0, end or 0)


def _closing(parts: tuple[Token | tuple[Node, ...], ...]) -> Token:
    """The closing bracket, which is always last."""
    return cast(Token, parts[-1])


def _elements(parts: tuple[Token | tuple[Node, ...], ...]) -> tuple[Node, ...]:
    """The elements between two brackets, which the grammar leaves out where there are none."""
    return next((part for part in parts if isinstance(part, tuple)), ())
