"""Whatever comes in: a clear message, the right status or exit code, and everything else goes on."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def gateway(start, registry, demo_registry, helpers):
    models = {
        "obedient": "models:/obedient/1",
        "unknown": "models:/nobody/1",
        "no-stage": "models:/versioned/Archived",
        "no-alias": "models:/versioned@nobody",
        "no-version": "models:/versioned/99",
        "no-id": "models:/m-00000000000000000000000000000000",
        "no-run": "runs:/00000000000000000000000000000000/model",
        "no-folder": "/nowhere/secret/model",
        "stubborn": "models:/stubborn/1",
        "dying": "models:/dying/1",
        "broken": "models:/broken/1",
        "versioned": "models:/versioned/1",
    }
    config = helpers.one_endpoint_a_model(registry["uri"], models, "server: {max_body: 64KiB}")
    return start(
        config
        + """
  - name: conditional
    routes:
      - alias: strict
        model_uri: models:/versioned/1
        model_request_condition: "request.json['tier'] == 'gold'"
        on_error: fail
  - name: selective
    routes:
      - alias: gold
        model_uri: models:/versioned/1
        model_request_condition: "request.json['tier'] == 'gold'"
"""
    )


@pytest.fixture(autouse=True)
def everything_else_goes_on(gateway):
    """After whatever a test did, the gateway answers another request."""
    yield
    assert gateway.command("echo:still here").json() == {"predictions": ["still here"]}


def failed(answer, status: int, error_code: str, code: str, *words: str) -> str:
    """Holds the answer against what every failure looks like; its message."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    facts = answer.json()
    assert {"error_code", "message", "code", "request_id"} <= facts.keys()
    assert (facts["error_code"], facts["code"]) == (error_code, code), facts
    assert facts["request_id"] == answer.headers["x-request-id"]
    for word in words:
        assert word in facts["message"]
    assert "Traceback" not in answer.text
    assert not re.search(r"/(srv|nowhere|tmp|home|root|usr|work)\b", answer.text), answer.text
    return facts["message"]


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("unknown", ["nobody"]),
        ("no-stage", ["versioned", "Archived"]),
        ("no-alias", ["nobody", "alias"]),
        ("no-version", ["versioned", "99"]),
        ("no-id", ["m-00000000000000000000000000000000"]),
        ("no-folder", ["no folder", "model"]),
    ],
)
def test_a_model_that_does_not_resolve(gateway, endpoint, words):
    answer = gateway.text("x", endpoint)
    failed(answer, 503, "TEMPORARILY_UNAVAILABLE", "RG501", *words)
    assert answer.headers["retry-after"].isdigit()


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("no-run", ["00000000000000000000000000000000"]),
        ("stubborn", ["RuntimeError"]),
        ("dying", ["ended while loading"]),
        ("broken", []),
    ],
)
def test_a_model_that_does_not_load(gateway, endpoint, words):
    for _ in range(2):  # a failed load leaves nothing behind that would change the next try
        answer = gateway.text("x", endpoint)
        message = failed(answer, 503, "TEMPORARILY_UNAVAILABLE", "RG502", *words)
        # The text of what a model's own code raises is for the log.
        assert "weights" not in message
        assert answer.headers["retry-after"].isdigit()


def test_a_model_that_raises(gateway, helpers):
    """The client learns that the model failed; the exception and its trace go to the log, under the request's id."""

    def logged() -> str | None:
        # One trace of a model is logged in a second, and another test may just have had it.
        answer = gateway.command("raise:a secret")
        message = failed(answer, 400, "BAD_REQUEST", "RG507", "unexpected error while evaluating the model")
        assert "secret" not in message
        return gateway.logged(answer).get("detail")

    assert "ValueError: a secret" in helpers.wait_until(logged)


def test_a_client_does_not_choose_how_many_traces_are_logged(gateway):
    """Of a model that raises, one a second; of one that cannot be loaded, one for each time that it is tried."""
    before, begin = len(gateway.log()), time.monotonic()
    while time.monotonic() - begin < 1.5:
        failed(gateway.command("raise:again"), 400, "BAD_REQUEST", "RG507")
        answer = gateway.text("x", "stubborn")
    gateway.logged(answer)
    took_s = time.monotonic() - begin
    lines = gateway.log()[before:]
    requests = [line for line in lines if line["event"] == "request"]
    told = [line for line in requests if "detail" in line]
    assert 1 <= len(told) <= 2 + took_s < len(requests)
    assert told[-1]["details_left_out"] > 1
    assert not [line for line in requests if line.get("code") == "RG502" and "detail" in line]
    tries = [line for line in lines if "weights are missing" in line.get("detail", "")]
    assert len(tries) == sum(line["event"] == "models:/stubborn/1 is being loaded" for line in lines) > 0


def test_a_model_that_raises_mlflows_exception_is_quoted(gateway):
    failed(gateway.command("refuse:not today"), 400, "INVALID_PARAMETER_VALUE", "RG507", "not today", "place.txt")


