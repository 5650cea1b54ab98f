"""What speaks HTTP keeps its bounds, answers in order, and ends when it is told to, in its own time."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
import threading
from rulegate import http_server, waiting
from rulegate.http.asgi import Asgi
from rulegate.server import listen

http_server.MAX_CONNECTIONS = 20

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"]
    if path == "/wait":
        print("waits", flush=True)
        waiting.in_thread(lambda: threading.Event().wait(float(environ["QUERY_STRING"])))
    said = f"{path[1:]}:{len(body)};".encode()
    start_response("200 OK", [("content-length", str(len(said)))])
    return [said]

sock = listen("127.0.0.1", 0)
print(sock.getsockname()[1], flush=True)
loop = http_server.new_loop()
asgi = Asgi(application, max_body_bytes=lambda: 1000, threads=4)
http_server.run(asgi, sock, loop, patience_s=lambda: 2.0)
print("ended", flush=True)
"""


class Running:
    """A server of a small application, in a process of its own."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(PROGRAM)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            text=True,
        )
        self.port = int(self.line())

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def exchange(self, *sent: bytes) -> str:
        """All that comes back, until the server closes the connection."""
        with self.connect() as connection:
            for piece in sent:
                connection.sendall(piece)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def server():
    running = Running()
    yield running
    running.end()


@pytest.fixture
def another():
    running = Running()
    yield running
    running.end()


def request(path: str = "/a", *head: str, body: bytes = b"", last: bool = True) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *head]
    if last:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode() + body


def statuses(answer: str) -> list[int]:
    return [int(status) for status in re.findall(r"HTTP/1\.1 (\d+)", answer)]


def test_requests_that_come_at_once_are_answered_in_their_order(server):
    many = [request(f"/{number}", body=bytes(number), last=number == 49) for number in range(50)]
    answer = server.exchange(b"".join(many))
    assert re.findall(r"(\d+:\d+);", answer) == [f"{number}:{number}" for number in range(50)]


def test_a_request_that_comes_byte_by_byte_is_answered(server):
    assert "a:3;" in server.exchange(*(bytes([byte]) for byte in request(body=b"abc")))


def test_a_client_that_waits_to_be_told_to_go_on_is_told_or_refused(server):
    with server.connect() as connection:
        connection.sendall(request("/a", "Expect: 100-continue", body=b"")[:-2].replace(b"th: 0", b"th: 3") + b"\r\n")
        assert statuses(connection.recv(65536).decode()) == [100]
        connection.sendall(b"abc")
        assert b"a:3;" in b"".join(iter(lambda: connection.recv(65536), b""))
    large = request("/a", "Expect: 100-continue").replace(b"th: 0", b"th: 1001")
    assert 100 not in statuses(server.exchange(large))


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ([f"X-{number}: 1" for number in range(250)], 200),
        ([f"X-{number}: 1" for number in range(257)], 431),
        ([f"X-Long: {'a' * 50_000}"], 200),
        ([f"X-Long: {'a' * 200_000}"], 431),
        (["X-Odd: \x01"], 400),
        (["Content-Length: 5"], 400),
        (["Transfer-Encoding: chunked"], 400),
    ],
)
def test_heads_have_bounds_and_a_form(server, head, status):
    try:
        assert statuses(server.exchange(request("/a", *head))) == [status]
    except ConnectionResetError:
        # The refusal may be lost where the client is still sending.
        assert status == 431


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"])
def test_what_is_no_http_is_told_so(server, sent):
    assert statuses(server.exchange(sent)) == [400]


def test_beyond_so_many_connections_new_ones_are_refused_until_others_end(another):
    def again() -> list[int]:
        try:
            return statuses(another.exchange(request()))
        except ConnectionResetError:
            # The refusal may be lost where the client is still sending.
            return [503]

    held = [another.connect() for _ in range(20)]
    for connection in held:
        connection.sendall(request(last=False))
        assert b"200 OK" in connection.recv(65536)
    assert again() == [503]
    held.pop().close()
    while (answer := again()) == [503]:
        pass
    assert answer == [200]
    for connection in held:
        connection.close()


def test_a_request_in_flight_is_answered_at_the_end(another):
    with another.connect() as waits, another.connect() as idles:
        idles.sendall(request(last=False))
        assert b"200 OK" in idles.recv(65536)
        waits.sendall(request("/wait?0.3", last=False))
        assert another.line() == "waits"
        another.process.send_signal(signal.SIGTERM)
        assert idles.recv(65536) == b"", "a connection that idles is closed"
        assert b"wait:0;" in b"".join(iter(lambda: waits.recv(65536), b""))
    assert another.line() == "ended"
    assert another.process.wait(30) == 0


def test_a_request_that_takes_too_long_at_the_end_is_given_up(another):
    with another.connect() as waits:
        waits.sendall(request("/wait?5"))
        assert another.line() == "waits"
        another.process.send_signal(signal.SIGTERM)
        assert another.line() == "ended"
