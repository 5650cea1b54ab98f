"""Runs the tests of a copy once for each change of it, each time in a process of its own, until one of them fails."""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from mutation.changes import Change

_UNNOTICED: Final = 0
_NOTICED: Final = 1
_BROKEN: Final = 2
_EXTRA_S: Final = 5
_MEMORY_BYTES: Final = 3 << 30


class Trial:
    """A plugin of pytest that takes the place of its loop over the tests.

    It shows each change that no test notices as soon as it is found; afterwards ``unnoticed`` are all of them.

    The tests are collected once. No test runs in the process that collects them, so that each change meets the caches
    of a process that has only imported the code. What runs while modules are imported is out of its reach.
    """

    def __init__(self, changes: Sequence[Change], jobs: int) -> None:
        self.unnoticed: list[Change] = []
        self._changes = changes
        self._jobs = jobs

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Runs every test once as it is, to learn which functions it calls; then, of each change, those that call it.

        Raises:
            UsageError: If a test cannot be collected, or fails before anything is changed.
        """
        if session.testsfailed:
            raise pytest.UsageError("a test cannot be collected")
        reading, writing = os.pipe()
        rehearsal = _in_a_process(partial(_rehearse, session.items, writing))
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read()
        os.waitpid(rehearsal, 0)
        if not told:
            raise pytest.UsageError("a test fails before anything is changed")
        durations_s, calls = json.loads(told)
        # Each fork would copy what the collector looks at.
        gc.freeze()
        running: dict[int, Change] = {}
        for count, change in enumerate(self._changes):
            sys.stdout.write(f"\r{count} of {len(self._changes)} tried ")
            sys.stdout.flush()
            # Quick tests first: most changes are noticed by many.
            chosen = sorted(calls.get(change.function, ()), key=durations_s.__getitem__)
            limit_s = _EXTRA_S + int(10 * sum(durations_s[position] for position in chosen))
            attempt = partial(_attempt, change, [session.items[position] for position in chosen], limit_s)
            running[_in_a_process(attempt)] = change
            while len(running) >= self._jobs:
                self._await_one(running)
        while running:
            self._await_one(running)
        return True

    def _await_one(self, running: dict[int, Change]) -> None:
        process, status = os.wait()
        change = running.pop(process)
        if os.waitstatus_to_exitcode(status) == _UNNOTICED:
            self.unnoticed.append(change)
            sys.stdout.write(f"\r{change.shown}\n\n")


def _in_a_process(work: Callable[[], int]) -> int:
    """Does work in a fork of this process, which ends with the code that it returns; the number of the process."""
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
        _forget()
        begin = time.process_time()
        if _fails(item):
            sys.stdout.write(f"\r{item.nodeid} fails\n")
            sys.stdout.flush()
            return _NOTICED
        durations_s.append(time.process_time() - begin)
        for function in state()._stats:
            calls.setdefault(function, []).append(position)
        state()._stats.clear()
    with os.fdopen(pipe, "w") as file:
        json.dump((durations_s, calls), file)
    return _UNNOTICED


def _forget() -> None:
    """Empties the caches of the code: a test that finds what an earlier one has left would not be seen to call it."""
    modules = [module for name, module in sys.modules.items() if name.startswith("rulegate.condition")]
    for module in modules:
        for value in list(vars(module).values()):
            if callable(clear := getattr(value, "cache_clear", None)):
                clear()


def _attempt(change: Change, tests: Sequence[pytest.Item], limit_s: int) -> int:
    # Beyond these limits the process is ended, or a test fails: either way the change is noticed.
    resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    set_mutant_under_test(change.name)
    return _NOTICED if any(map(_fails, tests)) else _UNNOTICED


def _fails(item: pytest.Item) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))
