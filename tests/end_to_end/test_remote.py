"""Models of other servers: MLflow's own, and another rulegate, answer through a gateway as they do directly."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

JSON = "application/json"
BODIES = {
    "split": ('{"dataframe_split": {"columns": ["command"], "data": [["echo:é"]]}}', JSON),
    "records": ('{"dataframe_records": [{"command": "echo:a"}]}', "application/json; charset=utf-8"),
    "csv": ("command\necho:a\n", "text/csv"),
    "raises": ('{"dataframe_split": {"columns": ["command"], "data": [["raise:secret"]]}}', JSON),
    "refuses": ('{"dataframe_split": {"columns": ["command"], "data": [["refuse:no"]]}}', JSON),
    "no such column": ('{"dataframe_split": {"columns": ["other"], "data": [["echo:a"]]}}', JSON),
    "no data": ("{}", JSON),
    "no json": ("{", JSON),
}
ANSWERED = ("split", "records", "csv")


@pytest.fixture(scope="session")
def stock(registry: Any, helpers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `mlflow models serve` with the obedient model."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/obedient/1", "--env-manager", "local"]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": registry["uri"],
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with (tmp_path_factory.mktemp("stock") / "log").open("w+") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port)], env=environment, stdout=log, stderr=log, start_new_session=True
        )
        url = f"http://127.0.0.1:{port}"
        try:
            helpers.wait_until(lambda: server.poll() is not None or _answers(url))
            assert server.poll() is None, Path(log.name).read_text()
            yield url
        finally:
            # What it starts in turn is in its session.
            os.killpg(server.pid, 9)
            server.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/ping", timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


@dataclass(frozen=True)
class Servers:
    """A gateway, and behind it both kinds of servers; the other rulegate is asked at `path`."""

    gateway: Any
    stock: str
    other: Any
    path: str = "/endpoints/obedient/invocations"


@pytest.fixture(scope="session")
def servers(registry: Any, start: Any, helpers: Any, stock: str) -> Servers:
    other = start(helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}))
    uris = {
        "stock": stock,
        "other": f"{other.url}{Servers.path}",
        "elsewhere": f"{other.url}/nothing/here",
        "gone": "http://127.0.0.1:1",
    }
    return Servers(start(helpers.one_endpoint_a_model("sqlite:///nobody-asks-it.db", uris)), stock, other)


def through(servers: Servers, endpoint: str, name: str) -> requests.Response:
    body, content_type = BODIES[name]
    return servers.gateway.post(body.encode(), f"/endpoints/{endpoint}/invocations", content_type=content_type)


def directly(url: str, name: str) -> requests.Response:
    body, content_type = BODIES[name]
    return requests.post(url, data=body.encode(), headers={"content-type": content_type}, timeout=60)


@pytest.mark.parametrize("name", BODIES)
def test_mlflows_own_server_answers_through_a_gateway_as_directly(servers: Servers, name: str):
    ours, theirs = through(servers, "stock", name), directly(f"{servers.stock}/invocations", name)
    assert ours.status_code == theirs.status_code
    assert ours.headers["x-rulegate-model"] == servers.stock
    if name in ANSWERED:
        assert (ours.content, ours.headers["content-type"]) == (theirs.content, theirs.headers["content-type"])
    else:
        assert ours.json()["error_code"] == theirs.json()["error_code"]
        assert ours.json()["code"] == "RG514"
        assert "Traceback" not in ours.text
        assert str(Path(__file__).parent) not in ours.text


@pytest.mark.parametrize("name", BODIES)
def test_another_rulegate_answers_through_a_gateway_as_directly(servers: Servers, name: str):
    ours, theirs = through(servers, "other", name), directly(servers.other.url + servers.path, name)
    assert ours.status_code == theirs.status_code
    if name in ANSWERED:
        assert (ours.content, ours.headers["content-type"]) == (theirs.content, theirs.headers["content-type"])
    else:
        others = {"code": "RG514", "request_id": ours.headers["x-request-id"]}
        assert ours.json() == theirs.json() | others


def test_both_gateways_log_a_request_under_one_id(servers: Servers, helpers: Any):
    answered = through(servers, "other", "split")
    this_request = answered.headers["x-request-id"]
    for gateway in (servers.gateway, servers.other):
        helpers.wait_until(
            lambda gateway=gateway: this_request in {line["request_id"] for line in gateway.requests_logged()}
        )


def test_a_path_without_a_model_and_a_server_that_is_not_there_are_told_apart(servers: Servers):
    assert through(servers, "gone", "split").json()["code"] == "RG511"
    elsewhere = through(servers, "elsewhere", "split").json()
    assert (elsewhere["code"], elsewhere["error_code"]) == ("RG514", "ENDPOINT_NOT_FOUND")
