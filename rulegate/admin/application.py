"""The admin port as a WSGI application: who may ask, what there is, and the form of answers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from rulegate.admin import pages
from rulegate.admin.asked import explained
from rulegate.admin.metrics import CONTENT_TYPE, Metrics
from rulegate.admin.routes import routes
from rulegate.admin.sources import Sources
from rulegate.http.errors import PathNotFound, Unauthorized
from rulegate.http.incoming import path_of, read_body, request_id, require_method
from rulegate.http.replies import STATUS_LINES, Reply, failed, json_reply
from rulegate.live import Result

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MAX_BODY_BYTES: Final = 12 * 1024 * 1024
"""The largest body taken, inclusive: a request of the default `server.max_body`, and what describes it."""

_SCHEME: Final = "bearer"


class Admin:
    """Answers those who run the gateway. Safe to use from many threads; never raises.

    Every path wants the token, so that whoever has none does not learn what there is.

    Args:
        sources: What is shown.
        token: What a request proves its right with, now.
    """

    def __init__(self, sources: Sources, *, token: Callable[[], str]) -> None:
        self._sources = sources
        self._token = token
        self._metrics = Metrics(sources)
        self._pages: dict[str, tuple[tuple[str, ...], Callable[[WSGIEnvironment], Reply]]] = {
            "/metrics": (("GET", "HEAD"), self._show_metrics),
            "/admin/config": (("GET", "HEAD"), self._show_config),
            "/admin/models": (("GET", "HEAD"), self._show_models),
            "/admin/routes": (("GET", "HEAD"), self._show_routes),
            "/admin/explain": (("POST",), self._explain),
            "/admin/reload": (("POST",), self._reload),
        }

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that there is."""
        return tuple(self._pages)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request."""
        this_request = request_id(environ)
        try:
            self._check_token(environ)
            reply = self._answer(environ)
        except Exception as error:  # noqa: BLE001 - whatever happens, the client gets an answer of ours
            reply = failed(error, this_request)
        reply.headers.extend(
            (
                ("content-length", str(len(reply.body))),
                ("cache-control", "no-store"),
                ("x-request-id", this_request),
            )
        )
        start_response(STATUS_LINES[reply.status], reply.headers)
        return [reply.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _check_token(self, environ: WSGIEnvironment) -> None:
        scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        # Digests are of one length, so that not even the token's length can be told from the time that this takes.
        same = hmac.compare_digest(_digest(given.strip()), _digest(self._token()))
        if scheme.lower() != _SCHEME or not same:
            raise Unauthorized("this needs the header `Authorization: Bearer …` with the token of `admin.token`")

    def _answer(self, environ: WSGIEnvironment) -> Reply:
        page = self._pages.get(path_of(environ))
        if page is None:
            raise PathNotFound(f"there is no such path; there are: {', '.join(self._pages)}")
        methods, answer = page
        require_method(environ, *methods)
        return answer(environ)

    def _show_metrics(self, _: WSGIEnvironment) -> Reply:
        return Reply(200, [("content-type", CONTENT_TYPE)], self._metrics.text())

    def _show_config(self, _: WSGIEnvironment) -> Reply:
        return json_reply(200, pages.config(self._sources.live.status))

    def _show_models(self, _: WSGIEnvironment) -> Reply:
        return json_reply(200, pages.models(self._sources.pool.figures()))

    def _show_routes(self, _: WSGIEnvironment) -> Reply:
        return json_reply(200, routes(self._sources))

    def _explain(self, environ: WSGIEnvironment) -> Reply:
        body = read_body(environ, max_bytes=MAX_BODY_BYTES)
        sources = self._sources
        return json_reply(200, explained(body, sources.application.front.gateway, sources.pool, sources.breakers))

    def _reload(self, _: WSGIEnvironment) -> Reply:
        attempt = self._sources.live.reload()
        return json_reply(422 if attempt.result is Result.REFUSED else 200, pages.reload(attempt))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
