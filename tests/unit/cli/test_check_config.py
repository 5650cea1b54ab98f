"""``rulegate check-config`` says everything that is wrong, sums each file up in a line, and never shows a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rulegate.cli.check_config import check_config
from rulegate.config import MAX_FILE_BYTES

CLEAN = """
model_endpoints:
  - name: sentiment
    routes:
      - alias: fast
        model_uri: models:/fast/production
"""
WARNING = f"{CLEAN}      - alias: never\n        model_uri: models:/never/1\n"
ERRORS = f"sever: {{}}\n{WARNING}".replace("name: sentiment", "name: 5")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"clean": CLEAN, "warning": WARNING, "errors": ERRORS}.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(check_config, arguments)
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["clean.yaml"], 0),
        (["warning.yaml"], 0),
        (["errors.yaml"], 2),
        (["none.yaml"], 2),
        (["."], 2),
        (["--strict", "clean.yaml"], 0),
        (["--strict", "warning.yaml"], 1),
        (["--strict", "errors.yaml"], 2),
        (["clean.yaml", "errors.yaml", "warning.yaml"], 2),
        (["--strict", "warning.yaml", "clean.yaml"], 1),
        (["--nonsense"], 2),
    ],
)
def test_the_exit_code_tells_the_worst_that_was_found(files: Path, arguments: list[str], code: int):
    assert run(*arguments).exit_code == code


def test_each_file_is_summed_up_in_its_last_line(files: Path):
    output = run("clean.yaml", "warning.yaml", "errors.yaml").output
    assert "clean.yaml: no errors\n" in output
    assert "\n\nwarning.yaml: 1 warning\n" in output
    assert output.endswith("\n\nerrors.yaml: 2 errors, 1 warning\n")


def test_stats_tell_how_the_routes_of_each_endpoint_are_found(files: Path):
    routes = "".join(
        f"      - alias: r{number}\n        model_uri: models:/m/{number}\n"
        f"        model_request_condition: \"request.headers['X-Tenant'] == 't{number}'\"\n"
        for number in range(1, 31)
    )
    (files / "many.yaml").write_text(f"{CLEAN}{routes}", encoding="utf-8")
    result = run("--stats", "many.yaml", "clean.yaml", "errors.yaml")
    assert result.exit_code == 2
    assert (
        "many.yaml: no errors\n"
        "endpoint `sentiment`: 30 conditions, 30 found by a key, 0 by a shared test, 0 always tried\n"
        "  30 by `request.headers['x-tenant']` equal to one of 30 constants, at most 1 route by each\n"
        "clean.yaml: no errors\n"
        "endpoint `sentiment`: 0 conditions, tried one after the other: an index takes 16 routes with a key\n"
    ) in result.output


def test_every_diagnostic_shows_its_place_and_its_line(files: Path):
    output = run("errors.yaml").output
    assert "errors.yaml:1:1: RG307 a configuration has no key `sever`\n  | sever: {}\n  | ^^^^^\n" in output
    assert "errors.yaml:4:11: RG309 " in output
    assert "errors.yaml:8:16: warning: RG320 " in output


def test_without_a_file_the_usual_one_is_read(files: Path):
    assert run().output == (
        "gateway_config.yaml:1:1: RG301 there is no such file\n"
        "  = hint: name a configuration file that exists\n\n"
        "gateway_config.yaml: 1 error\n"
    )
    (files / "clean.yaml").rename("gateway_config.yaml")
    assert run().output == "gateway_config.yaml: no errors\n"


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("sent", "code", "last"),
    [
        (CLEAN, 0, "<stdin>: no errors"),
        (ERRORS, 2, "<stdin>: 2 errors, 1 warning"),
        ("", 2, "<stdin>: 1 error"),
        (b"\xff", 2, "<stdin>: 1 error"),
        (" " * (MAX_FILE_BYTES + 1), 2, "<stdin>: 1 error"),
    ],
    ids=["clean", "errors", "empty", "bytes", "large"],
)
def test_standard_input_is_checked_as_a_file_is(sent: str | bytes, code: int, last: str):
    result = CliRunner().invoke(check_config, ["-"], input=sent)
    assert (result.exit_code, result.output.splitlines()[-1]) == (code, last)
    assert all(line.startswith("<stdin>:") for line in result.output.splitlines() if ": RG" in line)


def test_standard_input_is_read_beside_files_and_in_every_format(files: Path):
    (files / "-").write_text(ERRORS, encoding="utf-8")
    for form in ("json", "sarif", "github", "text"):
        result = CliRunner().invoke(check_config, ["-", "clean.yaml", "--format", form], input=WARNING)
        assert result.exit_code == 0, result.output
    assert run("./-").exit_code == 2, "a file of this name"


def test_help_tells_the_exit_codes():
    output = run("--help").output
    assert "gateway_config.yaml" in output
    assert "0  no errors" in output


def test_nothing_of_mlflow_is_imported(files: Path):
    program = (
        "import sys; from rulegate.config import load_config; load_config('clean.yaml'); print('mlflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"


def test_every_format_tells_of_the_same_faults(files: Path):
    names = ["clean.yaml", "warning.yaml", "errors.yaml"]
    document = json.loads(run("--format", "json", *names).output)
    (log,) = json.loads(run("--format", "sarif", *names).output)["runs"]
    commands = run("--format", "github", *names).output.splitlines()
    codes = [found["code"] for file in document["files"] for found in file["diagnostics"]]
    assert codes == ["RG320", "RG307", "RG309", "RG320"]
    assert [result["ruleId"] for result in log["results"]] == codes
    assert [command.split("title=")[1][:5] for command in commands] == codes
    assert commands[1].startswith("::error file=errors.yaml,line=1,endLine=1,col=1,endColumn=5,title=RG307::")


@pytest.mark.parametrize("output_format", ["json", "sarif", "github"])
def test_the_exit_code_does_not_depend_on_the_format(files: Path, output_format: str):
    for name, code in [("clean.yaml", 0), ("warning.yaml", 1), ("errors.yaml", 2)]:
        assert run("--strict", "--format", output_format, name).exit_code == code


def test_stats_are_for_people(files: Path):
    result = run("--stats", "--format", "json", "clean.yaml")
    assert result.exit_code == 2
    assert "--stats is text; it does not go with --format json" in result.output


def test_a_file_is_checked_as_if_variables_were_set(files: Path):
    (files / "variables.yaml").write_text(CLEAN + "server: {port: '${CHECKED_PORT}'}\n", encoding="utf-8")
    assert "RG335 the environment has no variable `CHECKED_PORT`" in run("variables.yaml").output
    assert run("--set", "CHECKED_PORT=5010", "variables.yaml").exit_code == 0
    assert "RG310" in run("--set", "CHECKED_PORT=99999", "variables.yaml").output
    result = run("--set", "CHECKED_PORT", "variables.yaml")
    assert (result.exit_code, "`CHECKED_PORT` is not a name and a value" in result.output) == (2, True)
