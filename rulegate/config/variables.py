"""Environment variables in values: ``${NAME}`` and ``${NAME:-default}`` become text before the settings are read.

They stand in values only: never in keys; never in conditions and other expressions, where the text that came in would
be code, and quotes in it would change what the condition means; and never in what clients are told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from rulegate.config.document import MAX_DIAGNOSTICS, meaning_of
from rulegate.config.messages import Fault, values
from rulegate.config.tree import Filled, Node, Reported, Scalar, Sequence
from rulegate.config.tree import Mapping as Keys
from rulegate.diagnostics import Diagnostic, Source, Span

OPENING: Final = "${"
"""What a variable begins with; a text without it has none."""
_PART: Final = re.compile(r"\$\$\{|\$\{(?P<inside>[^}]*)(?P<end>\}?)", re.DOTALL)
_INSIDE: Final = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-.*)?", re.ASCII | re.DOTALL)

_ROUTE: Final = ("model_endpoints", "routes")
EXPRESSIONS: Final = ((*_ROUTE, "model_request_condition"), (*_ROUTE, "sticky_on"), ("external", "input"))
"""Where expressions stand, or mappings of them; positions in lists are left out."""

PUBLISHED: Final = (
    ("model_endpoints", "name"),
    (*_ROUTE, "alias"),
    (*_ROUTE, "targets", "alias"),
    (*_ROUTE, "shadow", "alias"),
    (*_ROUTE, "deny", "message"),
)
"""What answers, listings, metrics and the log say as it stands: a variable in it would be told to whoever asks."""


def fill(root: Node, source: Source, variables: Mapping[str, str]) -> tuple[Node, list[Diagnostic]]:
    """The tree of ``source`` with variables put into its values, and what is wrong with those that it names.

    A value is put in as it is: what it holds is never looked through for another variable, nor read as YAML. A value of
    the file that names a variable which is not there is `Reported`.
    """
    if OPENING not in source.text:
        return root, []
    filler = _Filler(source, variables)
    return filler.filled(root, ()), filler.diagnostics


class _Filler:
    """Puts variables into the values of one tree. ``diagnostics`` grows while it does."""

    def __init__(self, source: Source, variables: Mapping[str, str]) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._source = source
        self._variables = variables

    def filled(self, node: Node, place: tuple[str, ...]) -> Node:
        match node:
            case Keys():
                entries = {
                    name: (key, self.filled(value, (*place, name))) for name, (key, value) in node.entries.items()
                }
                return Keys(entries, node.span)
            case Sequence():
                return Sequence(tuple(self.filled(item, place) for item in node.items), node.span)
            case Scalar(value=str(), text=text) if OPENING in text:
                return self._scalar(node, place)
        return node

    def _scalar(self, scalar: Scalar, place: tuple[str, ...]) -> Scalar:
        if any(place[: len(expression)] == expression for expression in EXPRESSIONS):
            self._report(values.variable_in_expression(), scalar, scalar.text.index(OPENING))
            return scalar
        parts: list[str] = []
        is_reported = False
        at = 0
        for found in _PART.finditer(scalar.text):
            parts.append(scalar.text[at : found.start()])
            at = found.end()
            value = self._value(found) if place not in PUBLISHED else _told(found)
            if isinstance(value, Fault):
                self._report(value, scalar, found.start(), found.end())
                is_reported = True
            else:
                parts.append(value)
        if is_reported:
            return replace(scalar, value=Reported())
        text = "".join(parts) + scalar.text[at:]
        is_filled = any(found["inside"] is not None for found in _PART.finditer(scalar.text))
        return replace(
            scalar, value=text, text=text, filled=Filled(scalar.text, meaning_of(text)) if is_filled else None
        )

    def _value(self, found: re.Match[str]) -> str | Fault:
        """What one part of a value's text becomes."""
        inside = found["inside"]
        if inside is None:
            return OPENING
        named = _INSIDE.fullmatch(inside)
        if not found["end"] or named is None or OPENING in inside:
            return values.no_variable_reference(found[0])
        name, default = named["name"], named["default"]
        # As in a shell: with a default, empty is as good as missing.
        if value := self._variables.get(name, ""):
            return value if _is_text(value) else values.variable_is_not_text(name)
        if default is not None:
            return default.removeprefix(":-")
        return "" if name in self._variables else values.variable_missing(name)

    def _report(self, fault: Fault, scalar: Scalar, start: int, end: int | None = None) -> None:
        if len(self.diagnostics) < MAX_DIAGNOSTICS:
            span = Span(start, start + len(OPENING) if end is None else end)
            self.diagnostics.append(fault.at(self._source, scalar.excerpt().locate(span)))


def _told(found: re.Match[str]) -> str | Fault:
    """What one part of a value becomes that clients read."""
    return OPENING if found["inside"] is None else values.variable_published(found[0])


def _is_text(value: str) -> bool:
    """Whether a variable is UTF-8: Python keeps other bytes as halves of surrogate pairs."""
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
