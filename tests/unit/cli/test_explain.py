"""``rulegate explain`` reads the request as the gateway would, answers without a model, and never shows a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rulegate.cli import main

CONFIG = """
model_endpoints:
  - name: sentiment
    routes:
      - {{alias: chosen, model_uri: "models:/m/1", model_request_condition: {condition}}}
      - {{alias: rest, model_uri: "models:/m/2"}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(condition: str, *arguments: str, sent: bytes = b"") -> Result:
    Path("gateway_config.yaml").write_text(CONFIG.format(condition=json.dumps(condition)), encoding="utf-8")
    result = CliRunner().invoke(main, ["explain", *arguments], input=sent)
    assert "Traceback" not in result.output
    return result


def is_true(condition: str, *arguments: str, sent: bytes = b"") -> bool:
    result = run(condition, "--format", "json", *arguments, sent=sent)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)["answer"]["route"] == "chosen"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("condition", "arguments"),
    [
        ("request.json['a'] == 'ä'", ("-d", '{"a": "ä"}')),
        ("request.is_json and request.content_type == 'application/json'", ("-d", "{}")),
        ("request.content_type is None and request.content_length is None", ()),
        ("request.content_length == 3", ("-d", "ä!")),
        ("request.content_type == 'text/csv'", ("-d", "a", "-H", "content-type: text/csv")),
        ("request.content_type == 'text/csv'", ("--content-type", "text/csv", "-d", "a", "-H", "Content-Type: x/y")),
        ("request.headers['x-tenant'] == 'acme: 1'", ("-H", "X-Tenant:  acme: 1 ")),
        ("request.headers['X-A'] == '1,2'", ("-H", "X-A: 1", "-H", "x-a: 2")),
        ("request.host == 'models.example:81'", ("-H", "Host: models.example:81")),
        ("request.method == 'GET'", ("--method", "get")),
        ("request.path == '/invocations'", ()),
        ("request.path == '/endpoints/sentiment/invocations'", ("--endpoint", "sentiment")),
        ("request.path == '/ä b'", ("--path", "/ä b")),
        (
            "request.path == '/\ufffd'",
            ("--path", "/\udcff"),
        ),  # a byte that is not UTF-8, as Python has it of a terminal
        ("request.args['a'] == 'ä b' and request.args['c'] == '1'", ("--query", "a=%C3%A4+b&c=1&c=2")),
        ("request.cookies['a'] == '1' and request.cookies['b'] == 'x y'", ("--cookie", 'a=1; b="x y"')),
        ("request.remote_addr == '127.0.0.1'", ()),
        ("ip_in(request.remote_addr, '2001:db8::/32')", ("--remote-addr", "2001:db8::1")),
        ("now_date() == '2025-01-31' and now_time() == '08:30:00'", ("--now", "2025-01-31T09:30+01:00")),
    ],
)
def test_each_part_of_a_request_can_be_typed(condition: str, arguments: tuple[str, ...]):
    assert is_true(condition, *arguments)


def test_the_body_comes_from_a_file_or_from_standard_input(folder: Path):
    (folder / "body.json").write_bytes(b'{"a": 7}')
    assert is_true("request.json['a'] == 7", "-d", "@body.json")
    assert is_true("request.json['a'] == 7", "--data", "@-", sent=b'{"a": 7}')
    assert is_true("request.content_length == 0", "-d", "@-")


@pytest.mark.usefixtures("folder")
def test_a_decision_service_s_answer_can_be_typed():
    config = "external: [{name: risk, url: 'http://127.0.0.1:1/'}]\n" + CONFIG.format(
        condition="\"external['risk'] > 5\""
    )
    Path("other.yaml").write_text(config, encoding="utf-8")
    for answer, code in (("7", "chosen"), ("3", "rest")):
        arguments = ["explain", "other.yaml", "--external", f"risk={answer}", "--format", "json"]
        assert json.loads(CliRunner().invoke(main, arguments).output)["answer"]["route"] == code


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("services", "what"),
    [
        ("[{name: risk, url: 'http://127.0.0.1:1/'}]", "no decision service `rsk`; did you mean `risk`?"),
        ("[{name: tier, url: 'http://127.0.0.1:1/'}]", "no decision service `rsk`; there are: `tier`"),
        ("[]", "no decision service `rsk`; it has none"),
    ],
)
def test_an_answer_of_a_service_that_there_is_not_is_refused(services: str, what: str):
    config = f"external: {services}\n" + CONFIG.format(condition="request.is_json")
    Path("other.yaml").write_text(config, encoding="utf-8")
    result = CliRunner().invoke(main, ["explain", "other.yaml", "--external", "rsk=1"])
    assert result.exit_code == 2
    assert what in " ".join(result.output.split())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("option", "typed"),
    [
        ("--remote-addr", "zz"),
        ("--path", "invocations"),
        ("--method", "G\aT"),
        ("--header", "X-A: a\nb"),
        ("--header", "X A: a"),
        ("--content-type", "text/csv\n"),
        ("--cookie", "a=1\x1b"),
    ],
)
def test_what_no_request_can_have_is_refused(option: str, typed: str):
    result = run("request.is_json", option, typed)
    assert result.exit_code == 2
    named = option if option in {"--remote-addr", "--path", "--method"} else "--header"
    assert f"Invalid value for {named}" in result.output


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("typed", ["@/dev/zero", "@-", "x" * (10 * 1024**2 + 1)], ids=["a device", "input", "typed"])
def test_no_larger_body_is_read_than_the_gateway_takes(typed: str):
    result = run("request.is_json", "-d", typed, sent=bytes(10 * 1024**2 + 1))
    assert result.exit_code == 2
    assert "the body is larger than the 10485760 bytes of `server.max_body`" in " ".join(result.output.split())


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("answer", ["risk", "risk=", "risk={", "=[", "risk=" + "[" * 100_000, "risk=" + "9" * 5000])
def test_an_answer_that_is_no_json_is_refused(answer: str):
    result = run("request.is_json", "--external", answer)
    assert result.exit_code == 2
    assert "is not a name and JSON" in result.output
    assert len(result.output) < 1000


@pytest.mark.usefixtures("folder")
def test_a_configuration_with_errors_is_told_as_everywhere():
    result = run("request.jsn == 1")
    assert result.exit_code == 2
    assert "gateway_config.yaml:5:" in result.output
    assert "RG202" in result.output


@pytest.mark.usefixtures("folder")
def test_the_exit_code_tells_whether_anything_answers():
    assert run("request.json['a'] == 1", "-d", "{}").exit_code == 0
    assert run("request.json['a'] == 1", "-d", "{").exit_code == 1


def test_no_model_library_is_imported(folder: Path):
    (folder / "gateway_config.yaml").write_text(CONFIG.format(condition="request.method == 'POST'"), encoding="utf-8")
    program = (
        "import sys; from rulegate.cli import main; main(['explain', '-d', '{}'], standalone_mode=False); "
        "print(sorted({'mlflow', 'pandas', 'numpy', 'sklearn', 'uvicorn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=folder)
    assert "route `chosen` answers" in done.stdout
    assert done.stdout.endswith("[]\n")
