"""What tests of several packages share."""

from __future__ import annotations

import pytest

from rulegate.demo import DemoFiles, prepare


@pytest.fixture(scope="session")
def demo_registry(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """A real MLflow registry with both demo models, trained once a session; read it, do not write to it."""
    return prepare(tmp_path_factory.mktemp("demo registry"), report=lambda _line: None)
