"""Runs the tests of a copy once for each change of it, each time in a process of its own, until one of them fails."""

from __future__ import annotations

import os
import pickle
import resource
import time
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from mutation.changes import Change

_MEMORY_BYTES: Final = 3 << 30
_EXTRA_S: Final = 5
_UNNOTICED: Final = 0
_NOTICED: Final = 1
_BROKEN: Final = 2


class Trial:
    """A plugin of pytest that takes the place of its loop over the tests; afterwards ``survivors`` is what it found.

    The tests are collected once. No test runs in the collecting process, so that each change meets the caches of a
    process that has only imported the code.
    """

    def __init__(self, changes: Sequence[Change], jobs: int) -> None:
        self.survivors: list[Change] = []
        self._changes = changes
        self._jobs = jobs

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs every test once as it is, to learn which functions it calls, and then those that call what is changed."""
        reading, writing = os.pipe()
        rehearsal = _in_a_process(lambda: _rehearse(session.items, writing))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read()
        os.waitpid(rehearsal, 0)
        if not said:
            raise pytest.UsageError("a test fails before anything is changed")
        durations_s, calls = pickle.loads(said)  # written by a process of ours
        running: dict[int, Change] = {}
        for count, change in enumerate(self._changes):
            print(f"\r{count} of {len(self._changes)}, {len(self.survivors)} unnoticed", end="", flush=True)
            # Quick tests first: most changes are noticed by many.
            chosen = sorted(calls.get(change.function, ()), key=durations_s.__getitem__)
            limit_s = _EXTRA_S + int(10 * sum(durations_s[position] for position in chosen))
            tests = [session.items[position] for position in chosen]
            running[_in_a_process(lambda change=change, tests=tests, limit_s=limit_s: _try(change, tests, limit_s))] = change
            while len(running) >= self._jobs:
                self._await(running)
        while running:
            self._await(running)
        self.survivors.sort(key=self._changes.index)
        print()
        return True

    def _await(self, running: dict[int, Change]) -> None:
        process, status = os.wait()
        change = running.pop(process)
        if os.waitstatus_to_exitcode(status) == _UNNOTICED:
            self.survivors.append(change)


def _in_a_process(work: Callable[[], int]) -> int:
    """Does work in a fork of this process, silently; its number."""
    process = os.fork()
    if process == 0:
        code = _BROKEN
        try:
            code = work()
        finally:
            os._exit(code)
    return process


def _rehearse(items: Sequence[pytest.Item], pipe: int) -> int:
    """Writes how long each test takes, and for each function the tests that call it; nothing if a test fails."""
    durations_s: list[float] = []
    calls: dict[str, list[int]] = {}
    set_mutant_under_test("stats")
    for position, item in enumerate(items):
        begin = time.process_time()
        if _fails(item):
            return _NOTICED
        durations_s.append(time.process_time() - begin)
        for function in state()._stats:
            calls.setdefault(function, []).append(position)
        state()._stats.clear()
    with os.fdopen(pipe, "wb") as file:
        pickle.dump((durations_s, calls), file)
    return _UNNOTICED


def _try(change: Change, tests: Sequence[pytest.Item], limit_s: int) -> int:
    # Beyond its limits the process is ended, or a test fails: either way the change is noticed.
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    set_mutant_under_test(change.name)
    return _NOTICED if any(map(_fails, tests)) else _UNNOTICED


def _fails(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
