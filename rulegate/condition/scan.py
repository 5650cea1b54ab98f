"""Splits a text into the grammar's tokens, or says which characters can be no part of any condition."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rulegate.condition import messages, vocabulary
from rulegate.diagnostics import Diagnostic, Source, Span

# Where a lexeme ends is decided here, generously, so that a slip is one lexeme with one message. What a lexeme *is* is
# decided by the grammar: one that matches none of its terminals is a slip.
_LEXEME: Final = re.compile(
    r"""
      (?P<space>[ \r\n]+)
    | (?P<triple>[A-Za-z]?(?:'''|\"\"\"))
    | (?P<text>[rR]?(?:'(?:[^'\\\n]|\\[^\n])*'|"(?:[^"\\\n]|\\[^\n])*"))
    | (?P<unclosed>[rR]?['"])
    | (?P<number>\.?\d(?:[eE][+-](?=\d)|[\w.])*)
    | (?P<word>\w+)
    | (?P<operator>===|!==|\*\*|//|<<|>>|<>|:=|->|==|!=|<=|>=|&&|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE: Final = re.compile(
    r"\\(?:([ntr\\'\"])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xuU][0-9A-Fa-f]*|.)", re.DOTALL
)
_PLAIN_ESCAPES: Final[Mapping[str, str]] = MappingProxyType(
    {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}
)
_CLOSING: Final[Mapping[str, str]] = MappingProxyType({"(": ")", "[": "]", "{": "}"})
_CURLY_QUOTES: Final = "‘’‚‛“”„‟′″`´«»‹›＇＂"
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

_FOREIGN_OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {"&&": "and", "||": "or", "!": "not", "===": "==", "!==": "!=", "<>": "!="}
)
_ABSENT_OPERATORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("+", "*", "/", "//", "%"), "compare the values as they are"),
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
        "if": "write `a and b or c`, or two routes",
        "else": "write `a and b or c`, or two routes",
        "for": "read single elements, as in `request.json['inputs'][0]`",
    }
)


@dataclass(frozen=True, slots=True)
class Terminals:
    """The grammar's terminals: fixed spellings to their names, and the patterns of all others in order."""

    spellings: Mapping[str, str]
    patterns: Sequence[tuple[str, re.Pattern[str]]]

    def classify(self, lexeme: str) -> str | None:
        """The name of the terminal that is spelt so, or None."""
        name = self.spellings.get(lexeme)
        if name is not None:
            return name
        return next((name for name, pattern in self.patterns if pattern.fullmatch(lexeme)), None)


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One token: the name of its terminal, its text and its place."""

    terminal: str
    text: str
    span: Span


def scan(source: Source, terminals: Terminals) -> tuple[list[Lexeme], list[Diagnostic]]:
    """The tokens of a text and everything that is wrong with its characters and brackets.

    Runs in time linear in the length of the text, which the caller has bounded. If there are diagnostics, the tokens
    are incomplete and must not be parsed.
    """
    scanner = _Scanner(source, terminals)
    for match in _LEXEME.finditer(source.text):
        scanner.take(match)
        if match.lastgroup in {"unclosed", "triple"}:
            break  # Nobody knows where this text was to end, so whatever follows would be guessed at.
    else:
        scanner.finish()
    return scanner.lexemes, scanner.faults


def decode(literal: str) -> str:
    """The text that a text literal stands for; the literal has been scanned without a diagnostic."""
    if literal[0] in "rR":
        return literal[2:-1]
    return _ESCAPE.sub(_unescape, literal[1:-1]) if "\\" in literal else literal[1:-1]


def _unescape(match: re.Match[str]) -> str:
    plain = match[1]
    return _PLAIN_ESCAPES[plain] if plain else chr(int(match[2] or match[3] or match[4], 16))


class _Scanner:
    """The state of one scan: what was found, and which brackets are open."""

    def __init__(self, source: Source, terminals: Terminals) -> None:
        self.source = source
        self.lexemes: list[Lexeme] = []
        self.faults: list[Diagnostic] = []
        self._terminals = terminals
        self._open: list[Lexeme] = []

    def take(self, match: re.Match[str]) -> None:
        kind, text, span = match.lastgroup, match[0], Span(*match.span())
        if kind == "space":
            return
        name = self._terminals.classify(text)
        faults = list(self._faults(kind or "", text, span, name))
        self.faults.extend(faults)
        if name is not None and not faults:
            lexeme = Lexeme(name, text, span)
            if kind == "operator":
                self._match_brackets(lexeme)
            self.lexemes.append(lexeme)

    def finish(self) -> None:
        """At the end of the text no bracket may be open; the innermost one is reported."""
        if self._open:
            last = self._open[-1]
            self.faults.append(messages.missing_bracket(self.source, last.span, _CLOSING[last.text]))

    def _match_brackets(self, lexeme: Lexeme) -> None:
        if lexeme.text in _CLOSING:
            self._open.append(lexeme)
            if len(self._open) == vocabulary.MAX_OPEN_BRACKETS + 1:
                self.faults.append(messages.too_many_open_brackets(self.source, lexeme.span))
        elif lexeme.text in _CLOSING.values():
            if not self._open:
                self.faults.append(messages.stray_bracket(self.source, lexeme.span))
                return
            opening = self._open.pop().text
            if _CLOSING[opening] != lexeme.text:
                self.faults.append(messages.wrong_bracket(self.source, lexeme.span, opening, _CLOSING[opening]))

    def _faults(self, kind: str, text: str, span: Span, name: str | None) -> Iterator[Diagnostic]:
        """What is wrong with one lexeme."""
        source = self.source
        match kind:
            case "triple":
                yield messages.triple_quotes(source, span)
            case "unclosed":
                yield messages.missing_quote(source, span)
            case "text":
                yield from _text_faults(source, span)
            case "number" if name is None:
                decimal = text.isascii() and text.isdigit() and text[0] != "0"
                yield (messages.integer_too_large if decimal else messages.bad_number)(source, span)
            case "number" if float(text) == float("inf"):
                yield messages.infinite_number(source, span)
            case "word":
                yield from self._word_faults(text, span, name)
            case "operator" if name is None:
                yield self._operator_fault(text, span)

    def _word_faults(self, word: str, span: Span, name: str | None) -> Iterator[Diagnostic]:
        source = self.source
        if word[0] == "_":
            yield messages.underscore_name(source, span)
        elif not word.isascii():
            yield messages.non_ascii_name(source, span)
        elif word not in self._terminals.spellings:
            following = source.text[span.end : span.end + 1]
            if following and following in "'\"":
                yield messages.literal_prefix(source, span)
            elif keyword.iskeyword(word):
                yield messages.no_such_word(
                    source, span, _ABSENT_WORDS.get(word, "write one expression that is true or false")
                )
            elif name is None:
                yield messages.non_ascii_name(source, span)

    def _operator_fault(self, text: str, span: Span) -> Diagnostic:
        source = self.source
        if text == "=":
            before = self.lexemes[-2:]
            if len(before) == 2 and before[0].text in {"(", ","} and before[1].terminal == "NAME" and self._in_call():
                return messages.keyword_argument(source, Span(before[1].span.start, span.end))
            return messages.assignment(source, span)
        if text == ":=":
            return messages.named_assignment(source, span)
        if text == ":":
            innermost = self._open[-1].text if self._open else ""
            report = {"[": messages.slice_, "{": messages.dict_display}.get(innermost, messages.stray_colon)
            return report(source, span)
        if text in _FOREIGN_OPERATORS:
            return messages.foreign_operator(source, span, _FOREIGN_OPERATORS[text])
        if text in _ABSENT_OPERATORS:
            return messages.no_such_operator(source, span, _ABSENT_OPERATORS[text])
        if text == "#":
            end = source.text.find("\n", span.start)
            return messages.comment(source, Span(span.start, len(source.text) if end < 0 else end))
        if text == "\\":
            return messages.line_continuation(source, span)
        if text in _CURLY_QUOTES:
            return messages.curly_quote(source, span)
        if text == "\t":
            return messages.odd_space(source, span, "a tab")
        if text.isspace() or unicodedata.category(text) in _HIDDEN_CATEGORIES:
            return messages.odd_space(source, span, _character_name(text))
        return messages.stray_character(source, span)

    def _in_call(self) -> bool:
        """Whether the innermost open bracket holds arguments: something that can be called stands before it."""
        if not self._open or self._open[-1].text != "(":
            return False
        position = self.lexemes.index(self._open[-1])
        return position > 0 and (
            self.lexemes[position - 1].terminal == "NAME" or self.lexemes[position - 1].text in ")]"
        )


def _text_faults(source: Source, span: Span) -> Iterator[Diagnostic]:
    """What is wrong inside a text literal: characters that cannot be seen, and escapes that do not exist."""
    text = source.text
    for offset in range(span.start, span.end):
        if not text[offset].isprintable() and unicodedata.category(text[offset]) in _HIDDEN_CATEGORIES:
            yield messages.hidden_character(source, Span(offset, offset + 1))
    if text[span.start] in "rR" or "\\" not in text[span.start : span.end]:
        return
    for match in _ESCAPE.finditer(text, span.start + 1, span.end - 1):
        digits = match[2] or match[3] or match[4]
        if digits and not 0 < int(digits, 16) <= 0x10FFFF:
            yield messages.null_escape(source, Span(*match.span()))
        elif not digits and not match[1]:
            yield messages.bad_escape(source, Span(*match.span()))


def _character_name(char: str) -> str:
    name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    return (
        f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
        if not name.startswith("u+")
        else f"the character {name.upper()}"
    )
