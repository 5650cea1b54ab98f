"""From each character of a YAML scalar back to the place in the file that it was read from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from rulegate.diagnostics import Span

_BREAK = r"(?:\r\n|[\n\r\x85\u2028\u2029])"
_ANY_BREAK = re.compile(_BREAK)
_BLANKS = re.compile(r"[ \t]+")
_FOLD = re.compile(rf"[ \t]*{_BREAK}(?:[ \t]|{_BREAK})*")
_CONTINUATION = re.compile(rf"\\{_BREAK}(?:[ \t]|{_BREAK})*")
_LINE = re.compile(rf"([^\n\r\x85\u2028\u2029]*)({_BREAK}|\Z)")
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "\\": "\\", "/": "/", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip

MAX_LOCATED = 16_384
"""Longest text, in code points, whose characters are located one by one: four times the longest condition."""

_Piece = tuple[str, int]  # a decoded character, and the offset in the file at which its own text begins


def offsets_of(text: str, span: Span, style: str, value: str) -> Sequence[int]:
    """Where each code point of ``value`` stands in ``text``; one more entry tells where the last one ends.

    The scalar is decoded a second time, with places, and the result is compared with the ``value`` that the YAML parser
    made. Where the two differ (exotic line separators), each character is given the begin of the scalar as its place:
    less exact, never wrong.

    Args:
        text: The whole file.
        span: The scalar in it, with its quotes or its block header.
        style: YAML's: empty for plain, ``'``, ``"``, ``|`` or ``>``.
        value: What the scalar means.
    """
    quotes = 1 if style in {"'", '"'} else 0
    start, end = span.start + quotes, span.end - quotes
    if text[start:end] == value:
        return range(start, end + 1)
    if len(value) <= MAX_LOCATED:
        pieces = list(_pieces(text, span, style, value))
        if "".join(char for char, _ in pieces) == value:
            # A block ends at its last line, long before the blank lines that YAML counts to it.
            last = pieces[-1][1] + 1 if pieces and style in {"|", ">"} else end
            return [*(offset for _, offset in pieces), last]
    return [span.start] * len(value) + [span.end]


def _pieces(text: str, span: Span, style: str, value: str) -> Iterator[_Piece]:
    match style:
        case "'":
            return _flow(text, span.start + 1, span.end - 1, _single_quoted)
        case '"':
            return _flow(text, span.start + 1, span.end - 1, _double_quoted)
        case "|" | ">":
            return _block(text, span, value, folded=style == ">")
        case _:
            return _flow(text, span.start, span.end, _verbatim)


def _flow(text: str, start: int, end: int, unit: Callable[[str, int], tuple[str, int]]) -> Iterator[_Piece]:
    """A plain or quoted scalar: line ends fold into one space, or into one line feed for each empty line."""
    at = start
    while at < end:
        if fold := _FOLD.match(text, at, end):
            yield from _folded(fold, kept=" ")
            at = fold.end()
        elif blanks := _BLANKS.match(text, at, end):
            yield from zip(blanks[0], range(at, blanks.end()), strict=True)
            at = blanks.end()
        elif continuation := text[at] == "\\" and unit is _double_quoted and _CONTINUATION.match(text, at, end):
            yield from _folded(continuation, kept="")
            at = continuation.end()
        else:
            char, length = unit(text, at)
            yield char, at
            at += length


def _folded(fold: re.Match[str], *, kept: str) -> Iterator[_Piece]:
    breaks = list(_ANY_BREAK.finditer(fold.string, fold.start(), fold.end()))
    if len(breaks) == 1 and kept:
        yield kept, fold.start()
    for line_break in breaks[1:]:
        yield _feed(line_break.group()), line_break.start()


def _verbatim(text: str, at: int) -> tuple[str, int]:
    return text[at], 1


def _single_quoted(text: str, at: int) -> tuple[str, int]:
    return text[at], 2 if text[at] == "'" else 1


def _double_quoted(text: str, at: int) -> tuple[str, int]:
    """One character or escape; the YAML parser has read the scalar, so each escape is one that YAML knows."""
    if text[at] != "\\":
        return text[at], 1
    kind = text[at + 1]
    if kind in _HEX_DIGITS:
        length = _HEX_DIGITS[kind]
        return chr(int(text[at + 2 : at + 2 + length], 16)), 2 + length
    return _ESCAPES.get(kind, kind), 2


def _block(text: str, span: Span, value: str, *, folded: bool) -> Iterator[_Piece]:
    """A literal or folded block: indented lines under a header such as ``|-``."""
    header, *lines = _lines(text, span)
    indent = _indent(lines, value)
    pieces: list[_Piece] = []
    blanks: list[_Piece] = []
    line_feed: _Piece | None = None
    flush_left = False
    for offset, line, line_break in lines:
        feed = (_feed(line_break), offset + len(line))
        if not line[:indent].isspace() and line[:indent]:
            break
        content = line[indent:]
        if not content:
            blanks.append(feed)
            continue
        was_flush_left, flush_left = flush_left, content[0] not in " \t"
        if line_feed is not None:
            folds = folded and was_flush_left and flush_left
            if not folds:
                pieces.append(line_feed)
            elif not blanks:
                pieces.append((" ", line_feed[1]))
        pieces += blanks
        pieces += ((char, offset + indent + i) for i, char in enumerate(content))
        line_feed, blanks = feed, []
    yield from pieces
    if line_feed is not None and "-" not in header[1]:
        yield line_feed
    if "+" in header[1]:
        yield from blanks


def _lines(text: str, span: Span) -> Iterator[tuple[int, str, str]]:
    """Each line of the span: its offset, its text, its line ending."""
    for line in _LINE.finditer(text, span.start, span.end):
        if line.group():
            yield line.start(), line.group(1), line.group(2)


def _indent(lines: list[tuple[int, str, str]], value: str) -> int:
    """How many spaces of each line are YAML's: those of the first line that says something, but for the value's own."""
    first = next((line for _, line, _ in lines if line.strip(" ")), "")
    own = next((line for line in value.split("\n") if line.strip(" ")), "")
    return max(0, _leading(first) - _leading(own))


def _leading(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _feed(line_break: str) -> str:
    return line_break if line_break in {"", "\u2028", "\u2029"} else "\n"
