"""Splits a text into the grammar's tokens and matches its brackets."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from rulegate.condition import slips, vocabulary
from rulegate.condition.messages import size, syntax
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
_CLOSING: Final[Mapping[str, str]] = MappingProxyType({"(": ")", "[": "]", "{": "}"})
_OPENING: Final = MappingProxyType({closing: opening for opening, closing in _CLOSING.items()})


@dataclass(frozen=True, slots=True)
class Terminals:
    """The grammar's terminals: fixed spellings to their names, and the patterns of all others in order."""

    spellings: Mapping[str, str]
    patterns: Sequence[tuple[str, re.Pattern[str]]]

    def classify(self, lexeme: str) -> str | None:
        """The name of the terminal that is spelt so, or None."""
        for name, pattern in self.patterns:
            if pattern.fullmatch(lexeme):
                return name
        return None


class Lexeme(NamedTuple):
    """One token: the name of its terminal, its text, and its place, ``end`` exclusive."""

    terminal: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The place of the token."""
        return Span(self.start, self.end)


def scan(source: Source, terminals: Terminals) -> tuple[list[Lexeme], list[Diagnostic]]:
    """The tokens of a text and what is wrong with its characters and brackets, in the order of the text.

    Takes time linear in the length of the text, which the caller has bounded, and stops at `MAX_DIAGNOSTICS`. If there
    are diagnostics, the tokens are incomplete and must not be parsed.
    """
    text, spellings = source.text, terminals.spellings
    lexemes: list[Lexeme] = []
    open_at: list[int] = []  # the places in `lexemes` of the brackets that are open
    faults: list[Diagnostic] = []
    for match in _LEXEME.finditer(text):
        kind, lexeme = match.lastgroup or "", match[0]
        if kind == "space":
            continue
        start, end = match.span()
        name = spellings.get(lexeme)
        if lexeme == "=" and not _names_argument(lexemes, open_at):
            faults.append(syntax.assignment(source, Span(start, end)))
        elif name is None:
            name = None if kind == "operator" else terminals.classify(lexeme)
            if name is None or _is_suspect(kind, lexeme, text[end : end + 1]):
                found = list(slips.find(source, kind, lexeme, Span(start, end)))
                faults.extend(found)
                if kind in {"unclosed", "triple"} or keyword.iskeyword(lexeme):
                    # Where this text ends, or what this word of Python goes on with, would be guessed at.
                    return lexemes, faults
                if found:
                    if len(faults) >= vocabulary.MAX_DIAGNOSTICS:
                        return lexemes, faults
                    continue
        token = Lexeme(name or "", lexeme, start, end)
        if lexeme in _CLOSING:
            open_at.append(len(lexemes))
            if len(open_at) > vocabulary.MAX_OPEN_BRACKETS:
                return lexemes, [*faults, size.too_many_open_brackets(source, token.span)]
        elif lexeme in _OPENING:
            opening = lexemes[open_at.pop()].text if open_at else None
            if opening is None:
                faults.append(syntax.stray_bracket(source, token.span))
            elif opening != _OPENING[lexeme]:
                faults.append(syntax.wrong_bracket(source, token.span, opening, _CLOSING[opening]))
        lexemes.append(token)
    if open_at:
        innermost = lexemes[open_at[-1]]
        faults.append(syntax.missing_bracket(source, innermost.span, _CLOSING[innermost.text]))
    return lexemes, faults


def _is_suspect(kind: str, lexeme: str, following: str) -> bool:
    """Whether a lexeme that the grammar knows may be a slip all the same."""
    match kind:
        case "word":
            return keyword.iskeyword(lexeme) or following in {"'", '"'}
        case "text":
            return "\\" in lexeme or not lexeme.isprintable()
        case _:
            return "e" in lexeme or "E" in lexeme or len(lexeme) > sys.float_info.max_10_exp


def _names_argument(lexemes: Sequence[Lexeme], open_at: Sequence[int]) -> bool:
    """Whether the last token is the name of an argument: it stands in a call, right after its bracket or a comma."""
    if not open_at or open_at[-1] == 0 or lexemes[open_at[-1]].text != "(" or lexemes[-1].terminal != "NAME":
        return False
    before = lexemes[open_at[-1] - 1]
    return (before.terminal == "NAME" or before.text in {")", "]"}) and lexemes[-2].text in {"(", ","}
