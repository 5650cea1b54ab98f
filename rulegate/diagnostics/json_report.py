"""Reports as one JSON document, for programs that have no format of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rulegate.diagnostics.diagnostic import Diagnostic
from rulegate.diagnostics.report import Report


def render_json(reports: Sequence[Report]) -> str:
    """The reports as an object of files and totals, without a final line feed; ``docs/check-config.md`` describes it.

    Lines and columns count from 1, in code points; the end is behind the last character of the fault.
    """
    document = {
        "errors": sum(report.errors for report in reports),
        "warnings": sum(report.warnings for report in reports),
        "files": [_file(report) for report in reports],
    }
    return json.dumps(document, indent=2)


def as_objects(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Each diagnostic as the JSON object that the document has for it."""
    return [_object(diagnostic) for diagnostic in diagnostics]


def _file(report: Report) -> dict[str, Any]:
    return {"name": report.name, "diagnostics": as_objects(report.diagnostics)}


def _object(diagnostic: Diagnostic) -> dict[str, Any]:
    start = diagnostic.source.position(diagnostic.span.start)
    end = diagnostic.source.position(diagnostic.span.end)
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
        "file": diagnostic.source.name,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
    }
