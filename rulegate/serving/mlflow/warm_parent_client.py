"""The gateway's side of the warm parent: starts it, asks it to fork, teaches it, starts it again when it has died."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import logging
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from rulegate.serving.mlflow.forked import Forked
from rulegate.serving.mlflow.prints import Prints
from rulegate.serving.mlflow.warm_parent import MAX_MESSAGE_BYTES

_log = logging.getLogger("rulegate.serving")

STUCK_AFTER_S = 60.0
"""A warm parent that owes an answer and says nothing for so long is replaced; its first imports take seconds."""

_NONE: Mapping[str, str] = MappingProxyType({})
_LESSON_MODULES = 500
"""Modules in one lesson: so many names fit into one control message."""


class WarmParentDied(Exception):
    """The warm parent ended before it had forked. The next request starts another."""


class ForkTimeout(Exception):
    """The warm parent did not fork in time; it may still be importing."""


class WarmParent:
    """A fork server, started on demand and again whenever it has died. Safe to use from many threads.

    Processes that it forked live on when it dies: the gateway holds their sockets. What it has been taught is taught
    to its successor, but for a lesson that killed it, or that it never came to the end of.

    Args:
        environment: The environment of the warm parent and of all that it forks.
        stuck_after_s: For how long it may owe an answer and say nothing.
    """

    def __init__(self, environment: Mapping[str, str], *, stuck_after_s: float = STUCK_AFTER_S) -> None:
        self._environment = dict(environment)
        self._stuck_after_s = stuck_after_s
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
            OSError: If the system allows no more processes, or open files.
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
                generation = self._generation = _Generation(
                    self._environment, lifeline, self._prints, self._stuck_after_s
                )
                generation.learn(list(self._known))
            return generation


class _Generation:
    """One process of the warm parent."""

    def __init__(self, environment: Mapping[str, str], lifeline: int, prints: Prints, stuck_after_s: float) -> None:
        self._stuck_after_s = stuck_after_s
        self._tokens = itertools.count(1)
        self._write = threading.Lock()
        self._waiting: dict[int, tuple[queue.SimpleQueue[Forked | OSError | None], socket.socket]] = {}
        self._lessons: dict[int, list[str]] = {}
        # What it has been told and has not answered, and when it last said something, or was first told something
        # after it had said all.
        self._owed: set[int] = set()
        self._heard_s = time.monotonic()
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
        until_s = time.monotonic() + timeout_s
        token = next(self._tokens)
        mailbox: queue.SimpleQueue[Forked | OSError | None] = queue.SimpleQueue()
        printing = self._prints.open({"model": model} if model else {"process": role})
        try:
            ours, theirs = socket.socketpair()
        except OSError:
            os.close(printing)
            raise
        self._waiting[token] = mailbox, ours
        forked = None
        try:
            message = {"fork": role, "arguments": dict(arguments), "model": model, "token": token}
            self._send(message, until_s, [theirs.fileno(), printing])
            forked = self._wait_for(mailbox, until_s)
        finally:
            theirs.close()
            os.close(printing)
            if forked is None:
                self._waiting.pop(token, None)
                # If the fork happens after all, the new process finds nobody at the other end and ends.
                ours.close()
        return forked

    def learn(self, modules: Sequence[str]) -> None:
        for start in range(0, len(modules), _LESSON_MODULES):
            token = next(self._tokens)
            lesson = list(modules[start : start + _LESSON_MODULES])
            self._lessons[token] = lesson
            # One that is stuck learns nothing; who next waits for it finds that out.
            with contextlib.suppress(WarmParentDied, ForkTimeout):
                self._send({"learn": lesson, "token": token}, time.monotonic() + self._stuck_after_s)

    def wait(self) -> None:
        self._process.wait()

    def _wait_for(self, mailbox: queue.SimpleQueue[Forked | OSError | None], until_s: float) -> Forked:
        """What comes into the mailbox; ends the process if it is clear that nothing comes.

        Raises:
            WarmParentDied: If the process has ended.
            ForkTimeout: If nothing has come by ``until_s``.
            OSError: If the system allows no more processes, or this one no more open files.
        """
        while True:
            now_s = time.monotonic()
            silent_s = now_s - self._heard_s
            try:
                found = mailbox.get(timeout=max(0.0, min(until_s - now_s, self._stuck_after_s - silent_s)))
            except queue.Empty:
                if time.monotonic() - self._heard_s >= self._stuck_after_s:
                    _log.warning("the warm parent says nothing any more; it is given up")
                    self._process.kill()
                    raise WarmParentDied from None
                if time.monotonic() >= until_s:
                    raise ForkTimeout from None
                continue
            if found is None:
                raise WarmParentDied
            if isinstance(found, OSError):
                raise found
            return found

    def _send(self, message: Mapping[str, Any], until_s: float, descriptors: Sequence[int] = ()) -> None:
        if not self._write.acquire(timeout=max(0.0, until_s - time.monotonic())):
            raise ForkTimeout
        try:
            if not self.alive:
                raise WarmParentDied
            room = select.poll()
            room.register(self._control, select.POLLOUT)
            if not room.poll(max(0.0, until_s - time.monotonic()) * 1000):
                raise ForkTimeout
            if not self._owed:
                self._heard_s = time.monotonic()
            self._owed.add(message["token"])
            try:
                socket.send_fds(self._control, [json.dumps(message).encode()], list(descriptors))
            except OSError as error:
                raise WarmParentDied from error
        finally:
            self._write.release()

    def _read(self) -> None:
        try:
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE_BYTES, 1)
                if not data:
                    break
                self._heard_s = time.monotonic()
                self._handle(json.loads(data), descriptors)
        except OSError:
            pass
        except Exception:  # noqa: BLE001 - logged whole; without a reader it is of no use, whatever it was
            _log.exception("what the warm parent says cannot be read")
        # It may be that it lives and only cannot be heard.
        self._process.kill()
        with self._write:
            self.alive = False
        # Ends whatever it forked only where the gateway closes too: a broken warm parent leaves its models serving.
        for mailbox, _ in list(self._waiting.values()):
            mailbox.put(None)
        self._control.close()
        self._process.wait()

    def _handle(self, message: dict[str, Any], descriptors: list[int]) -> None:
        self._owed.discard(message.get("token", 0))
        if "forked" in message:
            pid = message["forked"]
            waiting = self._waiting.pop(message["token"], None)
            if waiting is None:
                for descriptor in descriptors:
                    os.close(descriptor)
            elif not descriptors:
                # The kernel has dropped it, for want of room. The new process ends when it finds nobody.
                mailbox, _ = waiting
                mailbox.put(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
            else:
                mailbox, ours = waiting
                self._children[pid] = forked = Forked(pid, ours, descriptors[0])
                mailbox.put(forked)
        elif "refused" in message:
            if waiting := self._waiting.pop(message["token"], None):
                waiting[0].put(OSError(message["refused"], os.strerror(message["refused"])))
        elif "learned" in message:
            self._lessons.pop(message["token"], None)
        else:
            forked_before = self._children.pop(message["exited"], None)
            if forked_before is not None:
                forked_before.hang_up()
            if forked_before is not None and not forked_before.ended_by_us:
                _log.warning("process %d ended by itself with %s", message["exited"], _in_words(message["status"]))


def _in_words(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"exit status {os.waitstatus_to_exitcode(status)}"
