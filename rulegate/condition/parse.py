"""Turns a text into nodes by the grammar's tables, or says where it leaves the grammar."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from rulegate.condition import tables, vocabulary
from rulegate.condition.build import MAKERS
from rulegate.condition.messages import size, syntax
from rulegate.condition.nodes import Node
from rulegate.condition.scan import Lexeme, Terminals, scan
from rulegate.diagnostics import Diagnostic, Source, Span

_VALUES: Final = frozenset({"NAME", "TEXT", "INTEGER", "DECIMAL", "TRUE", "FALSE", "NONE"})
_END: Final = "$END"
_TERMINALS: Final = Terminals(tables.SPELLINGS, tuple((name, re.compile(text)) for name, text in tables.PATTERNS))


def parse(source: Source) -> tuple[Node | None, list[Diagnostic]]:
    """The tree of a condition, or None and what is wrong with its text.

    Of faults in characters and brackets all are reported; of faults in the order of tokens the first. Takes any text;
    its length and brackets are bounded before the parser sees it. Thread-safe.
    """
    end = len(source.text)
    if end > vocabulary.MAX_LENGTH:
        return None, [size.too_long(source, Span(vocabulary.MAX_LENGTH, end))]
    lexemes, faults = scan(source, _TERMINALS)
    if faults:
        return None, faults
    if not lexemes:
        return None, [syntax.empty(source, Span(0, end))]
    reading = _Reading()
    for position, lexeme in enumerate(lexemes):
        if not reading.take(lexeme):
            return None, [_misplaced(source, lexemes[:position], lexeme, else_fits=reading.fits("ELSE"))]
    if reading.take(Lexeme(_END, "", end, end)):
        return reading.result, []
    says = syntax.missing_else if reading.fits("ELSE") else syntax.ends_early
    return None, [says(source, Span(end, end))]


class _Reading:
    """One run over the tokens of a text, by the tables of an LALR(1) parser."""

    def __init__(self) -> None:
        self._states = [tables.FIRST]
        self._parts: list[Any] = []

    @property
    def result(self) -> Node:
        """The tree, once the end was taken."""
        return cast(Node, self._parts[0])

    def take(self, lexeme: Lexeme) -> bool:
        """Reads one more token; False if it cannot stand here, and then the reading is over."""
        states, parts, terminal = self._states, self._parts, lexeme.terminal
        while states[-1] != tables.LAST:
            action = tables.ACTIONS[states[-1]].get(terminal)
            if action is None:
                return False
            if action >= 0:
                states.append(action)
                parts.append(lexeme)
                return True
            left, length, maker = tables.RULES[~action]
            if maker:
                inner = parts[-length:]
                if list in map(type, inner):
                    inner = _spliced(inner)
                del parts[-length:]
                parts.append(MAKERS[maker](*inner))
            elif length > 1:
                parts[-length:] = [_spliced(parts[-length:])]
            del states[-length:]
            states.append(tables.GOTOS[states[-1]][left])
        return True

    def fits(self, terminal: str) -> bool:
        """Whether a terminal could stand where the reading has stopped."""
        states = self._states.copy()
        while (action := tables.ACTIONS[states[-1]].get(terminal)) is not None and action < 0:
            left, length, _ = tables.RULES[~action]
            del states[-length:]
            states.append(tables.GOTOS[states[-1]][left])
        return action is not None


def _spliced(parts: list[Any]) -> list[Any]:
    """The parts, with those of rules that have no node of their own in place of these rules."""
    flat: list[Any] = []
    for part in parts:
        if type(part) is list:
            flat += part
        else:
            flat.append(part)
    return flat


def _misplaced(source: Source, before: list[Lexeme], lexeme: Lexeme, *, else_fits: bool) -> Diagnostic:
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
    if else_fits and after_value:
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
