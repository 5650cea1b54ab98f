"""Serves: our listening socket, a worker process that answers, and a clean end."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import logging
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rulegate import bootstrap, connections, http_server, log
from rulegate.admin.listener import Listener, Wsgi
from rulegate.admin.sources import Sources
from rulegate.config import Config
from rulegate.handover import Handover
from rulegate.http.asgi import Asgi
from rulegate.live import Live, last_good
from rulegate.serving.exposure import hide_this_process
from rulegate.supervisor import ENDING, CannotRun, Supervisor

MORE_THREADS = 256
"""Threads beyond those for requests in flight: each waits for a decision service or decides about a large body."""

DRAIN_EXTRA_S = 5
"""What a stopping worker gets beyond the request timeout before it is killed."""

SWITCH_S = 0.001
"""How long a thread that computes may keep the interpreter from others that want it, in seconds.

A fifth of Python's own: a configuration that is read again, a request that is explained, or a condition on a large body
then makes each request beside it wait for one millisecond at a time. Requests alone are done sooner than that.
"""

_NAME_ANOTHER_HOST = "name an address of this machine with --host, such as 127.0.0.1"

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
        sock.listen(http_server.BACKLOG)
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
    log.record_what_nobody_catches()
    # Models' processes have the same user, and what they were not given they must not find here.
    hide_this_process()
    _allow_many_files()
    ends_with_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()

    def on_hangup() -> bool:
        # A terminal that ends says so by the signal that has the configuration read again, and then so does the
        # gateway, unless told not to (``nohup``).
        if ends_with_terminal and not _has_terminal():
            return True
        following.handover.wish()
        return False

    def patience_s() -> float:
        good = following.handover.good()
        return (config.server.request_timeout_s if good is None else good.request_timeout_s) + DRAIN_EXTRA_S

    # The worker inherits what is loaded here; nothing runs here yet that a fork could cut off.
    work = functools.partial(_work, config, sock, following, log_format, patience_s)
    try:
        Supervisor(work, patience_s=patience_s, on_hangup=on_hangup).run()
    except CannotRun:
        _log.critical("the worker process ends as soon as it is started")
        raise SystemExit(1) from None
    finally:
        sock.close()


def _allow_many_files() -> None:
    """Raises the soft limit of open files, a connection being one, to what the system allows this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _has_terminal() -> bool:
    """Whether this process belongs to a terminal; no more once that has ended."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _work(
    begun_with: Config,
    sock: socket.socket,
    following: Following,
    log_format: log.LogFormat,
    patience_s: Callable[[], float],
) -> None:
    """What the worker process does, from its start to its end."""
    # Ignored instead, it would be so by the models' processes too.
    signal.signal(signal.SIGHUP, lambda *_: following.handover.wish())
    for ending in ENDING:
        signal.signal(ending, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    # Ctrl-C is for the main process, which stops the worker in its own time.
    with contextlib.suppress(OSError):
        os.setsid()
    lines = log.Lines(log_format)
    # Nobody waits for who reads the log: the loop must not, nor may what brings models' prints, for which they would
    # wait in turn. Requests have a queue of their own, so that no print drops a line of theirs where the log is slow.
    records = log.GatheredLines(lines, gather_s=0.0)
    log.set_up(records)
    try:
        _serve_requests(begun_with, sock, following, log.GatheredLines(lines), patience_s)
    finally:
        records.close()
        log.set_up(lines)


def _serve_requests(
    begun_with: Config,
    sock: socket.socket,
    following: Following,
    requests: log.GatheredLines,
    patience_s: Callable[[], float],
) -> None:
    sys.setswitchinterval(SWITCH_S)
    environment = dict(os.environ)
    config = last_good(following.handover, begun_with, following.allow)
    loop = http_server.new_loop()
    running = bootstrap.start(config, environment, requests, loop=loop)
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
    connections.watch(sock.getsockname()[1], silent_s=lambda: 2 * running.application.front.request_timeout_s)
    admin = None if following.admin is None else _admin(following.admin, begun_with, running, live)
    _end_with_parent(admin)
    # What is there by now stays, so the garbage collector need not look through it, thousands of routes maybe, while
    # requests wait.
    gc.collect()
    gc.freeze()
    try:
        application = Asgi(
            running.application,
            max_body_bytes=lambda: running.application.front.max_body_bytes,
            threads=begun_with.server.threads + MORE_THREADS,
        )
        http_server.run(application, sock, loop, patience_s=patience_s)
    finally:
        # The loop goes on while the models' processes end, since it is told of their ends.
        loop.run_until_complete(loop.run_in_executor(None, _close, admin, live, running, requests))
        loop.close()


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
