"""Reports as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from rulegate.diagnostics.diagnostic import Diagnostic
from rulegate.diagnostics.report import Report

_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(reports: Sequence[Report], *, version: str) -> str:
    """One run over all files as a SARIF log, without a final line feed.

    Columns count code points, as the log says. Files are named relative to the working directory unless their names are
    absolute, so the log fits a checkout when the command was run in it.

    Args:
        reports: What was found.
        version: Of the program that found it.
    """
    found = [diagnostic for report in reports for diagnostic in report.diagnostics]
    codes = sorted({diagnostic.code for diagnostic in found})
    run = {
        "tool": {"driver": {"name": "rulegate", "version": version, "rules": [_rule(code) for code in codes]}},
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": _location(name)} for name in dict.fromkeys(report.name for report in reports)],
        "results": [_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> dict[str, Any]:
    return {"id": code, "help": {"text": f"bad and good examples: docs/codes/{code}.md"}}


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    start = diagnostic.source.position(diagnostic.span.start)
    end = diagnostic.source.position(diagnostic.span.end)
    region = {
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    }
    hint = f"; {diagnostic.hint}" if diagnostic.hint else ""
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity.value,
        "message": {"text": f"{diagnostic.message}{hint}"},
        "locations": [
            {"physicalLocation": {"artifactLocation": _location(diagnostic.source.name), "region": region}},
        ],
    }


def _location(name: str) -> dict[str, str]:
    # A relative name stays one: whoever shows the log resolves it against the root of the checkout.
    path = PurePath(name)
    return {"uri": f"file://{quote(path.as_posix())}" if path.is_absolute() else quote(path.as_posix())}
