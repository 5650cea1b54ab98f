"""Servers under measurement: what is read of them, and that nothing of them stays behind."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

servers = pytest.importorskip("benchmarks.servers", reason="the benchmarks are not beside the tests")

# A server that answers everything, with a child in a session of its own.
_SERVER = """
import http.server, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200 if self.path == "/ping" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
child = subprocess.Popen([sys.executable, "-c", sys.argv[2]], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
with open("pids", "w") as pids: print(child.pid, file=pids)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

# It heeds no SIGTERM.
_CHILD = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    port = servers.free_port()
    server = servers.Server(
        [sys.executable, "-c", _SERVER, str(port), _CHILD],
        port=port,
        environment={},
        log=tmp_path / "log",
        folder=tmp_path,
    )
    yield server
    server.stop(patience_s=0.5)


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_times_count_from_the_start_on(server: Any) -> None:
    listening_s = server.until_listening()
    assert 0 < listening_s < server.until_answer(servers.get("/ping"))


def test_a_connection_is_kept_and_bodies_are_read_whole(server: Any) -> None:
    with contextlib.closing(server.connection()) as connection:
        assert connection.ask(servers.get("/ping")) == (200, b"/ping")
        assert connection.ask(servers.get("/other")) == (404, b"/other")


def test_memory_is_that_of_all_processes(server: Any) -> None:
    server.until_answer(servers.get("/ping"))
    assert server.memory_bytes() > 5_000_000


def test_stop_ends_every_process_also_one_that_resists(server: Any, tmp_path: Path) -> None:
    server.until_answer(servers.get("/ping"))
    child = int((tmp_path / "pids").read_text())
    assert _is_alive(child)
    server.stop(patience_s=0.5)
    assert not _is_alive(child)


def test_a_server_that_ends_is_reported_with_its_last_words(tmp_path: Path) -> None:
    server = servers.Server(
        [sys.executable, "-c", "raise SystemExit('no registry')"],
        port=servers.free_port(),
        environment={},
        log=tmp_path / "log",
        folder=tmp_path,
    )
    with pytest.raises(servers.NoAnswer, match=r"exit code 1.*\n.*no registry"):
        server.until_listening()
    server.stop()
