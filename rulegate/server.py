"""Runs the WSGI application under granian: our listening socket, one worker process, a clean end."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import logging
import multiprocessing
import multiprocessing.connection
import multiprocessing.util
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.server.mp import MPServer

from rulegate import bootstrap, connections, log
from rulegate.admin.listener import Listener, Wsgi
from rulegate.admin.sources import Sources
from rulegate.config import Config
from rulegate.handover import Handover
from rulegate.live import Live, last_good
from rulegate.serving.exposure import hide_this_process

BACKLOG = 1024
"""Connections that the kernel holds while all threads are busy."""

MAX_CONNECTIONS = 16_384
"""Connections held at once. Those that idle count too, and clients keep many of them, so threads are no measure."""

OWN_FILES = 2048
"""Of the files that the worker may open, what connections leave it; of a small number the half."""

SLOW_BODIES = 256
"""Threads beyond those for requests in flight: each waits for a body that is still coming."""

DRAIN_EXTRA_S = 5
"""What a stopping worker gets beyond the request timeout before it is killed."""

SWITCH_S = 0.001
"""How long a thread that computes may keep the interpreter from others that want it, in seconds.

A fifth of Python's own: a configuration that is read again, a request that is explained, or a condition on a large body
then makes each request beside it wait for one millisecond at a time. Requests alone are done sooner than that.
"""

_NAME_ANOTHER_HOST = "name an address of this machine with --host, such as 127.0.0.1"

_ENDING = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger("rulegate.server")


class CannotListen(Exception):
    """Something else listens on the address, or it is not this machine's.

    Attributes:
        reason: What the operating system says.
        hint: What to do about it.
    """

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def listen(host: str, port: int, *, named_by: str = "--port") -> socket.socket:
    """A listening socket; from its return on, clients connect, and wait until the application is there.

    Args:
        host: The address, or its name.
        port: The port.
        named_by: What whoever runs the gateway would name another port by.

    Raises:
        CannotListen: If the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind, protocol)
    except UnicodeError:
        raise CannotListen("it is no name of a host", _NAME_ANOTHER_HOST) from None
    except OSError as error:
        raise CannotListen(error.strerror or str(error), _NAME_ANOTHER_HOST) from None
    try:
        # A port that a gateway has just left may be taken; one that is listened on may not, so SO_REUSEPORT stays off.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        is_taken = error.errno in {errno.EADDRINUSE, errno.EACCES}
        hint = f"end what listens there, or name another port with {named_by}" if is_taken else _NAME_ANOTHER_HOST
        raise CannotListen(error.strerror or str(error), hint) from None
    sock.set_inheritable(True)
    return sock


@dataclass(frozen=True, slots=True)
class Following:
    """How a running gateway follows its configuration file.

    Attributes:
        handover: What outlives the worker.
        allow: Globs of the model URIs that whoever runs the gateway allows.
        watched: Whether the file is looked at now and then; if not, it is only read again when that is asked for.
        admin: The listening socket of the admin port; None: there is no such port.
    """

    handover: Handover = field(default_factory=Handover)
    allow: tuple[str, ...] = ()
    watched: bool = True
    admin: socket.socket | None = None


