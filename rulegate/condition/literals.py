"""Text literals: what they stand for, and what is wrong inside them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from rulegate.condition.messages import syntax
from rulegate.diagnostics import Diagnostic, Source, Span

_ESCAPE: Final = re.compile(
    r"\\(?:([ntr\\'\"])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xuU][0-9A-Fa-f]*|.)", re.DOTALL
)
_PLAIN_ESCAPES: Final[Mapping[str, str]] = MappingProxyType(
    {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
)
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def is_hidden(char: str) -> bool:
    """Whether a character cannot be seen: a control, direction or zero-width character, or half of a surrogate pair."""
    return unicodedata.category(char) in _HIDDEN_CATEGORIES


def decode(literal: str) -> str:
    """The text that a text literal stands for; the literal has been scanned without a diagnostic."""
    if literal[0] in "rR":
        return literal[2:-1]
    return _ESCAPE.sub(_unescape, literal[1:-1]) if "\\" in literal else literal[1:-1]


def literal_faults(source: Source, span: Span) -> Iterator[Diagnostic]:
    """What is wrong inside the text literal at a place: characters that cannot be seen, escapes that do not exist."""
    text = source.text
    for offset in range(span.start, span.end):
        if is_hidden(text[offset]):
            yield syntax.hidden_character(source, Span(offset, offset + 1))
    if text[span.start] in "rR":
        return
    for match in _ESCAPE.finditer(text, span.start + 1, span.end - 1):
        digits = match[2] or match[3] or match[4]
        if digits and not 0 < int(digits, 16) <= 0x10FFFF:
            yield syntax.null_escape(source, Span(*match.span()))
        elif not digits and not match[1]:
            yield syntax.bad_escape(source, Span(*match.span()))


def _unescape(match: re.Match[str]) -> str:
    plain = match[1]
    return _PLAIN_ESCAPES[plain] if plain else chr(int(match[2] or match[3] or match[4], 16))
