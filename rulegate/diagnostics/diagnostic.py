"""One fault in a text: what is wrong, where, and what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace

from rulegate.diagnostics.source import Excerpt, Source, Span


class Severity(enum.Enum):
    """How much a diagnostic matters: an error stops, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A fault that its author can mend.

    ``code`` is stable and documented (``RG203``). ``message`` is one line, lower-case, without a final period, and says
    what is wrong; ``hint``, apart, says what to do. ``span`` is the narrowest part of ``source`` that is at fault.
    """

    code: str
    message: str
    source: Source
    span: Span
    hint: str | None = None
    severity: Severity = Severity.ERROR

    def within(self, excerpt: Excerpt) -> Diagnostic:
        """The same fault, placed in the file that the diagnosed text stands in."""
        return replace(self, source=excerpt.source, span=excerpt.locate(self.span))


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics by file and place, each fault once; errors before warnings at one place."""
    unique = dict.fromkeys(diagnostics)
    return tuple(
        sorted(unique, key=lambda d: (d.source.name, d.span.start, d.severity is Severity.WARNING, d.span.end, d.code))
    )
