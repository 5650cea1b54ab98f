"""The warm parent: a process that has imported MLflow and forks itself into processes that need it.

It runs as ``python -m rulegate.serving.mlflow.warm_parent CONTROL LIFELINE``, two inherited file descriptors.

On ``CONTROL``, a Unix socket that keeps message borders, it takes JSON objects and answers them:

    {"fork": role, "arguments": {…}, "model": reference, "token": n}
      + the new process's socket, and what it prints into
                                                       {"forked": pid, "token": n} + a pidfd of it
                                                       {"refused": errno, "token": n} if the system allows no process
    {"learn": [module, …], "token": n}                 {"learned": true, "token": n}
    (unasked, when a forked process has ended)         {"exited": pid, "status": wait status}

It must have one thread when it forks, so it runs no model and starts no thread; a lesson (modules to import) that makes
it start one, or that crashes it, ends it, and the gateway starts another without that lesson. It never imports code
that a model ships: names are looked up on its own ``sys.path`` only.

``LIFELINE`` is the read end of a pipe whose only write end the gateway holds. The kernel signals the whole process
group when that end closes, so nothing here outlives the gateway, not even code that never returns to Python.

What a forked process has started, and has not ended when it ended itself, becomes a child of this one and is ended too.
It is known by the pipe that it prints into, which is that of its model.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Any, cast

MAX_MESSAGE_BYTES = 128 * 1024
"""The longest control message, well below what the kernel queues; a longer list of modules is sent in parts."""

_PR_SET_CHILD_SUBREAPER = 36

_F_SETSIG = 10
"""Linux's number for naming another signal than SIGIO; Python's fcntl module has no name for it."""

# Counted from the state on, which is the first field after the name of the program.
_ARG_START, _ARG_END = 48 - 3, 49 - 3

_WARM_MODULES = (
    "pandas",
    "mlflow.pyfunc",
    "mlflow.pyfunc.scoring_server",
    "mlflow.store.model_registry.sqlalchemy_store",
    "rulegate.serving.mlflow.model_process",
    "rulegate.serving.mlflow.registry_process",
)


def main() -> None:
    """Runs until the gateway closes the control socket."""
    control = socket.socket(fileno=int(sys.argv[1]))
    live_no_longer_than_the_gateway(int(sys.argv[2]))
    _send_prints_to_the_log()
    _adopt_orphans()
    for module in _WARM_MODULES:
        importlib.import_module(module)
    importlib.import_module("rulegate.serving.mlflow.scoring").rehearse()
    _settle()
    _Forking(control).run()


def live_no_longer_than_the_gateway(lifeline: int) -> None:
    """Has the kernel end this process group when the other end of the pipe closes.

    SIGKILL, sent to the group, reaches every process forked from here, stopped ones too. A thread that waits for the
    end of a pipe would not do: a model that computes without releasing the interpreter would outlive it.
    """
    os.set_inheritable(lifeline, False)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, _F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    # The gateway may have ended before the kernel was told to watch.
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(0)


def _print_into(descriptor: int) -> None:
    """Sends what is printed from now on, by whatever means, to an open file."""
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.close(descriptor)


def _send_prints_to_the_log() -> None:
    # Whatever a model prints goes where logs go: the gateway's standard output is for its own lines.
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(line_buffering=True)


def _adopt_orphans() -> None:
    """Makes the kernel give this process the children of those that it has forked, once they have ended."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _settle() -> None:
    """Makes what is in memory now cheap to share: no garbage collection will touch, and so copy, its pages."""
    gc.collect()
    gc.freeze()


def _tell_the_system(role: str, model: str) -> None:
    """Names this process, and has it go before the gateway if memory runs out: it is easily replaced."""
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"rg-{role}")
        _show_as_arguments(f"rulegate {role} {model}".rstrip())
        Path("/proc/self/oom_score_adj").write_text("500")


def _show_as_arguments(text: str) -> None:
    """Writes over the arguments that this process was started with, which is what lists of processes show of it.

    A forked process has those of the one that it was forked from, and Python does not read them any more. Where the
    kernel keeps them says ``/proc/self/stat``; there is as much room as they took up.
    """
    fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    begin, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    ctypes.memmove(begin, text.encode()[: end - begin - 1].ljust(end - begin, b"\0"), end - begin)


def children_of(pid: int) -> list[int]:
    """The children of a process; none if it has ended, or this kernel does not tell."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def _file(pid: int, descriptor: int) -> str:
    """What a descriptor of a process leads to; empty if that cannot be seen."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/fd/{descriptor}")
    return ""


class _Forking:
    """The loop of the warm parent; single-threaded."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        # The pipe that each process prints into: of those that were forked here, and of orphans that have been ended.
        self._pipes: dict[int, str] = {}
        # A signal handler that does nothing but exist makes the kernel's SIGCHLD write to this pair and wake the loop.
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)

    def run(self) -> None:
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        waiting.register(self._wake_read, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in waiting.poll()}
            if self._wake_read.fileno() in ready:
                with contextlib.suppress(BlockingIOError):
                    self._wake_read.recv(4096)
                self._report_the_dead()
            if self._control.fileno() in ready:
                data, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 2)
                if not data:
                    return
                self._obey(json.loads(data), descriptors)

    def _obey(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "fork" in message:
            self._fork(message, *descriptors)
        else:
            self._learn(message["learn"])
            self._answer({"learned": True, "token": message["token"]})

    def _fork(self, message: dict[str, Any], connection: int, printing: int) -> None:
        with warnings.catch_warnings():
            # Threads of numerical libraries are counted too; those libraries prepare themselves for a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                pid = os.fork()
            except OSError as error:
                os.close(connection)
                os.close(printing)
                self._answer({"refused": error.errno, "token": message["token"]})
                return
        if pid == 0:
            self._become(message["fork"], message["arguments"], message["model"], connection, printing)
        self._pipes[pid] = _file(os.getpid(), printing)
        os.close(connection)
        os.close(printing)
        pidfd = os.pidfd_open(pid)
        self._answer({"forked": pid, "token": message["token"]}, [pidfd])
        os.close(pidfd)

    def _become(self, role: str, arguments: dict[str, str], model: str, connection: int, printing: int) -> None:
        """The life of a forked process; never returns."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            self._wake_read.close()
            self._wake_write.close()
            gc.enable()
            _print_into(printing)
            _tell_the_system(role, model)
            module = importlib.import_module(f"rulegate.serving.mlflow.{role}_process")
            module.run(socket.socket(fileno=connection), **arguments)
            status = 0
        except BaseException:  # noqa: BLE001 - nothing may unwind into the loop of the parent
            traceback.print_exc()
        finally:
            os._exit(status)

    def _learn(self, modules: list[str]) -> None:
        for module in modules:
            # A lesson is a hint: what cannot be imported here, a model's process will import for itself.
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(module)
        if threading.active_count() > 1:
            os._exit(3)
        _settle()

    def _report_the_dead(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._answer({"exited": pid, "status": status})
            if (pipe := self._pipes.pop(pid, "")) != "":
                self._end_orphans(pipe)

    def _end_orphans(self, pipe: str) -> None:
        """Ends the orphans that print into a pipe; theirs, when it is reported that they have ended."""
        for pid in children_of(os.getpid()):
            if pid not in self._pipes and pipe in (_file(pid, 1), _file(pid, 2)):
                self._pipes[pid] = pipe
                os.kill(pid, signal.SIGKILL)

    def _answer(self, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
        socket.send_fds(self._control, [json.dumps(message).encode()], descriptors or [])


if __name__ == "__main__":
    main()
