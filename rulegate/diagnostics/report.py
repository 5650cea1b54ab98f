"""What was found in one file, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass

from rulegate.diagnostics.diagnostic import Diagnostic, Severity


@dataclass(frozen=True, slots=True)
class Report:
    """A file that was looked at, and its diagnostics in order; without any, it is clean.

    Attributes:
        name: The file, as it was named.
        diagnostics: What was found.
    """

    name: str
    diagnostics: tuple[Diagnostic, ...]

    @property
    def errors(self) -> int:
        """How many diagnostics are errors."""
        return sum(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many are warnings."""
        return len(self.diagnostics) - self.errors

    def summary(self) -> str:
        """``1 error, 2 warnings``; ``no errors`` where there is nothing to tell."""
        counts = (_count(self.errors, "error"), _count(self.warnings, "warning"))
        return ", ".join(count for count in counts if count) or "no errors"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}" if number else ""
