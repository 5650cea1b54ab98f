"""Diagnostics as GitHub's workflow commands, which annotate the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from rulegate.diagnostics.diagnostic import Diagnostic

# The escapes that GitHub's runner undoes; a property is also ended by a colon or a comma.
_IN_TEXT: Final[Mapping[int, str]] = MappingProxyType(str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"}))
_IN_PROPERTY: Final[Mapping[int, str]] = MappingProxyType({**_IN_TEXT, ord(":"): "%3A", ord(","): "%2C"})


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """One workflow command a diagnostic, one a line, without a final line feed.

    Columns count code points and, unlike spans, include the last one, as GitHub shows them.
    """
    return "\n".join(_command(diagnostic) for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    start = diagnostic.source.position(diagnostic.span.start)
    end = diagnostic.source.position(max(diagnostic.span.end - 1, diagnostic.span.start))
    properties = {"file": diagnostic.source.name, "line": start.line, "endLine": end.line}
    # The runner wants columns only of a fault within one line.
    if start.line == end.line:
        properties |= {"col": start.column, "endColumn": end.column}
    properties["title"] = diagnostic.code
    written = ",".join(f"{key}={str(value).translate(_IN_PROPERTY)}" for key, value in properties.items())
    hint = f"\nhint: {diagnostic.hint}" if diagnostic.hint else ""
    return f"::{diagnostic.severity.value} {written}::{f'{diagnostic.message}{hint}'.translate(_IN_TEXT)}"