def test_a_model_that_wants_to_leave(gateway):
    failed(gateway.command("leave:now"), 400, "BAD_REQUEST", "RG507", "SystemExit")


def test_a_result_that_cannot_be_encoded(gateway):
    failed(gateway.command("object"), 500, "INTERNAL_ERROR", "RG506", "cannot be encoded")


def test_numbers_that_json_does_not_have_are_null(gateway):
    answer = gateway.command("nan")
    assert json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON")) == {
        "predictions": [None, None, 1.5]
    }


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "nonsense",
        '{"dataframe_split": ',
        "[1, 2]",
        '"text"',
        "null",
        "[" * 20_000,
        b"\xff\xfe\x00",
        "{}",
        '{"instances": [1], "inputs": [1]}',
        '{"dataframe_split": 5}',
        '{"dataframe_split": {"columns": ["text"], "data": [[1, 2, 3]]}}',
        '{"dataframe_records": "x"}',
    ],
)
def test_a_body_that_is_not_the_protocols_json(gateway, body):
    message = failed(gateway.post(body, "/endpoints/versioned/invocations"), 400, "BAD_REQUEST", "RG507")
    assert len(message) < 2000


def test_a_body_that_a_condition_cannot_read(gateway):
    """The request is wrong, whatever the route thinks of errors, and no model is needed to say so."""
    for endpoint in ("conditional", "selective"):
        answer = gateway.post('{"secret": ', f"/endpoints/{endpoint}/invocations")
        message = failed(answer, 400, "BAD_REQUEST", "RG406", "valid JSON formatted string")
        assert "secret" not in message


def test_a_condition_that_errs_fails_the_request_where_the_route_says_so(gateway):
    failed(gateway.text("x", "conditional"), 422, "INVALID_PARAMETER_VALUE", "RG409", "strict")


def test_no_route_matches(gateway):
    failed(gateway.text("x", "selective"), 404, "RESOURCE_DOES_NOT_EXIST", "RG408", "gold", "tried")


def test_a_wrong_column(gateway):
    answer = gateway.command("echo")  # warm
    body = {"dataframe_split": {"columns": ["txt"], "data": [["confidential"]]}}
    answer = gateway.post(body, "/endpoints/obedient/invocations")
    message = failed(answer, 400, "INVALID_PARAMETER_VALUE", "RG507", "Failed to enforce schema", "missing inputs")
    assert "confidential" not in message


@pytest.mark.parametrize(
    ("content_type", "words"),
    [
        ("text/plain", "Got 'text/plain'"),
        ("application/xml", "only supports the following content types"),
        ("application/json; charset=latin-1", "only supports UTF-8"),
        ("application/json; version=2", "Unrecognized content type parameters"),
        ("", "only supports the following content types"),
    ],
)
def test_a_wrong_content_type(gateway, content_type, words):
    answer = gateway.post("x", "/endpoints/versioned/invocations", content_type=content_type)
    failed(answer, 415, "BAD_REQUEST", "RG405", words)


def test_a_utf8_charset_is_fine(gateway):
    answer = gateway.text("x", "versioned", content_type="application/json; charset=utf-8")
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_refused_whether_its_length_is_announced_or_not(gateway):
    large = json.dumps({"dataframe_split": {"columns": ["text"], "data": [["x" * 70_000]]}})
    path = "/endpoints/versioned/invocations"
    failed(gateway.post(large, path), 413, "BAD_REQUEST", "RG403", "65536")
    import requests

    chunks = (large[i : i + 1000].encode() for i in range(0, len(large), 1000))
    headers = {"content-type": "application/json"}
    failed(requests.post(gateway.url + path, data=chunks, headers=headers, timeout=60), 413, "BAD_REQUEST", "RG403")


def test_a_body_of_exactly_the_limit_is_taken(gateway):
    frame = '{"dataframe_split": {"columns": ["text"], "data": [["%s"]]}}'
    body = frame % ("x" * (65536 - len(frame) + 2))
    assert len(body) == 65536
    assert gateway.post(body, "/endpoints/versioned/invocations").status_code == 200


def test_an_unknown_endpoint(gateway):
    failed(gateway.text("x", "nobody"), 404, "ENDPOINT_NOT_FOUND", "RG407", "nobody", "obedient")


def test_an_unknown_path(gateway):
    failed(gateway.get("/nothing"), 404, "ENDPOINT_NOT_FOUND", "RG401")
    failed(gateway.post("{}", "/endpoints/obedient"), 404, "ENDPOINT_NOT_FOUND", "RG401")


def test_a_method_that_is_not_allowed(gateway):
    import requests

    answer = requests.put(gateway.url + "/invocations", data="x", timeout=60)
    failed(answer, 405, "BAD_REQUEST", "RG402", "POST")
    assert answer.headers["allow"] == "POST"
    answer = requests.post(gateway.url + "/ping", data="x", timeout=60)
    failed(answer, 405, "BAD_REQUEST", "RG402", "GET")


