"""Reports for programs: what they hold is what was found, and their formats are those of their schemas."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from rulegate.diagnostics import Diagnostic, Severity, Source, Span
from rulegate.diagnostics.github import render_github
from rulegate.diagnostics.json_report import render_json
from rulegate.diagnostics.report import Report
from rulegate.diagnostics.sarif import render_sarif

ROOT = Path(__file__).parents[3]
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@st.composite
def diagnostics(draw: st.DrawFn, name: str) -> Diagnostic:
    source = Source(name, draw(st.text(st.sampled_from("ab:,%\n\r\tä€😀"))))
    start = draw(st.integers(0, len(source.text)))
    span = Span(start, draw(st.integers(start, len(source.text))))
    code = f"RG{draw(st.integers(100, 599))}"
    return Diagnostic(code, draw(TEXTS), source, span, draw(st.none() | TEXTS), draw(st.sampled_from(list(Severity))))


@st.composite
def reports(draw: st.DrawFn) -> Report:
    name = draw(NAMES)
    return Report(name, tuple(draw(st.lists(diagnostics(name), max_size=4))))


@cache
def validator(path: str) -> jsonschema.protocols.Validator:
    schema = json.loads((ROOT / path).read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def places(found: Diagnostic) -> tuple[int, int, int, int]:
    start, end = found.source.position(found.span.start), found.source.position(found.span.end)
    return start.line, start.column, end.line, end.column


@given(st.lists(reports(), max_size=3))
def test_the_json_document_is_that_of_its_schema_and_holds_everything(found: list[Report]):
    document = json.loads(render_json(found))
    validator("docs/check-config.schema.json").validate(document)
    assert [file["name"] for file in document["files"]] == [report.name for report in found]
    assert document["errors"] == sum(report.errors for report in found)
    assert document["warnings"] == sum(report.warnings for report in found)
    for report, file in zip(found, document["files"], strict=True):
        assert [
            (one["code"], one["severity"], one["message"], one["hint"], one["line"], one["column"], one["end_line"],
             one["end_column"])
            for one in file["diagnostics"]
        ] == [(d.code, d.severity.value, d.message, d.hint, *places(d)) for d in report.diagnostics]  # fmt: skip


@given(st.lists(reports(), max_size=3))
def test_the_sarif_log_is_that_of_its_schema_and_holds_everything(found: list[Report]):
    log = json.loads(render_sarif(found, version="1.2.3"))
    validator("tests/schemas/sarif-2.1.0.json").validate(log)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    expected = [d for report in found for d in report.diagnostics]
    assert len(run["results"]) == len(expected)
    for result, d in zip(run["results"], expected, strict=True):
        region = result["locations"][0]["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"], region["endLine"], region["endColumn"]) == places(d)
        assert rules[result["ruleIndex"]] == result["ruleId"] == d.code
        assert result["level"] == d.severity.value
        assert d.message in result["message"]["text"]
        assert (d.hint or "") in result["message"]["text"]


def test_a_file_in_the_working_directory_is_named_relative_to_it_and_another_by_its_address():
    for name, uri in [
        ("gateway_config.yaml", "gateway_config.yaml"),
        ("./my files/ä.yaml", "my%20files/%C3%A4.yaml"),
        ("/etc/a%b.yaml", "file:///etc/a%25b.yaml"),
    ]:
        (run,) = json.loads(render_sarif([Report(name, ())], version="1"))["runs"]
        assert run["artifacts"] == [{"location": {"uri": uri}}]
        assert unquote(uri).endswith(Path(name).name)


# What GitHub's runner takes for a command, and how it undoes escapes.
COMMAND = re.compile(r"::(error|warning) ([^:\r\n]*)::([^\r\n]*)")


def undone(text: str) -> str:
    for escape, char in [("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]:
        text = text.replace(escape, char)
    return text


@given(reports())
def test_each_diagnostic_is_one_workflow_command_that_says_it_all(report: Report):
    lines = render_github(report.diagnostics).split("\n") if report.diagnostics else []
    assert len(lines) == len(report.diagnostics)
    for line, d in zip(lines, report.diagnostics, strict=True):
        command = COMMAND.fullmatch(line)
        assert command is not None
        properties = dict(pair.split("=", 1) for pair in command[2].split(","))
        assert command[1] == d.severity.value
        assert undone(properties["file"]) == d.source.name
        assert properties["title"] == d.code
        assert int(properties["line"]) == places(d)[0]
        assert undone(command[3]) == d.message + (f"\nhint: {d.hint}" if d.hint else "")
        if "col" in properties:
            assert properties["line"] == properties["endLine"]
            assert int(properties["col"]) == places(d)[1] <= int(properties["endColumn"])


def test_without_diagnostics_a_report_says_so():
    assert Report("a.yaml", ()).summary() == "no errors"