def serve(config: Config, sock: socket.socket, following: Following, *, log_format: log.LogFormat) -> None:
    """Serves until SIGTERM or SIGINT, then lets requests in flight end; reads the configuration again on SIGHUP.

    The application runs in a worker process, which is started again if it ends by itself; the socket outlives it, so
    that clients wait instead of being refused, and so does the configuration that was running.

    Raises:
        SystemExit: If the worker cannot be kept running.
    """
    log.set_up(log.Lines(log_format))
    # Models' processes have the same user, and what they were not given they must not find here.
    hide_this_process()
    files = _allow_many_files()
    # The worker inherits what is loaded here; nothing runs here yet that a fork could cut off.
    multiprocessing.set_start_method("fork", force=True)
    _Server(
        sock,
        following.handover,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=1,
        blocking_threads=config.server.threads + SLOW_BODIES,
        # Past that, clients wait to be connected. One file more would be missing where a model is loaded.
        backpressure=min(MAX_CONNECTIONS, files - min(OWN_FILES, files // 2)),
        respawn_failed_workers=True,
        workers_kill_timeout=_drain_s(config.server.request_timeout_s),
        # Its records go through our handlers; the lines about its own start and end say nothing to our users.
        log_enabled=False,
    ).serve(
        target_loader=functools.partial(_load_worker, config, following, log_format, sock.getsockname()[1]),
        wrap_loader=False,
    )


def _drain_s(request_timeout_s: float) -> int:
    return int(request_timeout_s) + DRAIN_EXTRA_S


def _allow_many_files() -> int:
    """Raises the soft limit of open files, a connection being one, to what the system allows; what it is now."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class _Server(MPServer):  # type: ignore[misc]
    """granian on a socket that we made, which also tells a taken port before anything else is started."""

    def __init__(self, sock: socket.socket, handover: Handover, **settings: Any) -> None:
        super().__init__("rulegate", **settings)
        self._our_socket = sock
        self._handover = handover
        self._ends_with_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()

    def _init_shared_socket(self) -> None:
        self._ssp = None
        self._sfd = self._our_socket.fileno()
        self._shd = SocketHolder(self._sfd, False, BACKLOG)  # type: ignore[call-arg]  # its stub has no constructor
        self._sso = self._our_socket

    def _spawn_workers(self, *arguments: Any) -> None:
        # A worker that is told to end before it listens to signals would not hear it, and be waited for. So it begins
        # with them held back, and lets them through once the default, which ends it, is in force.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            super()._spawn_workers(*arguments)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)

    def _stop_workers(self) -> None:
        if (good := self._handover.good()) is not None:
            self.workers_kill_timeout = _drain_s(good.request_timeout_s)
        super()._stop_workers()

    def signal_handler_reload(self, *_: Any) -> None:
        """Has the worker read its configuration again, where granian would replace the worker.

        A terminal that ends says so by the same signal, and then so does the gateway, unless told not to (``nohup``).
        """
        if self._ends_with_terminal and not _has_terminal():
            self.signal_handler_interrupt()
        else:
            self._handover.wish()


def _has_terminal() -> bool:
    """Whether this process belongs to a terminal; no more once that has ended."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _load_worker(begun_with: Config, following: Following, log_format: log.LogFormat, port: int) -> Callable[..., Any]:
    """The application, made in the worker process."""
    # Ignored instead, it would be so by the models' processes too.
    signal.signal(signal.SIGHUP, lambda *_: following.handover.wish())
    for ending in _ENDING:
        signal.signal(ending, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    # Ctrl-C is for the main process, which stops the worker in its own time.
    with contextlib.suppress(OSError):
        os.setsid()
    lines = log.Lines(log_format)
    log.set_up(lines)
    sys.setswitchinterval(SWITCH_S)
    environment = dict(os.environ)
    _hide_from_requests()
    config = last_good(following.handover, begun_with, following.allow)
    requests = log.GatheredLines(lines)
    running = bootstrap.start(config, environment, requests)
    live = Live(
        config,
        running.reload,
        obstacle=lambda config: bootstrap.obstacle(config, environment),
        handover=following.handover,
        allow=following.allow,
        watched=following.watched,
    )
    live.start()
    # A body may take as long to come as its request then may take.
    connections.watch(port, silent_s=lambda: 2 * running.application.front.request_timeout_s)
    admin = None if following.admin is None else _admin(following.admin, begun_with, running, live)
    _end_with_parent(admin)
    multiprocessing.util.Finalize(None, _close, (admin, live, running, requests), exitpriority=1)
    # What is there by now stays, so the garbage collector need not look through it, thousands of routes maybe, while
    # requests wait.
    gc.collect()
    gc.freeze()
    return running.application


def _admin(sock: socket.socket, begun_with: Config, running: bootstrap.Running, live: Live) -> Listener:
    sources = Sources(
        live,
        running.application,
        running.pool,
        running.breakers,
        running.traffic,
        running.mishaps,
        running.shadows,
    )

    def token() -> str:
        # A file that does not name the port any more does not close it before the next start.
        settings = live.status.config.admin or begun_with.admin
        assert settings is not None  # noqa: S101 - the socket was made for it
        return settings.token

    def make() -> Wsgi:
        # The library of the metrics takes a moment to import.
        from rulegate.admin.application import Admin

        return Admin(sources, token=token)

    admin = Listener(make, sock)
    admin.start()
    return admin


def _close(admin: Listener | None, live: Live, running: bootstrap.Running, requests: log.GatheredLines) -> None:
    if admin is not None:
        admin.close()
    live.close()
    running.close()
    requests.close()


def _end_with_parent(admin: Listener | None) -> None:
    """Ends this process in its own time when the main process has ended, and gives up its ports at once.

    Another gateway may be started while requests of this one are still in flight.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        if admin is not None:
            admin.close()
        # On which the server closes its socket, and lets requests in flight end.
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end with parent", daemon=True).start()


def _hide_from_requests() -> None:
    """Takes variables out of the environment that would look like a request's: granian merges the two in WSGI."""
    for name in list(os.environ):
        if name.startswith(("HTTP_", "CONTENT_", "REMOTE_", "REQUEST_", "QUERY_", "PATH_INFO", "SCRIPT_NAME")):
            del os.environ[name]
