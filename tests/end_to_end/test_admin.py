"""The admin port of a real gateway: what was done shows in the metrics, the file is read again when it is asked for."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "a-token-that-nobody-can-guess"
PATIENCE_S = 60


def config_of(registry, *, message: str = "blocked", extra: str = "") -> str:
    return f"""
registry_uri: {registry["uri"]}
admin: {{port: 0, token: {TOKEN}}}
{extra}
model_endpoints:
  - name: sentiment
    routes:
      - alias: blocked
        model_request_condition: "request.headers['X-Tenant'] == 'evil'"
        on_error: no_match
        deny: {{status: 403, message: {message}}}
      - alias: broken
        model_request_condition: "request.headers.get('X-Broken') == 'yes'"
        model_uri: models:/stubborn/1
        fallback: [rest]
      - alias: plain
        model_request_condition: "request.headers['X-Text'] == 'a,b'"
        on_error: no_match
        deny: {{status: 403, message: plain}}
      - alias: nothing
        model_request_condition: "request.headers['X-Text'] == '' or request.cookies['b'] == '2'"
        on_error: no_match
        deny: {{status: 403, message: nothing}}
      - alias: query
        model_request_condition: "request.args['q'] == 'é'"
        on_error: no_match
        deny: {{status: 403, message: query}}
      - {{alias: rest, model_uri: models:/versioned/1}}
