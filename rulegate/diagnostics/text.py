"""Diagnostics as text for people: place, line, caret and hint."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rulegate.diagnostics.diagnostic import Diagnostic, Severity

MAX_LINE_COLUMNS = 120
"""How much of a line is shown; a longer one is cut around the fault."""

_CONTEXT_COLUMNS = 50
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def render(diagnostic: Diagnostic) -> str:
    r"""The diagnostic as lines of text without a final line feed.

    The author's line is shown unless it is blank, and then exactly one line carries carets, which stand under the fault
    in any fixed-width font: tabs and invisible characters of the author's line are shown as visible stand-ins, wide
    characters get two carets.

    >>> from rulegate.diagnostics import Diagnostic, Source, Span
    >>> print(render(Diagnostic("RG203", "`startwith` is not a method of text", Source("c.yaml", "a.startwith()"),
    ...                         Span(2, 11), "did you mean `startswith`?")))
    c.yaml:1:3: RG203 `startwith` is not a method of text
      | a.startwith()
      |   ^^^^^^^^^
      = hint: did you mean `startswith`?
    """
    place = diagnostic.source.position(diagnostic.span.start)
    line = diagnostic.source.line(place.line)
    label = "" if diagnostic.severity is Severity.ERROR else "warning: "
    rows = [
        f"{_visible(diagnostic.source.name)}:{place.line}:{place.column}: {label}{diagnostic.code} "
        f"{_visible(diagnostic.message)}"
    ]
    # A file that cannot be read has no line to show, and under a blank one a caret would point at nothing.
    if line.strip(" "):
        begin = place.column - 1
        end = min(begin + (diagnostic.span.end - diagnostic.span.start), len(line))
        shown, carets = _window(line, begin, max(end, begin + 1))
        rows += [f"  | {shown}", f"  | {carets}"]
    if diagnostic.hint:
        rows.append(f"  = hint: {_visible(diagnostic.hint)}")
    return "\n".join(row.rstrip() for row in rows)


def render_all(diagnostics: Iterable[Diagnostic]) -> str:
    """All diagnostics, an empty line between two."""
    return "\n\n".join(render(diagnostic) for diagnostic in diagnostics)


def _window(line: str, begin: int, end: int) -> tuple[str, str]:
    """The part of a line to show and the carets under ``begin..end`` of it."""
    left, right = 0, len(line)
    if right > MAX_LINE_COLUMNS:
        left = max(0, begin - _CONTEXT_COLUMNS)
        right = min(len(line), left + MAX_LINE_COLUMNS)
    lead = "…" if left else ""
    tail = "…" if right < len(line) else ""
    shown = lead + "".join(_visible(char) for char in line[left:right]) + tail
    indent = len(lead) + sum(_columns(char) for char in line[left:begin])
    width = sum(_columns(char) for char in line[begin : min(end, right)]) or 1
    return shown, " " * indent + "^" * width


def _visible(text: str) -> str:
    """The text with what cannot be seen, or what would move the rest of the line, replaced by escapes."""
    if text.isprintable():
        return text
    return "".join(_visible_char(char) for char in text)


def _visible_char(char: str) -> str:
    if char == "\t":
        return "→"
    if unicodedata.category(char) in _INVISIBLE or not char.isprintable():
        return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
    return char


def _columns(char: str) -> int:
    shown = _visible(char)
    if len(shown) > 1:
        return len(shown)
    if unicodedata.combining(shown):
        return 0
    return 2 if unicodedata.east_asian_width(shown) in "WF" else 1
