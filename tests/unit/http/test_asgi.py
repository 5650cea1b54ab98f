"""A WSGI application is called with what was sent, each request without a thread unless it is large."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.http.asgi import LARGE_BYTES, LARGE_HEAD_BYTES, SLOW_BODIES, SMALL_BYTES, Asgi


class Exchange:
    """One request and its answer, as a server would exchange them with the application."""

    def __init__(self, application, pieces: list[bytes], *, breaks_off=False, gone_after=None, max_bytes=10**6, **head):
        self.application, self.max_bytes = application, max_bytes
        self.scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "raw_path": b"/invocations",
            "query_string": b"",
            "headers": [(b"transfer-encoding", b"chunked")],
            "client": ("10.0.0.1", 1234),
            "server": ("10.0.0.2", 80),
        } | head
        self.gone_after = gone_after
        self.sent: list[dict[str, Any]] = []
        self.received = 0
        self._messages: list[dict[str, Any]] = [
            {"type": "http.request", "body": piece, "more_body": breaks_off or place < len(pieces) - 1}
            for place, piece in enumerate(pieces)
        ]
        if breaks_off:
            self._messages.append({"type": "http.disconnect"})

    def run(self) -> Exchange:
        asyncio.run(self._run())
        return self

    async def _run(self) -> None:
        self._gone = asyncio.Event()
        asgi = Asgi(self.application, max_body_bytes=lambda: self.max_bytes, threads=2)
        await asgi(self.scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        self.received += 1
        if self._messages:
            return self._messages.pop(0)
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if len(self.sent) == self.gone_after:
            self._gone.set()
            await asyncio.sleep(0)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


class Echo:
    """Answers with the body that it has read, and keeps what it was told."""

    def __init__(self) -> None:
        self.environ: dict[str, Any] = {}
        self.thread = 0

    def __call__(self, environ, start_response) -> Iterable[bytes]:
        self.environ, self.thread = environ, threading.get_ident()
        body = environ["wsgi.input"].read()
        start_response("203 Odd", [("content-type", "text/odd"), ("content-length", str(len(body)))])
        return [body]


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_the_body_is_what_was_sent_in_whatever_pieces(pieces):
    exchange = Exchange(Echo(), pieces).run()
    assert exchange.body == b"".join(pieces)
    assert exchange.sent[0]["status"] == 203
    assert (b"content-type", b"text/odd") in exchange.sent[0]["headers"]


@pytest.mark.parametrize(
    ("size", "head", "has_thread"),
    [
        (0, {}, False),
        (LARGE_BYTES, {"query_string": bytes(LARGE_HEAD_BYTES)}, False),
        (LARGE_BYTES + 1, {}, True),
        (0, {"query_string": b"q" * (LARGE_HEAD_BYTES + 1)}, True),
        (1, {"headers": [(b"content-length", b"1"), (b"cookie", b"c" * (LARGE_HEAD_BYTES + 1))]}, True),
    ],
)
def test_large_requests_alone_have_a_thread(size, head, has_thread):
    echo = Echo()
    assert len(Exchange(echo, [bytes(size)], **head).run().body) == size
    assert (echo.thread != threading.get_ident()) is has_thread


def test_of_a_body_that_is_too_large_no_more_is_read_than_shows_it():
    exchange = Exchange(Echo(), [bytes(60)] * 10, max_bytes=100).run()
    assert (len(exchange.body), exchange.received) == (120, 2)
    headers = [(b"content-length", b"101")]
    exchange = Exchange(Echo(), [bytes(101)], max_bytes=100, headers=headers).run()
    assert (len(exchange.body), exchange.received) == (0, 0)
    assert Exchange(Echo(), [b"x"], headers=[]).run().received == 0, "nothing is announced, so nothing comes"


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=4), st.data())
def test_a_body_that_breaks_off_can_be_read_up_to_there_and_then_says_so(pieces, data):
    whole = b"".join(pieces)
    size = data.draw(st.integers(0, len(whole)))

    def application(environ, start_response) -> Iterable[bytes]:
        start_response("200 OK", [])
        begin = environ["wsgi.input"].read(size)
        for rest in ((), (len(whole),)):
            with pytest.raises(ConnectionError):
                environ["wsgi.input"].read(*rest)
        return [begin]

    assert Exchange(application, pieces, breaks_off=True).run().body == whole[:size]


def test_a_client_that_is_gone_before_its_body_has_broken_it_off():
    def application(environ, start_response) -> Iterable[bytes]:
        start_response("200 OK", [])
        with pytest.raises(ConnectionError):
            environ["wsgi.input"].read()
        return []

    Exchange(application, [], breaks_off=True).run()


class Parts(Iterator[bytes]):
    """Parts of an answer without end."""

    def __init__(self) -> None:
        self.said = 0
        self.closed = 0

    def __next__(self) -> bytes:
        self.said += 1
        if self.said > 100:
            raise StopIteration
        return b"x"

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize(("gone_after", "most"), [(None, 101), (3, 5)])
def test_parts_are_sent_until_they_end_or_the_client_is_gone(gone_after, most):
    parts = Parts()

    def application(environ, start_response) -> Iterable[bytes]:
        start_response("200 OK", [])
        return parts

    exchange = Exchange(application, [b""], gone_after=gone_after).run()
    assert parts.said <= most
    assert parts.closed == 1
    if gone_after is None:
        assert exchange.body == b"x" * 100
        assert not exchange.sent[-1].get("more_body")


def environ_of(**head) -> dict[str, Any]:
    echo = Echo()
    Exchange(echo, [b""], **head).run()
    return echo.environ


def test_the_head_is_as_wsgi_has_it():
    headers = [
        (b"content-type", b"a/b"),
        (b"content-type", b"c/d"),
        (b"x-a", b"1"),
        (b"x-a", b"2 \t"),
        (b"x_a", b"3"),
        (b"x-b", "é".encode()),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
    ]
    environ = environ_of(headers=headers, raw_path=b"/a%20b/\xc3\xa9%C3%A9", query_string=b"q=%20")
    assert environ["CONTENT_TYPE"] == "a/b"
    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_X_B"] == ""
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/éé"
    assert environ["QUERY_STRING"] == "q=%20"
    assert (environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"]) == ("POST", "HTTP/1.1")
    assert (environ["REMOTE_ADDR"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("10.0.0.1", "10.0.0.2", "80")


def test_a_connection_without_addresses_has_none():
    environ = environ_of(client=None, server=None)
    assert "REMOTE_ADDR" not in environ
    assert environ["SERVER_NAME"] == ""


@pytest.mark.parametrize(("begun", "is_held_up"), [(SMALL_BYTES, False), (SMALL_BYTES + 1, True)])
def test_slow_bodies_hold_up_others_only_where_all_are_large(begun, is_held_up):
    """They are bounded in number, for what has come of them is kept."""
    head = Exchange(Echo(), []).scope

    async def run() -> tuple[bool, bool]:
        asgi = Asgi(Echo(), max_body_bytes=lambda: 10**6, threads=2)
        never = asyncio.Event()

        async def discard(_: Any) -> None:
            pass

        def ask(pieces: list[bytes], *, ends: bool) -> asyncio.Task[None]:
            async def receive() -> dict[str, Any]:
                if not pieces:
                    await never.wait()
                piece = pieces.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(pieces) or not ends}

            return asyncio.ensure_future(asgi(dict(head), receive, discard))

        slow = [ask([bytes(begun)], ends=False) for _ in range(SLOW_BODIES)]
        await asyncio.sleep(0)
        small = ask([b"a", b"b"], ends=True)
        large = ask([bytes(SMALL_BYTES + 1), b"b"], ends=True)
        await asyncio.wait([small])
        done, _ = await asyncio.wait([large], timeout=0.1 if is_held_up else 30)
        for task in (*slow, large):
            task.cancel()
        await asyncio.gather(*slow, large, return_exceptions=True)
        return small.exception() is None, large in done

    assert asyncio.run(run()) == (True, not is_held_up)
