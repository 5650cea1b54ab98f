"""A real gateway on a real registry, as users run it: `rulegate serve` in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

PATIENCE_S = 60
"""How long anything may take before a test gives up; nothing waits so long when all is well."""


class Facts(dict[str, str]):
    """Where the registry of the tests is, and what is in it."""


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    folder = tmp_path_factory.mktemp("registry")
    script = Path(__file__).parent / "make_registry.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Facts(json.loads(done.stdout))


def wait_until(what: Callable[[], Any], *, timeout_s: float = PATIENCE_S) -> Any:
    """The first true value of `what`, asked again and again."""
    until = time.monotonic() + timeout_s
    while not (value := what()):
        assert time.monotonic() < until, "waited in vain"
        threading.Event().wait(0.01)
    return value


class GatewayProcess:
    """`rulegate serve` with a configuration, until it is stopped."""

    def __init__(
        self,
        config: Path,
        folder: Path,
        cwd: Path,
        *,
        environment: dict[str, str],
        arguments: tuple[str, ...],
        launcher: tuple[str, ...] = (),
    ) -> None:
        self.config = config
        self.out, self.err = folder / "out", folder / "err"
        self._log: list[dict[str, Any]] = []
        self._log_bytes = 0
        self._log_lock = threading.Lock()
        serve = ["-m", "rulegate", "serve", str(config), "--log-format", "json"]
        command = [*launcher, sys.executable, *serve, *arguments]
        self.started = time.monotonic()
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                command,
                stdout=out,
                stderr=err,
                env=os.environ | environment,
                cwd=cwd,
                start_new_session=True,
                # However the tests were started (`nohup` ignores it), the gateway is to hear it.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - no thread runs yet
            )
        match = wait_until(lambda: self._gone() or re.search(r"http://([\w.]+:\d+)", self.out.read_text()))
        assert match is not True, f"it ended: {self.err.read_text()}"
        self.url = f"http://{match[1]}"

    def _gone(self) -> bool:
        return self.process.poll() is not None

    def post(self, text: str | bytes | dict[str, Any], path: str = "/invocations", **headers: str) -> requests.Response:
        """Posts a body; a dict as JSON, with the headers of a JSON request unless others are named."""
        body = json.dumps(text) if isinstance(text, dict) else text
        fields = {"content-type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        fields = {k: v for k, v in fields.items() if v != ""}
        return requests.post(self.url + path, data=body, headers=fields, timeout=PATIENCE_S)

    def command(self, command: str, endpoint: str = "obedient", **headers: str) -> requests.Response:
        """Has the obedient model do something."""
        body = {"dataframe_split": {"columns": ["command"], "data": [[command]]}}
        return self.post(body, f"/endpoints/{endpoint}/invocations", **headers)

    def text(self, text: str, endpoint: str, **headers: str) -> requests.Response:
        """Asks a model with the one column `text`."""
        body = {"dataframe_split": {"columns": ["text"], "data": [[text]]}}
        return self.post(body, f"/endpoints/{endpoint}/invocations", **headers)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=PATIENCE_S)

    def log(self) -> list[dict[str, Any]]:
        """The log's whole lines so far that are the gateway's own."""
        # Read on from where it was read to: a test may look again and again while the log grows.
        with self._log_lock, self.err.open("rb") as file:
            file.seek(self._log_bytes)
            whole, end, _ = file.read().rpartition(b"\n")
            self._log_bytes += len(whole + end)
            self._log += [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
            return list(self._log)

    def requests_logged(self) -> list[dict[str, Any]]:
        return [line for line in self.log() if line["event"] == "request"]

    def logged(self, answer: requests.Response) -> dict[str, Any]:
        """The one line of the request that was answered so; it may come a moment after the answer."""
        this = answer.headers["x-request-id"]
        lines = wait_until(lambda: [line for line in self.requests_logged() if line["request_id"] == this])
        (line,) = lines
        return line

    def processes(self) -> list[int]:
        """Every living process that descends from the gateway, itself included."""
        return descendants(self.process.pid)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(PATIENCE_S)


def descendants(root: int) -> list[int]:
    found, parents = [], {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(entry.name)] = int(parent)
    for pid in parents:
        ancestor: int | None = pid
        while ancestor and ancestor != root:
            ancestor = parents.get(ancestor)
        if ancestor == root:
            found.append(pid)
    return sorted(found)


def children(pid: int) -> list[int]:
    """The living processes that a process has started itself."""
    found = []
    for other in descendants(pid):
        with contextlib.suppress(OSError):
            if int(Path(f"/proc/{other}/stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(other)
    return found


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie, which only waits to be counted, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


Start = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Starts gateways, each on a free port; all have ended when the tests have."""
    running: list[GatewayProcess] = []
    cache = tmp_path_factory.mktemp("cache")

    def start(
        config: str, *arguments: str, cwd: Path | None = None, launcher: tuple[str, ...] = (), **environment: str
    ) -> GatewayProcess:
        folder = tmp_path_factory.mktemp("gateway")
        path = folder / "gateway_config.yaml"
        path.write_text(config)
        variables = {"RULEGATE_CACHE": str(cache)} | environment
        arguments = ("--port", "0", *arguments)
        gateway = GatewayProcess(
            path, folder, cwd or folder, environment=variables, arguments=arguments, launcher=launcher
        )
        running.append(gateway)
        return gateway

    yield start
    for gateway in running:
        if gateway.process.poll() is None:
            gateway.process.kill()
            gateway.process.wait()


def one_endpoint_a_model(registry_uri: str, models: dict[str, str], extra: str = "") -> str:
    """A configuration with an endpoint, without conditions, for each model URI."""
    lines = [f"registry_uri: {registry_uri}", extra, "model_endpoints:"]
    for name, uri in models.items():
        lines += [f"  - name: {name}", "    routes:", f"      - {{alias: only, model_uri: {json.dumps(uri)}}}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def helpers() -> Any:
    """What tests need beyond fixtures: this module."""
    return sys.modules[__name__]
