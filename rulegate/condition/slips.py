"""Tells what an author meant by characters that are no part of the language."""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from rulegate.condition.literals import is_hidden, literal_faults
from rulegate.condition.messages import syntax
from rulegate.diagnostics import Diagnostic, Source, Span

_CURLY_QUOTES: Final = "‘’‚‛“”„‟′″`´«»‹›＇＂"

_FOREIGN_OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {"&&": "and", "||": "or", "!": "not", "===": "==", "!==": "!=", "<>": "!="}
)
_ABSENT_OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "**": "write the number itself",
        **dict.fromkeys(("<<", ">>", "~", "^"), "compare the values as they are"),
        "&": "did you mean `and`?",
        "|": "did you mean `or`?",
        "@": "compare the values as they are",
        "->": "compare the values as they are",
        ";": "write one expression; join several with `and` or `or`",
    }
)
_ABSENT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lambda": "write the expression itself",
    }
)


def find(source: Source, kind: str, lexeme: str, span: Span) -> Iterator[Diagnostic]:
    """What is wrong with one lexeme; its kind is the name of the scanner's group that it matched."""
    match kind:
        case "triple":
            yield syntax.triple_quotes(source, span)
        case "unclosed":
            yield syntax.missing_quote(source, span)
        case "text":
            yield from literal_faults(source, span)
        case "number":
            yield from _in_number(source, lexeme, span)
        case "word":
            yield from _in_word(source, lexeme, span)
        case _:
            yield _in_operator(source, lexeme, span)


def _in_number(source: Source, number: str, span: Span) -> Iterator[Diagnostic]:
    try:
        value = float(number) if number.isascii() and "_" not in number else None
    except ValueError:
        value = None
    plain = number.isascii() and number.isdigit()
    if plain and number[0] != "0":
        yield syntax.integer_too_large(source, span)
    elif plain or value is None:
        yield syntax.bad_number(source, span)
    elif value == float("inf"):
        yield syntax.infinite_number(source, span)


def _in_word(source: Source, word: str, span: Span) -> Iterator[Diagnostic]:
    if word[0] == "_":
        yield syntax.underscore_name(source, span)
    elif not word.isascii():
        yield syntax.non_ascii_name(source, span)
    elif keyword.iskeyword(word):
        hint = _ABSENT_WORDS.get(word, "write one expression that is true or false")
        yield syntax.no_such_word(source, span, hint)
    else:
        yield syntax.literal_prefix(source, span)


def _in_operator(source: Source, operator: str, span: Span) -> Diagnostic:
    match operator:
        case ":=":
            return syntax.named_assignment(source, span)
        case "#":
            end = source.text.find("\n", span.start)
            return syntax.comment(source, Span(span.start, len(source.text) if end < 0 else end))
        case "\\":
            return syntax.line_continuation(source, span)
        case "\t":
            return syntax.odd_space(source, span, "a tab")
    if operator in _FOREIGN_OPERATORS:
        return syntax.foreign_operator(source, span, _FOREIGN_OPERATORS[operator])
    if operator in _ABSENT_OPERATORS:
        return syntax.no_such_operator(source, span, _ABSENT_OPERATORS[operator])
    if operator in _CURLY_QUOTES:
        return syntax.curly_quote(source, span)
    if operator.isspace():
        return syntax.odd_space(source, span, _character_name(operator))
    if is_hidden(operator):
        return syntax.hidden_between(source, span, _character_name(operator))
    return syntax.stray_character(source, span)


def _character_name(char: str) -> str:
    name = unicodedata.name(char, "").lower()
    if not name:
        return f"the character U+{ord(char):04X}"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
