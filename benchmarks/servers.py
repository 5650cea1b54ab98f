"""Servers under measurement: started, timed, asked, weighed, and always ended with every process they made."""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

PATIENCE_S = 60.0
"""How long anything may take before the benchmark gives up."""

STOP_S = 15.0
"""What a server gets to end by itself before it is killed."""

_POLL_S = 0.002
_SETTLED_WINDOW_S = 0.5
_SETTLED_CPU_S = 0.02


class NoAnswer(Exception):
    """The server ended, or did not do in time what it should."""


class Connection:
    """One keep-alive HTTP/1.1 connection to 127.0.0.1, as thin as it can be, so that what is measured is the server.

    Raises:
        OSError: If the server does not listen, or hangs up.
    """

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> tuple[int, bytes]:
        """Sends a whole request; the status and the body of the answer, which must have a content length."""
        status, _, body = self.exchange(request)
        return status, body

    def exchange(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """As `ask`, with the headers between, by their names in lower case."""
        self._socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head, body = received[:end], received[end + 4 :]
        fields = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
        headers = {name.lower(): value.strip() for name, _, value in fields}
        length = int(headers["content-length"])
        while len(body) < length:
            body += self._receive()
        return int(head[9:12]), headers, body

    def close(self) -> None:
        self._socket.close()

    def _receive(self) -> bytes:
        if not (data := self._socket.recv(65536)):
            raise ConnectionResetError("the server hung up")
        return data


def get(path: str) -> bytes:
    """A GET request's bytes."""
    return f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The bytes of a POST request with a JSON body."""
    written = {"host": "127.0.0.1", "content-type": "application/json", "content-length": str(len(body)), **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in written.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Server:
    """One start of a server command and all its processes; to be ended with ``stop``.

    Seconds are counted from just before the command is started.

    Args:
        command: What to run; it must listen on ``port`` of 127.0.0.1.
        port: A free one.
        environment: Added to this process's.
        log: Where its output goes, which both servers write for each request.
        folder: Its working directory.
    """

    def __init__(
        self, command: Sequence[str | Path], *, port: int, environment: Mapping[str, str], log: Path, folder: Path
    ) -> None:
        self._port = port
        self._log = log
        self._command = shlex.join(str(part) for part in command)
        with log.open("w") as output:
            self._begin = time.perf_counter()
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | dict(environment),
                cwd=folder,
                start_new_session=True,  # Ctrl-C is ours, and we end it
            )

    @property
    def pid(self) -> int:
        """The number of its first process."""
        return self._process.pid

    @property
    def port(self) -> int:
        """Where it listens, or will."""
        return self._port

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._log

    def until_listening(self) -> float:
        """Seconds until a connection is accepted; the first answer may take longer."""
        self._connect().close()
        return self._elapsed_s()

    def until_answer(self, request: bytes) -> float:
        """Seconds until this request is first answered with status 200."""
        while True:
            with contextlib.suppress(OSError), contextlib.closing(self._connect()) as connection:
                status, _ = connection.ask(request)
                if status == 200:
                    return self._elapsed_s()
            self._give_up_in_time()
            time.sleep(_POLL_S)

    def connection(self) -> Connection:
        """A new connection, to be closed by the caller."""
        return self._connect()

    def settle(self) -> None:
        """Waits until its processes rest: none of them has work left over from the start or from a load."""
        until = time.monotonic() + PATIENCE_S
        before = self._cpu_s()
        while time.monotonic() < until:
            time.sleep(_SETTLED_WINDOW_S)
            now = self._cpu_s()
            if now - before <= _SETTLED_CPU_S:
                return
            before = now
        raise self._failure("it is never idle")

    def memory_bytes(self) -> int:
        """The memory of all its processes, in which a page that several share counts once (PSS)."""
        return sum(pss_bytes(pid) for pid in self._processes())

    def generations(self) -> list[list[int]]:
        """Its processes by descent: the first one; its children; theirs; and so on, each in the order of their ids."""
        living = {process.pid: process for process in _living()}
        found = [[self._process.pid]]
        while children := sorted(pid for pid in living if living[pid].parent in found[-1]):
            found.append(children)
        return found

    def stop(self, *, patience_s: float = STOP_S) -> None:
        """Ends it by SIGTERM and waits until all its processes are gone; kills those that do not go. Safe to repeat."""
        # A pidfd never means another process, also when the number has been given away.
        pidfds = list(_pidfds(self._processes()))
        try:
            if self._process.poll() is None:
                self._process.terminate()
            until = time.monotonic() + patience_s
            for pidfd in pidfds:
                if not select.select([pidfd], [], [], max(0.0, until - time.monotonic()))[0]:
                    with contextlib.suppress(ProcessLookupError):
                        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                    select.select([pidfd], [], [])
            self._process.wait()
        finally:
            for pidfd in pidfds:
                os.close(pidfd)

    def _connect(self) -> Connection:
        while True:
            try:
                return Connection(self._port)
            except OSError:
                self._give_up_in_time()
                time.sleep(_POLL_S)

    def _elapsed_s(self) -> float:
        return time.perf_counter() - self._begin

    def _give_up_in_time(self) -> None:
        if self._process.poll() is not None:
            raise self._failure(f"it ended with exit code {self._process.returncode}")
        if self._elapsed_s() > PATIENCE_S:
            raise self._failure(f"no answer within {PATIENCE_S:.0f} s")

    def _failure(self, reason: str) -> NoAnswer:
        return NoAnswer(f"{self._command}: {reason}; its last words:\n{self._log.read_text()[-2000:]}")

    def _processes(self) -> list[int]:
        """Its living processes, the first one included; where that one has ended, what it left in its session."""
        living = {process.pid: process for process in _living()}
        first = self._process.pid
        if self._process.poll() is not None:
            return [process.pid for process in living.values() if process.session == first]
        return [pid for pid in living if _descends(pid, first, living)]

    def _cpu_s(self) -> float:
        ticks = 0
        for pid in self._processes():
            with contextlib.suppress(OSError):
                ticks += sum(int(field) for field in _stat(pid)[11:13])
        return ticks / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class _Process(NamedTuple):
    pid: int
    parent: int
    session: int


def _living() -> Iterator[_Process]:
    """All processes but zombies."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                state, parent, _, session = _stat(int(entry))[:4]
                if state != "Z":
                    yield _Process(int(entry), int(parent), int(session))


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the name, which may hold blanks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _descends(pid: int, ancestor: int, living: Mapping[int, _Process]) -> bool:
    while pid != ancestor:
        if pid not in living:
            return False
        pid = living[pid].parent
    return True


def pss_bytes(pid: int) -> int:
    """The memory of one process, in which a page that it shares counts in part; 0 once it has ended."""
    return _rollup_bytes(pid, "Pss:")


def own_bytes(pid: int) -> int:
    """The memory of one process that no other has: what its end would free; 0 once it has ended."""
    return _rollup_bytes(pid, "Private_")


def _rollup_bytes(pid: int, prefix: str) -> int:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(prefix))
    return 0


def _pidfds(pids: Sequence[int]) -> Iterator[int]:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            yield os.pidfd_open(pid)
