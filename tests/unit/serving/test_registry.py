"""The gateway's side of the registry process: what may wait for it, and what may not."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rulegate.serving.errors import ModelUnavailable
from rulegate.serving.mlflow.registry import MlflowRegistry
from rulegate.serving.mlflow.warm_parent_client import ForkTimeout
from rulegate.serving.models import ModelVersion


class Busy:
    """A warm parent that does not come to fork."""

    def __init__(self) -> None:
        self.asked, self.over = threading.Event(), threading.Event()

    def fork(self, role: str, *, timeout_s: float) -> None:
        self.asked.set()
        self.over.wait(min(timeout_s, 30))
        raise ForkTimeout


@pytest.fixture
def registry(tmp_path) -> MlflowRegistry:
    return MlflowRegistry(Busy(), environment={}, registry_uri=None, cache=tmp_path, cache_limit_bytes=0)


def test_to_release_a_version_waits_for_no_process(registry, tmp_path):
    """It is done where requests would wait too."""
    version = ModelVersion("models:/a/1", "models:/a/1", "0" * 40)
    (tmp_path / version.identity).mkdir()
    parent = registry._warm_parent
    with ThreadPoolExecutor(2) as threads:
        resolving = threads.submit(registry.resolve, "models:/b/1", timeout_s=30)
        assert parent.asked.wait(10)
        registry.fetch(version, timeout_s=1)
        registry.release(version)
        registry.discard(version)
        assert not resolving.done()
        parent.over.set()
        with pytest.raises(ModelUnavailable):
            resolving.result()


def test_nobody_waits_longer_than_it_says_because_others_wait_for_the_process(registry):
    parent = registry._warm_parent
    with ThreadPoolExecutor(2) as threads:
        patient = threads.submit(registry.resolve, "models:/a/1", timeout_s=30)
        assert parent.asked.wait(10)
        with pytest.raises(ModelUnavailable):
            registry.resolve("models:/b/1", timeout_s=0.05)
        assert not patient.done()
        parent.over.set()
        with pytest.raises(ModelUnavailable):
            patient.result()
