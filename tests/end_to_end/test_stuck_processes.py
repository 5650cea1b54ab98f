"""Processes that live and say nothing: the registry's, and the warm parent that all others are forked from."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from rulegate.serving.errors import RegistryUnreachable
from rulegate.serving.mlflow.registry import MlflowRegistry
from rulegate.serving.mlflow.warm_parent_client import ForkTimeout, WarmParent


@pytest.fixture
def warm_parent() -> Iterator[WarmParent]:
    # Its imports are silent too, on a busy machine for seconds.
    parent = WarmParent(dict(os.environ), stuck_after_s=20)
    fork_one(parent, timeout_s=120)
    yield parent
    parent.close()


def fork_one(parent: WarmParent, *, timeout_s: float) -> None:
    forked = parent.fork("registry", timeout_s=timeout_s)
    forked.kill()
    forked.socket.close()


def pid_of(parent: WarmParent) -> int:
    return parent._generation._process.pid


def test_a_registry_process_that_says_nothing_any_more_is_replaced(warm_parent, registry, helpers, tmp_path):
    of_registry = MlflowRegistry(
        warm_parent,
        environment=dict(os.environ),
        registry_uri=registry["uri"],
        cache=tmp_path,
        cache_limit_bytes=0,
        stuck_after_s=1,
    )
    before = of_registry.resolve("models:/versioned/1", timeout_s=60)
    (pid,) = [pid for pid in helpers.descendants(pid_of(warm_parent)) if pid != pid_of(warm_parent)]
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(RegistryUnreachable):
        of_registry.resolve("models:/versioned/1", timeout_s=1.5)
    helpers.wait_until(lambda: not helpers.alive(pid))
    assert of_registry.resolve("models:/versioned/1", timeout_s=60) == before
    of_registry.close()


@pytest.mark.slow
def test_a_warm_parent_that_says_nothing_any_more_is_replaced(warm_parent, helpers):
    """Who waits for it then gets what it wants from the next one; who has less time is told so in time."""
    pid = pid_of(warm_parent)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ForkTimeout):
        fork_one(warm_parent, timeout_s=0.1)
    fork_one(warm_parent, timeout_s=120)
    assert not helpers.alive(pid)