def test_a_client_that_goes_away_in_the_middle_of_its_body(gateway):
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        sock.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        )


def run_serve(folder, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rulegate", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=folder, check=False)


VALID = "model_endpoints: [{name: e, routes: [{alias: a, model_uri: 'models:/m/1'%s}]}]\n"


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (None, "RG3", "gateway_config.yaml"),
        ("", "RG3", "empty"),
        ("model_endpoints: [", "RG303", "a value is missing here"),
        ("model_endpoints: []\nmodel_endpoints: []\n", "RG3", "model_endpoints"),
        (VALID % "" + "colour: red\n", "RG3", "colour"),
        (VALID % ", model_request_condition: \"request.json['a'] ==\"", "RG1", "request.json['a'] =="),
        (VALID % ', model_request_condition: "request.json.foo"', "RG2", "['foo']"),
        (VALID % ', model_request_condition: "request.__class__"', "RG", "__class__"),
    ],
    ids=["missing", "empty", "no YAML", "duplicate key", "unknown key", "syntax", "attribute of JSON", "dunder"],
)
def test_a_broken_configuration_is_not_served(tmp_path, text, code, words):
    """Its diagnostics are printed, the exit code is 2, and there is no traceback."""
    if text is not None:
        (tmp_path / "gateway_config.yaml").write_text(text)
    done = run_serve(tmp_path)
    assert done.returncode == 2
    assert re.search(rf"^gateway_config\.yaml:\d+:\d+: {code}", done.stderr, re.MULTILINE), done.stderr
    assert words in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_port_in_use(tmp_path):
    (tmp_path / "gateway_config.yaml").write_text(VALID % "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_serve(tmp_path, "--port", str(port))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}: address already in use" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_address_of_another_machine(tmp_path):
    (tmp_path / "gateway_config.yaml").write_text(VALID % "")
    done = run_serve(tmp_path, "--host", "203.0.113.7", "--port", "0")
    assert done.returncode == 2
    assert "cannot listen on 203.0.113.7" in done.stderr


def test_a_table_in_chunks_is_answered_if_it_comes_whole_and_else_is_not(gateway, helpers):
    import requests

    url = gateway.url + "/endpoints/versioned/invocations"
    headers = {"content-type": "text/csv", "x-request-id": "broken-table"}
    answer = requests.post(url, data=iter([b"text\n", b"a\n"]), headers={"content-type": "text/csv"}, timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"predictions": [1]})

    def table() -> Iterator[bytes]:
        yield b"text\n"
        yield b"a\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        requests.post(url, data=table(), headers=headers, timeout=60)
    line = helpers.wait_until(lambda: [x for x in gateway.requests_logged() if x["request_id"] == "broken-table"])[0]
    assert (line["status"], line["code"]) == (400, "RG404")


def test_an_exception_as_long_as_its_request_ends_only_that_request(gateway):
    """What goes to the log is cut in the model's process, which lives on."""
    before = gateway.command("pid").json()
    failed(gateway.command("raise:" + "é" * 5_000), 400, "BAD_REQUEST", "RG507")
    failed(gateway.command("flood"), 400, "BAD_REQUEST", "RG507")
    assert gateway.command("pid").json() == before


def test_a_body_that_is_not_utf8_is_not_quoted(gateway):
    for endpoint in ("versioned", "selective"):
        answer = gateway.post(b'{"secret word": "\xe9"}', f"/endpoints/{endpoint}/invocations")
        assert answer.status_code == 400
        assert "secret word" not in answer.text


def test_a_path_is_decoded_once(gateway):
    assert gateway.text("x", "%6fbedient").status_code == 400
    failed(gateway.text("x", "%256fbedient"), 404, "ENDPOINT_NOT_FOUND", "RG407", "%6fbedient")


def test_a_registry_that_does_not_answer_gives_away_no_password(start, helpers):
    config = helpers.one_endpoint_a_model("http://user:s3cretpass@127.0.0.1:9/base", {"m": "models:/m/1"})
    gateway = start(config)
    answer = gateway.text("x", "m")
    failed(answer, 503, "TEMPORARILY_UNAVAILABLE", "RG501", "does not answer")
    assert "s3cretpass" not in answer.text + gateway.err.read_text()
    assert "127.0.0.1" not in answer.text


def test_a_host_that_is_none(tmp_path):
    (tmp_path / "gateway_config.yaml").write_text(VALID % "")
    for host in ("a" * 70, "é" * 70, "no.such.host.invalid"):
        done = run_serve(tmp_path, "--host", host, "--port", "0")
        assert done.returncode == 2
        assert "cannot listen on" in done.stderr
        assert "--host" in done.stderr
        assert "Traceback" not in done.stderr
