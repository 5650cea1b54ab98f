"""The admin port on a real socket: who is slow holds nobody up, limits hold, and it ends."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from rulegate.admin.listener import MAX_BODY_BYTES, MAX_HEADER_BYTES, THREADS, Listener

PATIENCE_S = 30


def application(environ, start_response):
    start_response("200 OK", [("content-length", "2")])
    return [b"ok"]


@pytest.fixture
def sock() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
def port(sock) -> Iterator[int]:
    port = sock.getsockname()[1]
    listener = Listener(lambda: application, sock)
    listener.start()
    yield port
    listener.close()


def get(port: int, headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", "/", headers=headers or {})
    status = connection.getresponse().status
    connection.close()
    return status


def answer(port: int, request: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection)
        response.begin()
        return response, response.read()


def test_it_answers(port):
    assert get(port) == 200


def test_whoever_sends_slowly_holds_no_thread(port):
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 * THREADS)]
    for one in slow:
        one.sendall(b"POST / HTTP/1.1\r\ncontent-length: 10\r\n\r\n12345")
    assert get(port) == 200
    for one in slow:
        one.close()


def test_heads_and_bodies_have_a_limit(port):
    assert get(port, {"x-long": "x" * MAX_HEADER_BYTES}) == 431
    assert get(port, {"content-length": str(MAX_BODY_BYTES + 1)}) == 413


@pytest.mark.parametrize(
    ("request_of", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nx-long: " + b"x" * MAX_HEADER_BYTES + b"\r\n\r\n", 431, "RG417"),
        (b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413, "RG403"),
        (b"GET / HTTP/1.1\r\nna me: x\r\n\r\n", 400, "RG418"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx", 400, "RG418"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n", 400, "RG418"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nno-number\r\n", 400, "RG418"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "RG418"),
    ],
    ids=["long head", "long body", "odd name", "two lengths", "odd encoding", "odd chunk", "TLS"],
)
def test_what_no_application_sees_is_refused_like_all_else(port, request_of, status, code):
    response, body = answer(port, request_of)
    error = json.loads(body)
    assert (response.status, error["code"], error["error_code"]) == (status, code, "BAD_REQUEST")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["connection"] == "close"
    assert response.headers["x-request-id"] == error["request_id"]
    assert error["message"]


def test_it_ends_and_nobody_is_answered_any_more(sock):
    before = set(threading.enumerate())
    port = sock.getsockname()[1]
    listener = Listener(lambda: application, sock)
    listener.start()
    assert get(port) == 200
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        get(port)
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def test_what_cannot_be_made_is_logged_and_can_be_closed(sock, caplog):
    def broken():
        raise RuntimeError("a fault of ours")

    listener = Listener(broken, sock)
    listener.start()
    listener.close()
    assert [record.getMessage() for record in caplog.records] == ["the admin port cannot be served"]
    sock.close()
