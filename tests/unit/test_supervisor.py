"""One worker runs as long as the gateway does: another when it ends by itself, none when it was told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
import os, signal, sys, time
from rulegate.supervisor import CannotRun, Supervisor
from rulegate import log

log.set_up(log.Lines("text"))

def tell(word):
    os.write(1, f"{word}\\n".encode())

def work():
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))
    %s

def on_hangup():
    tell("hangup")
    return %s

try:
    Supervisor(work, patience_s=lambda: 0.2, on_hangup=on_hangup).run()
except CannotRun:
    tell("cannot run")
tell("ended")
"""

WAIT = "tell(os.getpid()); time.sleep(60)"


class Supervised:
    """A process that supervises, until the end of the test."""

    def __init__(self, work: str, *, ends_on_hangup: bool) -> None:
        program = PROGRAM % (work, ends_on_hangup)
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def rest(self) -> tuple[list[str], str]:
        out, err = self.process.communicate(timeout=30)
        return out.split("\n")[:-1], err


@pytest.fixture
def supervise():
    started: list[Supervised] = []

    def start(work: str, *, ends_on_hangup: bool = False) -> Supervised:
        started.append(Supervised(work, ends_on_hangup=ends_on_hangup))
        return started[-1]

    yield start
    for supervised in started:
        supervised.process.kill()
        supervised.process.communicate()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_worker_when_it_is_told_to(supervise, number):
    supervised = supervise(WAIT)
    worker = int(supervised.line())
    supervised.process.send_signal(number)
    assert supervised.rest()[0] == ["ended"]
    assert supervised.process.returncode == 0
    assert not is_alive(worker)


def test_a_worker_that_is_killed_is_followed_by_another(supervise):
    supervised = supervise(WAIT)
    first = int(supervised.line())
    os.kill(first, signal.SIGKILL)
    second = int(supervised.line())
    assert second != first
    supervised.process.terminate()
    out, err = supervised.rest()
    assert out == ["ended"]
    assert "ended by itself" in err


def test_a_worker_that_does_not_end_in_time_is_killed(supervise):
    supervised = supervise(f"signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}")
    worker = int(supervised.line())
    supervised.process.terminate()
    out, err = supervised.rest()
    assert out == ["ended"]
    assert "is killed" in err
    assert not is_alive(worker)


def test_workers_that_end_at_once_are_given_up(supervise):
    out, _ = supervise("tell('worker')").rest()
    assert out == ["worker"] * 5 + ["cannot run", "ended"]


@pytest.mark.parametrize("ends", [True, False])
def test_a_hangup_ends_it_or_not_as_it_is_told(supervise, ends):
    supervised = supervise(WAIT, ends_on_hangup=ends)
    worker = int(supervised.line())
    supervised.process.send_signal(signal.SIGHUP)
    assert supervised.line() == "hangup"
    if not ends:
        assert is_alive(worker)
        supervised.process.terminate()
    assert supervised.rest()[0] == ["ended"]
