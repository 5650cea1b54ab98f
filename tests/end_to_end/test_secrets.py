"""Credentials reach the registry and no model."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

SECRETS = {
    "MLFLOW_TRACKING_USERNAME": "the-gateway",
    "MLFLOW_TRACKING_PASSWORD": "a-secret-password",
    "AWS_SECRET_ACCESS_KEY": "a-secret-key",
    "HF_TOKEN": "a-secret-token",
    "HTTPS_PROXY": "http://user:a-secret-proxy@127.0.0.1:9",
}


@pytest.fixture(scope="module")
def gateway(start, registry, helpers):
    config = helpers.one_endpoint_a_model(
        registry["uri"], {"obedient": "models:/obedient/1"}, "models: {env: [HF_HOME, 'LISTED_*']}"
    )
    return start(config, HF_HOME="/srv/hf", LISTED_ONE="one", **SECRETS)


def test_a_model_sees_no_secret_in_its_environment(gateway):
    """Neither in what Python holds nor in what the kernel remembers of the program's start."""
    (found,) = gateway.command("environment:self").json()["predictions"]
    assert "PATH=" in found
    assert "HF_HOME=/srv/hf" in found
    assert "LISTED_ONE=one" in found
    assert "secret" not in found
    assert "the-gateway" not in found


def test_a_model_sees_no_secret_in_the_process_that_it_was_forked_from(gateway):
    (pid,) = gateway.command("pid").json()["predictions"]
    parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
    assert b"warm_parent" in Path(f"/proc/{parent}/cmdline").read_bytes()
    (found,) = gateway.command(f"environment:{parent}").json()["predictions"]
    assert "PATH=" in found
    assert "secret" not in found


@pytest.fixture(scope="module")
def nobodys_gateway(start, registry, helpers):
    """A gateway of a user who may not read everything, as root may."""
    launcher = ()
    if os.geteuid() == 0:
        launcher = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
        if (
            not shutil.which("unshare")
            or subprocess.run([*launcher, "true"], capture_output=True, check=False).returncode
        ):
            pytest.skip("this machine makes no namespaces of users")
    config = helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"})
    return start(config, launcher=launcher, **SECRETS)


def test_a_model_cannot_read_the_environment_of_the_gateway(nobodys_gateway):
    """Nor that of the process which asks the registry."""
    gateway = nobodys_gateway
    assert gateway.command("pid").status_code == 200
    (parent,) = [pid for pid in gateway.processes() if b"warm_parent" in Path(f"/proc/{pid}/cmdline").read_bytes()][:1]
    worker = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1]
    named = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in gateway.processes()}
    (registry,) = [pid for pid, name in named.items() if name == "rg-registry"]
    for pid in (gateway.process.pid, worker, registry):
        (found,) = gateway.command(f"environment:{pid}").json()["predictions"]
        assert found.startswith("PermissionError")


class Recorder(http.server.BaseHTTPRequestHandler):
    """A registry that knows nobody and remembers who asked."""

    def do_GET(self) -> None:
        self.server.seen.append(self.headers.get("Authorization"))
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such model"}')

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_the_registry_still_hears_who_asks(start, helpers):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder) as server:
        server.seen = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        gateway = start(helpers.one_endpoint_a_model(uri, {"m": "models:/m/1"}), **SECRETS)
        answer = gateway.text("x", "m")
        server.shutdown()
    assert answer.json()["code"] == "RG501"
    expected = base64.b64encode(b"the-gateway:a-secret-password").decode()
    assert set(server.seen) == {f"Basic {expected}"}


def test_a_file_that_names_more_than_is_allowed_is_not_served(start, registry, helpers):
    config = helpers.one_endpoint_a_model(registry["uri"], {"local": registry["local"]})
    with pytest.raises(AssertionError, match="RG322"):
        start(config, "--allow", "models:/*", "--allow", registry["uri"])
    assert start(config, "--allow", "*").text("x", "local").status_code == 200
