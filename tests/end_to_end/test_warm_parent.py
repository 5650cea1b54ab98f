"""The processes that others are forked from and resolved by: what they learn, and what if they die or go silent."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rulegate.serving.errors import RegistryUnreachable
from rulegate.serving.mlflow.registry import MlflowRegistry
from rulegate.serving.mlflow.warm_parent_client import ForkTimeout, WarmParent

LESSONS = {
    "lesson_good": "",
    "lesson_that_raises": "raise ValueError",
    "lesson_that_crashes": "import os; os._exit(9)",
    "lesson_that_starts_a_thread": "import threading, time; threading.Thread(target=time.sleep, args=(1000,)).start()",
}
"""Modules that can be imported, and what they do beyond noting by whom."""


@pytest.fixture
def learned(tmp_path: Path) -> Callable[[str], list[int]]:
    """The processes that have begun to import one of `LESSONS`, in order."""
    for name, code in LESSONS.items():
        note = f"open({str(tmp_path / 'learned')!r}, 'a').write(f'{{__name__}} {{__import__(\"os\").getpid()}}\\n')"
        (tmp_path / f"{name}.py").write_text(f"{note}\n{code}\n")

    def learned(name: str) -> list[int]:
        path = tmp_path / "learned"
        lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [int(pid) for module, pid in lines if module == name]

    return learned


@pytest.fixture
def warm_parent(tmp_path: Path) -> Iterator[WarmParent]:
    # Its imports are silent too, on a busy machine for seconds.
    parent = WarmParent({**os.environ, "PYTHONPATH": str(tmp_path)}, stuck_after_s=20)
    fork_one(parent, timeout_s=120)
    yield parent
    parent.close()


def fork_one(parent: WarmParent, *, timeout_s: float) -> None:
    forked = parent.fork("registry", timeout_s=timeout_s)
    forked.kill()
    forked.socket.close()


def pid_of(parent: WarmParent) -> int:
    return parent._generation._process.pid


def test_what_is_taught_is_known_to_the_next_parent_but_for_what_one_has_died_of(warm_parent, learned, helpers):
    """A lesson that fails harms nobody; one that ends the parent, or would make it unfit to fork, costs one parent."""
    first = pid_of(warm_parent)
    for name in ("lesson_that_raises", "lesson_good"):
        warm_parent.learn([name])
        helpers.wait_until(lambda name=name: learned(name) == [first])
    fork_one(warm_parent, timeout_s=60)
    assert pid_of(warm_parent) == first
    for name in ("lesson_that_crashes", "lesson_that_starts_a_thread"):
        before = pid_of(warm_parent)
        warm_parent.learn([name])
        helpers.wait_until(lambda before=before: not helpers.alive(before))
        fork_one(warm_parent, timeout_s=60)
        assert learned(name) == [before]
        assert learned("lesson_good")[-1] == pid_of(warm_parent) != before
        warm_parent.learn([name])
    fork_one(warm_parent, timeout_s=60)
    assert len(learned("lesson_good")) == 3


def test_where_few_files_can_be_opened_a_fork_fails_and_the_parent_lives(warm_parent):
    """However many are left, none of which stays open."""
    before = pid_of(warm_parent)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    outcomes = []
    for left in range(10):
        fillers = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(map(int, os.listdir("/proc/self/fd"))) + 10, hard))
        try:
            with contextlib.suppress(OSError):
                while True:
                    fillers.append(os.open(os.devnull, os.O_RDONLY))
            for _ in range(left):
                os.close(fillers.pop())
            try:
                fork_one(warm_parent, timeout_s=30)
                outcomes.append(None)
            except OSError as error:
                outcomes.append(error.errno)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for filler in fillers:
                os.close(filler)
    # Files of the fork before may be closed meanwhile.
    assert outcomes[0] == errno.EMFILE
    assert outcomes[-1] is None
    assert set(outcomes) == {errno.EMFILE, None}
    fork_one(warm_parent, timeout_s=30)
    assert pid_of(warm_parent) == before


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
