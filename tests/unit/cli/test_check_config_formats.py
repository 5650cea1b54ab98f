"""What ``rulegate check-config`` prints for programs keeps to its schemas, whatever is wrong with the files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from rulegate.cli import main

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden" / "config").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
ODD = {
    "zeros.yaml": b"\0\0\0",
    "latin.yaml": b"name: caf\xe9\n",
    "carriage returns.yaml": b"a: 1\r\n\r\nb: [\r\n",
    "ä%41:,#?.yaml": "ü: \u2028\n".encode(),
    "emoji.yaml": "model_endpoints: [{name: '😀😀', routes: []}] # 漢字\n".encode(),
    "tabs.yaml": b"a:\n\tb: 1\n",
}
COMMAND = re.compile(r"::(error|warning) file=[^,:]+,line=(\d+),endLine=(\d+)(,col=\d+,endColumn=\d+)?,title=RG\d+::.+")


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    for name, content in ODD.items():
        Path(name).write_bytes(content)
    Path("folder").mkdir()
    return [*ODD, "folder", "nobody.yaml", *map(str, GOLDEN), *map(str, EXAMPLES)]


def output(output_format: str, names: list[str]) -> str:
    result = CliRunner().invoke(main, ["check-config", "--format", output_format, *names])
    assert result.exit_code == 2
    return result.output


def validated(document: str, schema: Path) -> Any:
    described = json.loads(schema.read_text(encoding="utf-8"))
    found = json.loads(document)
    jsonschema.validators.validator_for(described)(described).validate(found)
    return found


def test_every_format_is_its_schemas_and_all_tell_the_same(names: list[str]):
    document = validated(output("json", names), ROOT / "docs" / "check-config.schema.json")
    log = validated(output("sarif", names), ROOT / "tests" / "schemas" / "sarif-2.1.0.json")
    commands = output("github", names).splitlines()
    text = output("text", names)
    assert [file["name"] for file in document["files"]] == names
    found = [one for file in document["files"] for one in file["diagnostics"]]
    assert document["errors"] + document["warnings"] == len(found) > 100
    told = [(one["code"], one["severity"], one["line"], one["end_line"]) for one in found]
    assert [
        (result["ruleId"], result["level"], region["startLine"], region["endLine"])
        for result in log["runs"][0]["results"]
        for region in [result["locations"][0]["physicalLocation"]["region"]]
    ] == told
    matched = [COMMAND.fullmatch(command) for command in commands]
    assert [(one[1], int(one[2])) for one in matched if one] == [(severity, line) for _, severity, line, _ in told]
    for one in found:
        severity = "warning: " if one["severity"] == "warning" else ""
        assert f":{one['line']}:{one['column']}: {severity}{one['code']} " in text


def test_places_are_in_their_files(names: list[str]):
    for file in json.loads(output("json", names))["files"]:
        path = Path(file["name"])
        lines = path.read_bytes().decode("utf-8", "replace").split("\n") if path.is_file() else [""]
        for one in file["diagnostics"]:
            assert (1, 1) <= (one["line"], one["column"]) <= (one["end_line"], one["end_column"])
            assert one["end_line"] <= len(lines)
            assert one["column"] <= len(lines[one["line"] - 1]) + 1
            assert one["end_column"] <= len(lines[one["end_line"] - 1]) + 1
