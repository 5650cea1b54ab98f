"""MLflow's own server and a gateway, side by side, on the same models and requests."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

HERE = Path(__file__).parent

TIMEOUT_S = 10
"""How long a request may take, for both servers."""

MAX_BODY_BYTES = 512 * 1024


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"protocol_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CASES = _module("cases").cases()
_module("differences")
_module("drawn")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=str)


@dataclass(frozen=True)
class Answer:
    """What is compared of an HTTP answer."""

    status: int
    content_type: str | None
    body: str


@dataclass(frozen=True)
class Servers:
    """Where both servers are."""

    stock: str
    gateway: Any

    def ask_stock(self, case: Any) -> Answer:
        return _ask(f"{self.stock}/{case.model}/invocations", case)

    def ask_gateway(self, case: Any) -> Answer:
        return _ask(f"{self.gateway.url}/endpoints/{case.model}/invocations", case)


def _ask(url: str, case: Any) -> Answer:
    headers = {} if case.content_type is None else {"content-type": case.content_type}
    answer = requests.post(url, data=case.body, headers=headers, timeout=60)
    return Answer(answer.status_code, answer.headers.get("content-type"), answer.text)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder of saved models, each under the name that the cases know it by."""
    folder = tmp_path_factory.mktemp("protocol models")
    seed = str(request.config.getoption("drawn_seed"))
    done = subprocess.run(
        [sys.executable, HERE / "make_models.py", folder, seed], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def servers(models: Path, start: Any, helpers: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    environment = os.environ | {"MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT": str(TIMEOUT_S)}
    errors = (tmp_path_factory.mktemp("stock") / "err").open("w+")
    command = [sys.executable, HERE / "stock_server.py", models]
    stock = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        gateway = start(
            helpers.one_endpoint_a_model(
                "sqlite:///nobody-asks-it.db",
                {folder.name: str(folder) for folder in models.iterdir()},
                f"server: {{request_timeout: {TIMEOUT_S}s, max_body: {MAX_BODY_BYTES // 1024}KiB}}\n"
                "models: {preload: true}",
            )
        )
        assert stock.stdout is not None
        url = stock.stdout.readline().strip()
        assert url, Path(errors.name).read_text()
        helpers.wait_until(lambda: gateway.get("/ready").status_code == 200)
        yield Servers(url, gateway)
    finally:
        # A prediction that never ends would keep it from ending in peace.
        stock.kill()
        stock.communicate()
        errors.close()


@pytest.fixture(scope="session")
def answers(servers: Servers) -> dict[Any, tuple[Answer, Answer]]:
    """What both servers answer to each case, several of which they have at once."""
    with ThreadPoolExecutor(8) as some, ThreadPoolExecutor(8) as others:
        stock = some.map(servers.ask_stock, CASES)
        ours = others.map(servers.ask_gateway, CASES)
        return dict(zip(CASES, zip(stock, ours, strict=True), strict=True))
