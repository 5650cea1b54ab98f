"""What tests of several packages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from rulegate.demo import DemoFiles, prepare
from tests.odd_servers import Exchange, OddServer

# A property holds or not, however busy the machine is: no clock may fail its test.
settings.register_profile("without a clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How much is drawn by lot to compare a gateway with MLflow's server (``end_to_end/protocol/test_drawn.py``)."""
    group = parser.getgroup("protocol")
    group.addoption("--drawn-seed", type=int, default=1, help="draws other models and requests")
    group.addoption("--drawn-each", type=int, default=45, help="requests to each model, of which there are dozens")


@pytest.fixture(scope="session")
def demo_registry(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """A real MLflow registry with both demo models, trained once a session; read it, do not write to it."""
    return prepare(tmp_path_factory.mktemp("demo registry"), report=lambda _line: None)


@pytest.fixture
def odd_server() -> Iterator[Callable[..., OddServer]]:
    """Starts servers that do with each request what a function says; all have ended when the test has."""
    running: list[OddServer] = []

    def start(script: Callable[[Exchange], None], **others: Any) -> OddServer:
        running.append(OddServer(script, **others))
        return running[-1]

    yield start
    for server in running:
        server.stop()
