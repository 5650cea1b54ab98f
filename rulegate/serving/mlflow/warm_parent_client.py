"""The gateway's side of the warm parent: starts it, asks it to fork, teaches it, starts it again when it has died."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rulegate.serving.mlflow.prints import Prints
from rulegate.serving.mlflow.warm_parent import MAX_MESSAGE_BYTES

_log = logging.getLogger("rulegate.serving")

_NONE: Mapping[str, str] = MappingProxyType({})
_LESSON_MODULES = 500
"""Modules in one lesson: so many names fit into one control message."""


class WarmParentDied(Exception):
    """The warm parent ended before it had forked. The next request starts another."""


class ForkTimeout(Exception):
    """The warm parent did not fork in time; it may still be importing."""


class Forked:
    """A new process: its number, a socket to talk to it, and the means to end it and no other.

    Attributes:
        pid: Its number while it lives.
        socket: Our end of a stream socket; whoever got the process owns it.
        ended_by_us: Whether its end was asked for.
    """

    def __init__(self, pid: int, sock: socket.socket, pidfd: int) -> None:
        self.pid = pid
        self.socket = sock
        # A number may be given to a new process once the old one is gone; a pidfd never means another.
        self._pidfd: int | None = pidfd
        self._lock = threading.Lock()
        self.ended_by_us = False

    def kill(self) -> None:
        """Ends the process at once, if it has not ended, and what it has started. Safe to call again, by any thread."""
        self.ended_by_us = True
        with self._lock:
            # Found while it lives: they may have left its process group, and once it has ended they are nobody's.
            started = _descendants(self.pid) if self._pidfd is not None else []
        self.release()
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def release(self) -> None:
        """Gives up a process that has hung up: should it still run, it ends, and that is no news of ours."""
        with self._lock:
            pidfd, self._pidfd = self._pidfd, None
        if pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)


class WarmParent:
    """A fork server, started on demand and again whenever it has died. Safe to use from many threads.

    Processes that it forked live on when it dies: the gateway holds their sockets. What it has been taught is taught
    to its successor, but for a lesson that killed it.

    Args:
        environment: The environment of the warm parent and of all that it forks.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._generation: _Generation | None = None
        self._known: dict[str, None] = {}
        self._refused: set[str] = set()
        # The read end of this pipe is opened anew for each process of the warm parent, since it tells one group only.
        watched, self._lifeline = os.pipe()
        os.close(watched)
        self._prints = Prints()
        self._closed = False

    def start(self) -> None:
        """Starts the process if there is none; returns at once, while it is still importing."""
        self._current()

    def fork(self, role: str, arguments: Mapping[str, str] = _NONE, *, model: str = "", timeout_s: float) -> Forked:
        """A new process that runs ``rulegate.serving.mlflow.{role}_process``, with arguments that are no secrets.

        ``model`` is the reference of the model that it is for, which lists of processes and what it prints are to name.

        Raises:
            WarmParentDied: If it ended twice before it had forked.
            ForkTimeout: If it did not fork within ``timeout_s`` seconds.
        """
        until = time.monotonic() + timeout_s
        for last_try in (False, True):
            generation = self._current()
            try:
                return generation.fork(role, arguments, model, timeout_s=until - time.monotonic())
            except WarmParentDied:
                # Its reader may hear of it only later, and the next try must not get the same one.
                generation.alive = False
                if last_try:
                    raise
        raise AssertionError("unreachable")

    def learn(self, modules: Sequence[str]) -> None:
        """Has the process import these modules of installed distributions, so that what it forks has them.

        Returns at once. A module that was taught before costs nothing.
        """
        with self._lock:
            new = [m for m in modules if m not in self._known and m not in self._refused]
            self._known.update(dict.fromkeys(new))
            generation = self._generation
        if generation is not None:
            generation.learn(new)

    def close(self) -> None:
        """Ends the warm parent and everything it forked. Safe to call again."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            generation = self._generation
        # Also ends the processes of warm parents that died before.
        os.close(self._lifeline)
        if generation is not None:
            generation.wait()
        self._prints.close()

    def _current(self) -> _Generation:
        with self._lock:
            if self._closed:
                raise WarmParentDied
            generation = self._generation
            if generation is None or not generation.alive:
                if generation is not None:
                    for module in generation.unfinished_lesson:
                        self._known.pop(module, None)
                        self._refused.add(module)
                    _log.warning("the warm parent had ended; another one is started")
                lifeline = os.open(f"/proc/self/fd/{self._lifeline}", os.O_RDONLY)
                generation = self._generation = _Generation(self._environment, lifeline, self._prints)
                generation.learn(list(self._known))
            return generation


class _Generation:
    """One process of the warm parent."""

    def __init__(self, environment: Mapping[str, str], lifeline: int, prints: Prints) -> None:
        self._tokens = itertools.count(1)
        self._write = threading.Lock()
        self._waiting: dict[int, tuple[queue.SimpleQueue[Forked | None], socket.socket]] = {}
        self._lessons: dict[int, list[str]] = {}
        self.alive = True
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._control, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_MESSAGE_BYTES)
        self._children: dict[int, Forked] = {}
        self._prints = prints
        printing = prints.open({"process": "warm parent"})
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
                [
                    *(sys.executable, "-m", "rulegate.serving.mlflow.warm_parent"),
                    *(str(theirs.fileno()), str(lifeline)),
                ],
                env=dict(environment),
                stderr=printing,
                pass_fds=(theirs.fileno(), lifeline),
                # A session of its own: Ctrl-C in the terminal is the gateway's to handle, and the group is the
                # lifeline's to end.
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(lifeline)
            os.close(printing)
        threading.Thread(target=self._read, name="warm parent", daemon=True).start()

    @property
    def unfinished_lesson(self) -> list[str]:
        """The modules of the lesson that it had been given and had not finished when it died."""
        return next(iter(self._lessons.values()), [])

    def fork(self, role: str, arguments: Mapping[str, str], model: str, *, timeout_s: float) -> Forked:
        token = next(self._tokens)
        mailbox: queue.SimpleQueue[Forked | None] = queue.SimpleQueue()
        ours, theirs = socket.socketpair()
        printing = self._prints.open({"model": model} if model else {"process": role})
        self._waiting[token] = mailbox, ours
        forked = None
        try:
            message = {"fork": role, "arguments": dict(arguments), "model": model, "token": token}
            self._send(message, [theirs.fileno(), printing])
            forked = mailbox.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            raise ForkTimeout from None
        finally:
            theirs.close()
            os.close(printing)
            if forked is None:
                self._waiting.pop(token, None)
                # If the fork happens after all, the new process finds nobody at the other end and ends.
                ours.close()
        if forked is None:
            raise WarmParentDied
        return forked

    def learn(self, modules: Sequence[str]) -> None:
        for start in range(0, len(modules), _LESSON_MODULES):
            token = next(self._tokens)
            lesson = list(modules[start : start + _LESSON_MODULES])
            self._lessons[token] = lesson
            with contextlib.suppress(WarmParentDied):
                self._send({"learn": lesson, "token": token})

    def wait(self) -> None:
        self._process.wait()

    def _send(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        with self._write:
            if not self.alive:
                raise WarmParentDied
            try:
                socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))
            except OSError as error:
                raise WarmParentDied from error

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 1)
                if not data:
                    break
                self._handle(json.loads(data), descriptors)
        with self._write:
            self.alive = False
        # Ends whatever it forked only where the gateway closes too: a broken warm parent leaves its models serving.
        for mailbox, _ in list(self._waiting.values()):
            mailbox.put(None)
        self._control.close()
        self._process.wait()

    def _handle(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if "forked" in message:
            pid, pidfd = message["forked"], descriptors[0]
            waiting = self._waiting.pop(message["token"], None)
            if waiting is None:
                os.close(pidfd)
            else:
                mailbox, ours = waiting
                self._children[pid] = forked = Forked(pid, ours, pidfd)
                mailbox.put(forked)
        elif "learned" in message:
            self._lessons.pop(message["token"], None)
        else:
            forked_before = self._children.pop(message["exited"], None)
            if forked_before is not None and not forked_before.ended_by_us:
                _log.warning("process %d ended by itself with %s", message["exited"], _in_words(message["status"]))


def _descendants(pid: int) -> list[int]:
    """The children of a process, and theirs."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                found += [child, *_descendants(child)]
    except OSError:
        # It has ended, or this kernel does not tell; what stays in the group ends with the gateway all the same.
        pass
    return found


def _in_words(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit status {os.waitstatus_to_exitcode(status)}"