"""


class AdminPort:
    """The admin port of a gateway, for somebody who has the token."""

    def __init__(self, gateway, token: str = TOKEN) -> None:
        (self.url,) = re.findall(r"admin port on (http://\S+)", gateway.out.read_text())
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, headers=self.headers, timeout=PATIENCE_S)

    def post(self, path: str, facts: dict | None = None) -> requests.Response:
        return requests.post(self.url + path, headers=self.headers, json=facts, timeout=PATIENCE_S)

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        samples = [sample for family in families for sample in family.samples if sample.name == f"rulegate_{name}"]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


@pytest.fixture(scope="module")
def gateway(start, registry, helpers):
    gateway = start(config_of(registry), "--no-watch")
    helpers.wait_until(lambda: "admin port" in gateway.out.read_text())
    return gateway


@pytest.fixture
def admin(gateway) -> AdminPort:
    return AdminPort(gateway)


def test_nothing_is_told_without_the_token(gateway):
    stranger = AdminPort(gateway, "another-token-that-is-as-long")
    for path in ("/metrics", "/admin/config", "/admin/models", "/nothing"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "RG414")
    assert stranger.post("/admin/reload").status_code == 401
    assert gateway.get("/metrics").status_code == 404, "it is on the admin port alone"


def test_metrics_show_what_was_done(gateway, admin):
    before = admin.value("requests_total")
    assert gateway.text("x", "sentiment").status_code == 200
    assert gateway.text("x", "sentiment", x_tenant="evil").status_code == 403
    assert gateway.text("x", "sentiment", x_broken="yes").headers["x-rulegate-route"] == "rest"
    assert gateway.text("x", "nobody").status_code == 404
    assert gateway.post("{", content_type="text/plain").status_code == 415
    assert admin.value("requests_total") - before == 5
    assert admin.value("requests_total", route="rest", target="rest", status="200", code="") == 2
    assert admin.value("requests_total", route="blocked", status="403", code="RG412") == 1
    assert admin.value("requests_total", endpoint="", status="404", code="RG407") == 1
    assert admin.value("fallbacks_total", route="broken", code="RG502", answered_by="rest") == 1
    assert admin.value("condition_errors_total", route="blocked", on_error="no_match") == 3
    assert admin.value("target_predict_seconds_count", target="rest") == 2
    assert admin.value("request_duration_seconds_count", endpoint="sentiment", part="load") >= 1
    assert admin.value("model_loads_total", model="models:/versioned/1") == 1
    assert admin.value("model_load_failures_total", model="models:/stubborn/1") == 1
    assert admin.value("model_batch_size_count", model="models:/versioned/1") == 2
    assert admin.value("info") == 1


def test_the_models_in_memory_are_shown(gateway, admin):
    assert gateway.text("x", "sentiment").status_code == 200
    (loaded,) = admin.get("/admin/models").json()["loaded"]
    assert (loaded["model"], loaded["model_uris"], loaded["state"]) == (
        "models:/versioned/1",
        ["models:/versioned/1"],
        "ready",
    )
    assert loaded["memory_bytes"] > 0


def test_a_live_request_is_explained_and_not_sent(gateway, admin):
    assert gateway.text("x", "sentiment").status_code == 200
    before = admin.value("requests_total")
    told = admin.post("/admin/explain", {"headers": {"X-Tenant": "acme"}, "why_not": "broken"}).json()
    assert told["answer"]["route"] == "rest"
    assert told["answer"]["targets"][0]["loaded"] is True
    assert told["why_not"]["instead"] == "rest"
    told = admin.post("/admin/explain", {"headers": {"X-Tenant": "a", "X-Broken": "yes"}}).json()
    assert told["answer"]["targets"][0]["loaded"] is False
    assert admin.value("requests_total") == before


@pytest.mark.parametrize(
    ("headers", "query", "route"),
    [
        ([("X-Text", "a"), ("x-text", " b ")], "", "plain"),
        ([("X-Text", "é")], "", "nothing"),
        ([("X_Text", "x"), ("X-Text", "a"), ("X-Text", "b")], "", "plain"),
        ([("X-Text", "b"), ("Cookie", "a=1"), ("Cookie", "b=2")], "", "nothing"),
        ([("X-Text", "b"), ("Cookie", "a=1")], "q=%C3%A9", "query"),
    ],
)
def test_odd_headers_and_queries_are_explained_as_the_server_reads_them(gateway, admin, headers, query, route):
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as connection:
        start = f"POST /invocations?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n"
        connection.sendall(f"{start}{head}\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert f"x-rulegate-route: {route}\r\n" in answer
    described: dict[str, list[str]] = {}
    for name, value in headers:
        described.setdefault(name, []).append(value)
    told = admin.post("/admin/explain", {"headers": described, "query": query}).json()
    assert told["answer"]["route"] == route


def test_a_reload_that_is_asked_for_is_told_its_result(gateway, admin, registry):
    new = config_of(registry, message="go away")
    gateway.config.write_text(new)
    answer = admin.post("/admin/reload")
    assert (answer.status_code, answer.json()["result"]) == (200, "changed")
    assert gateway.text("x", "sentiment", x_tenant="evil").json()["message"] == "go away"
    assert admin.post("/admin/reload").json()["result"] == "unchanged"

    gateway.config.write_text(new.replace("alias: rest", "alais: rest"))
    answer = admin.post("/admin/reload")
    assert (answer.status_code, answer.json()["result"]) == (422, "refused")
    assert gateway.text("x", "sentiment", x_tenant="evil").json()["message"] == "go away"
    shown = admin.get("/admin/config").json()
    assert "`alais`" in json.dumps(shown["refusal"]["diagnostics"])
    assert shown["sha256"] == hashlib.sha256(new.encode()).hexdigest()
    assert admin.value("config_refused") == 1
    for text in (answer.text, json.dumps(shown)):
        assert str(gateway.config.parent) not in text
        assert TOKEN not in text

    gateway.config.write_text(config_of(registry))
    assert admin.post("/admin/reload").json()["result"] == "changed"
    assert admin.value("config_refused") == 0


def test_what_was_counted_outlives_a_reload_but_for_names_that_are_gone(gateway, admin, registry):
    assert gateway.text("x", "sentiment").status_code == 200
    before = admin.value("requests_total", route="rest", status="200")
    gateway.config.write_text(config_of(registry).replace("alias: blocked", "alias: barred"))
    assert admin.post("/admin/reload").json()["result"] == "changed"
    assert admin.value("requests_total", route="rest", status="200") == before
    assert admin.value("condition_errors_total", route="blocked") == 0
    assert gateway.text("x", "sentiment").status_code == 200
    assert admin.value("condition_errors_total", route="barred") == 1
    gateway.config.write_text(config_of(registry))
    assert admin.post("/admin/reload").json()["result"] == "changed"


def test_the_admin_port_is_there_again_when_the_worker_has_died(gateway, admin, helpers):
    started = admin.value("start_time_seconds")
    (worker,) = [pid for pid in gateway.processes() if _parent(pid) == gateway.process.pid]
    os.kill(worker, signal.SIGKILL)
    helpers.wait_until(lambda: not helpers.alive(worker))
    assert gateway.text("x", "sentiment").status_code == 200
    assert admin.value("start_time_seconds") > started


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_an_admin_port_that_is_taken_is_told_at_the_start(gateway, registry, tmp_path):
    taken = AdminPort(gateway).url.rpartition(":")[2]
    config = tmp_path / "gateway_config.yaml"
    config.write_text(config_of(registry).replace("port: 0", f"port: {taken}"))
    command = [sys.executable, "-m", "rulegate", "serve", str(config), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {taken}" in done.stderr
    assert "name another port with `admin.port`" in done.stderr


def test_without_the_key_there_is_no_admin_port(start, registry):
    config = re.sub(r"^admin:.*\n", "", config_of(registry), flags=re.MULTILINE)
    gateway = start(config)
    assert gateway.text("x", "sentiment").status_code == 200
    assert "admin" not in gateway.out.read_text()
    assert gateway.stop() == 0


def test_a_killed_gateway_gives_up_its_admin_port_while_a_request_is_in_flight(start, registry, helpers, tmp_path):
    """So that another can be started at once."""
    gateway = start(config_of(registry).replace("models:/versioned/1", "models:/obedient/1"))
    admin = AdminPort(gateway)
    with ThreadPoolExecutor(1) as threads:
        in_flight = threads.submit(gateway.command, f"await:{tmp_path}", "sentiment")
        helpers.wait_until((tmp_path / "begun").exists)
        others = [pid for pid in gateway.processes() if pid != gateway.process.pid]
        os.kill(gateway.process.pid, signal.SIGKILL)
        gateway.process.wait(helpers.PATIENCE_S)
        helpers.wait_until(lambda: not is_listening(admin.url))
        assert any(helpers.alive(pid) for pid in others), "the request is still in flight"
        (tmp_path / "go").touch()
        in_flight.exception()
        helpers.wait_until(lambda: not any(helpers.alive(pid) for pid in others))


def is_listening(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True
