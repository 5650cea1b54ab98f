"""Takes a text apart into its shape and the literals in which conditions of one shape may differ."""

from __future__ import annotations

import re
from typing import Final

from rulegate.condition import vocabulary
from rulegate.diagnostics import Span

Value = str | int | float
"""What a literal stands for."""
Shape = tuple[str, ...]
"""What stands between the literals and, in turns with it, each literal: a mark if others may stand there, or itself."""

_TEXT: Final = "text"
_SMALL: Final = "small"
_LARGE: Final = "large"
_DECIMAL: Final = "decimal"
# No literal as it is written begins like one of these.
_MARKS: Final = frozenset({_TEXT, _SMALL, _LARGE, _DECIMAL})
_RAW: Final = frozenset("rR")
_MAX_DIGITS: Final = vocabulary.MAX_INTEGER_DIGITS

# It begins with one class of characters, so that most of a text is passed over fast; what else must hold is looked at
# behind it. In all that is accepted it finds the literals where the scanner finds them, except for numbers with an
# exponent or without a digit on both sides of the dot, which stay in the shape, as do literals right after a word.
_LITERAL: Final = re.compile(
    r"""
    (
      ['"rR0-9]
      (?: (?<=')                     [^'\\\n]*(?:\\[^\n][^'\\\n]*)*'
        | (?<=")                     [^"\\\n]*(?:\\[^\n][^"\\\n]*)*"
        | (?<=[rR])(?<!\w[rR])(?:   '[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'
                                |   "[^"\\\n]*(?:\\[^\n][^"\\\n]*)*" )
        | (?<=[0-9])(?<![\w.][0-9])  [0-9]*(?:\.[0-9]+)?(?![\w.])
      )
    )
    """,
    re.VERBOSE,
)


def dissect(text: str) -> tuple[Shape, tuple[Value, ...], list[str]]:
    """The shape of a text, the literals that are no part of it, and how these are written, in order; takes any text.

    If two texts have one shape and one of them is a condition, without a warning, in which those literals are tokens,
    the other one is such a condition too, unless one of its literals is nothing that the function can use which reads
    it. Their trees then differ in these literals and in places, and so does what is computed from them. Marks tell
    apart text, integers and other numbers, and what bounds and warnings ask of values: no literal that is left out of a
    shape is false, longer than allowed, or could be written wrongly; integers are apart that are beyond what makes a
    slice long. A literal alone in square brackets says where to look, so it is mostly the same and stays in the shape.
    """
    if len(text) > vocabulary.MAX_LENGTH:
        return (text,), (), []
    pieces = _LITERAL.split(text)
    values: list[Value] = []
    written: list[str] = []
    for position in range(1, len(pieces), 2):
        literal = pieces[position]
        if pieces[position + 1][:1] == "]" and pieces[position - 1][-1:] == "[":
            continue
        first = literal[0]
        value: Value
        if not first.isdigit():
            if first in _RAW:
                value = literal[2:-1]
            elif "\\" in literal:
                continue
            else:
                value = literal[1:-1]
            if not value or not value.isprintable() or len(value) > vocabulary.MAX_TEXT_LENGTH:
                continue
            mark = _TEXT
        elif len(literal) > _MAX_DIGITS:
            continue
        elif "." in literal:
            value = float(literal)
            if not value:
                continue
            mark = _DECIMAL
        elif first == "0":
            continue
        else:
            value = int(literal)
            mark = _SMALL if value <= vocabulary.MAX_SHORT_SLICE else _LARGE
        pieces[position] = mark
        values.append(value)
        written.append(literal)
    return tuple(pieces), tuple(values), written


def places(shape: Shape, written: list[str]) -> list[Span]:
    """Where the literals that are no part of a shape stand in the text that both were taken from."""
    found: list[Span] = []
    offset = 0
    for position, piece in enumerate(shape):
        is_open = position % 2 == 1 and piece in _MARKS
        length = len(written[len(found)]) if is_open else len(piece)
        if is_open:
            found.append(Span(offset, offset + length))
        offset += length
    return found
