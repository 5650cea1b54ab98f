"""Texts that people wrote, and places in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of code points, ``start`` inclusive, ``end`` exclusive; empty at the end of a text.

    Raises:
        ValueError: If ``not 0 <= start <= end``.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")


@dataclass(frozen=True, slots=True)
class Position:
    """A place as editors name it: line and column, both counted from 1, in code points."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """A whole text and the name that people know it by, such as ``gateway_config.yaml``. Immutable, safe to share."""

    name: str
    text: str

    @cached_property
    def _line_starts(self) -> list[int]:
        # Only line feeds end a line: a carriage return before one is trimmed when the line is shown, and the exotic
        # separators that str.splitlines knows would move every later line number away from what editors show.
        return [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]

    def position(self, offset: int) -> Position:
        """The line and column of ``offset``, which may be anything from 0 to ``len(text)`` inclusive."""
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line ``number`` (from 1) without its line ending."""
        start = self._line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : None if end < 0 else end].removesuffix("\r")

    def line_start(self, number: int) -> int:
        """The offset at which line ``number`` (from 1) begins."""
        return self._line_starts[number - 1]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A value that stands inside a file, such as a condition inside YAML, with the way back to its place there.

    ``offsets[i]`` is where the ``i``-th code point of the value stands in ``source``; one more entry gives where the
    value ends. Quotes, escapes and folded lines make the value differ from the file's text, so the offsets need not be
    consecutive, but they never decrease.
    """

    source: Source
    offsets: Sequence[int]

    def locate(self, span: Span) -> Span:
        """The place in the file of ``span``, which counts code points of the value."""
        last = len(self.offsets) - 1
        start = self.offsets[min(span.start, last)]
        if span.end <= span.start:
            return Span(start, start)
        # The end of a character is the begin of the next one, but for an escape that would take in what folding or
        # quoting put between the two; the last character of the span knows best where it ends.
        end = max(self.offsets[min(span.end, last)], start + 1)
        return Span(start, end)
