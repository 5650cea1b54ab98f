"""Runs the WSGI application for a server with an event loop, each request without a thread of its own."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from rulegate import waiting

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

LARGE_BYTES: Final = 32 * 1024
"""A request with a larger body has a thread: to parse it takes longer than others should wait."""

LARGE_HEAD_BYTES: Final = 4 * 1024
"""And so has one with more in its query string and its cookies."""

SMALL_BYTES: Final = 64 * 1024
"""So much of each body is read as it comes."""

SLOW_BODIES: Final = 256
"""Larger bodies that may be on their way at once; others wait, so that slow clients do not fill the memory."""

MOST_NAMES: Final = 1000
"""Names of headers whose keys are remembered."""


class Asgi:
    """A WSGI application as ASGI servers call it.

    Args:
        application: Answers requests; it waits by nothing but `rulegate.waiting`.
        max_body_bytes: The largest body that the application takes now. Of a larger one it gets what shows that.
        threads: How many requests may be in flight that need a thread: large ones, and those that wait for something
            that can be waited for in no other way.
    """

    def __init__(self, application: WSGIApplication, *, max_body_bytes: Callable[[], int], threads: int) -> None:
        self._application = application
        self._max_body_bytes = max_body_bytes
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="requests")
        self._heads = _Heads()
        self._large_bodies = asyncio.Semaphore(SLOW_BODIES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        environ = self._heads.environ(scope)
        body = await self._body(environ, receive)
        environ["wsgi.input"] = body
        answer = _Answer()
        work = partial(answer.begin, self._application, environ)
        await self._run(partial(waiting.in_thread, work) if _is_large(environ, body) else work)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        if isinstance(answer.parts, list):
            await send({"type": "http.response.body", "body": b"".join(answer.parts)})
        else:
            await self._send_parts(iter(answer.parts), answer.parts, receive, send)

    async def _send_parts(self, parts: Iterator[bytes], answer: Iterable[bytes], receive: Receive, send: Send) -> None:
        """Sends one part after the other, none before the client has taken most of those before."""
        gone = asyncio.ensure_future(receive())
        try:
            while (part := await self._run(partial(next, parts, None))) is not None and not gone.done():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            if (close := getattr(answer, "close", None)) is not None:
                await self._run(close)

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await waiting.run(work, self._threads)

    async def _body(self, environ: WSGIEnvironment, receive: Receive) -> _Body:
        """What has come of the body: whole, unless the client went away or it is too large."""
        announced = environ.get("CONTENT_LENGTH")
        if announced is None and "HTTP_TRANSFER_ENCODING" not in environ:
            return _Body(b"")
        max_bytes = self._max_body_bytes()
        if announced is not None and int(announced) > max_bytes:
            # Not asked for, a client that waits to be told to go on does not send it.
            return _Body(b"")
        pieces: list[bytes] = []
        try:
            if await _read(pieces, receive, up_to=min(SMALL_BYTES, max_bytes)):
                async with self._large_bodies:
                    await _read(pieces, receive, up_to=max_bytes)
        except ConnectionError:
            return _Body(b"".join(pieces), is_whole=False)
        return _Body(b"".join(pieces))


def _is_large(environ: WSGIEnvironment, body: _Body) -> bool:
    in_head = len(environ["QUERY_STRING"]) + len(environ.get("HTTP_COOKIE", ""))
    return body.size > LARGE_BYTES or in_head > LARGE_HEAD_BYTES


async def _read(pieces: list[bytes], receive: Receive, *, up_to: int) -> bool:
    """Adds what comes of a body, until there are more than ``up_to`` bytes; whether there is more to come.

    Raises:
        ConnectionError: If the client went away.
    """
    size = sum(map(len, pieces))
    while size <= up_to:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        pieces.append(message["body"])
        size += len(message["body"])
        if not message["more_body"]:
            return False
    return True


class _Body(io.BytesIO):
    """A body that has come; one that broke off says so when it is read to the place."""

    def __init__(self, body: bytes, *, is_whole: bool = True) -> None:
        super().__init__(body)
        self.size = len(body)
        self._is_whole = is_whole

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BytesIO.read`.

        Raises:
            ConnectionError: If the client went away before all had come that is asked for.
        """
        data = super().read(size)
        if not self._is_whole and (size is None or size < 0 or len(data) < size):
            raise ConnectionError("the client went away")
        return data


class _Answer:
    """One call of the application, and what came of it."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.parts: Iterable[bytes] = []

    def begin(self, application: WSGIApplication, environ: WSGIEnvironment) -> None:
        self.parts = application(environ, self._start)

    def _start(self, status: str, headers: list[tuple[str, str]], _: object = None, /) -> Callable[[bytes], object]:
        self.status = int(status[:3])
        self.headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return lambda _: None


class _Heads:
    """Makes the heads of requests what WSGI calls an environ. For one thread."""

    def __init__(self) -> None:
        # Clients send the same names again and again; empty for what is dropped.
        self._keys = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
        self._always = {
            "SCRIPT_NAME": "",
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
        }

    def environ(self, scope: Scope) -> WSGIEnvironment:
        path: bytes = scope["raw_path"]
        environ: WSGIEnvironment = self._always.copy()
        environ["REQUEST_METHOD"] = scope["method"]
        environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
        environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
        environ["SERVER_PROTOCOL"] = "HTTP/" + scope["http_version"]
        environ["SERVER_NAME"], environ["SERVER_PORT"] = map(str, scope["server"] or ("", ""))
        environ["wsgi.url_scheme"] = scope["scheme"]
        if scope["client"]:
            environ["REMOTE_ADDR"] = scope["client"][0]
        for name, value in scope["headers"]:
            key = self._keys.get(name)
            if key is None:
                key = self._key(name)
            # The parser leaves the blanks behind a value.
            text = value.decode("ascii").rstrip(" \t") if value.isascii() else ""
            if key not in environ:
                environ[key] = text
            elif key.startswith("HTTP_"):
                environ[key] += f"{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
            # Of several content types, MLflow's server takes the first.
        environ.pop("", None)
        return environ

    def _key(self, name: bytes) -> str:
        # In WSGI a name with an underscore would pass for one with a hyphen, which a proxy may have set.
        key = "" if b"_" in name else "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        if len(self._keys) < MOST_NAMES:
            self._keys[name] = key
        return key
