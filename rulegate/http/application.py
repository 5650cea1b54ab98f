"""The WSGI application: paths, answers, headers, and one log line for each request of an endpoint."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.wsgi import get_path_info

from rulegate import __version__, waiting
from rulegate.condition import Request
from rulegate.details import Details
from rulegate.external import Services
from rulegate.gateway import Gateway
from rulegate.http import listing
from rulegate.http.errors import PathNotFound, failure_of
from rulegate.http.events import ClientGone, Events
from rulegate.http.incoming import condition_request, content_type, read_body, request_id, require_method
from rulegate.http.passage import Passage
from rulegate.http.replies import JSON, STATUS_LINES, Reply, failed, json_reply
from rulegate.http.traffic import Traffic
from rulegate.journey import Journey, Leg
from rulegate.log import Log

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


@dataclass(frozen=True, slots=True)
class Front:
    """What a request is answered by, from its first byte to its last.

    Attributes:
        gateway: Decides and answers.
        max_body_bytes: The largest body taken, inclusive.
        request_timeout_s: How long a request may take once its body is there.
        services: Answer for decision services; None: none of them has an answer.
    """

    gateway: Gateway
    max_body_bytes: int
    request_timeout_s: float
    services: Services | None = None

    def ask(self) -> Callable[[str, Request], Any] | None:
        """Asks decision services about a request whose time begins now; None where there are none."""
        if self.services is None:
            return None
        services, until_s = self.services, time.monotonic() + self.request_timeout_s
        # A service is asked by blocking calls.
        return lambda name, request: waiting.in_thread(lambda: services.answer(name, request, until_s=until_s))


class Application:
    """The gateway as a WSGI application. Safe to use from many threads.

    Args:
        front: What requests are answered by, until there is another.
        log: Where each request of an endpoint gets its line.
        not_ready: The model URIs that are to be loaded at start and are not yet, each with what is known of why.
        traffic: Where each request of an endpoint is counted; None: where nobody looks.
    """

    def __init__(
        self,
        front: Front,
        log: Log,
        *,
        not_ready: Callable[[], dict[str, str]],
        traffic: Traffic | None = None,
    ) -> None:
        self._front = front
        self._log = log
        self._traffic = traffic or Traffic()
        self._not_ready = not_ready
        self._passage = Passage()
        self._details = Details()
        self._pages: dict[str, Callable[[], Reply]] = {
            "/ping": _alive,
            "/health": _alive,
            "/ready": self._ready,
            # Of the distribution, so that the gateway need not import it.
            "/version": partial(_version, importlib.metadata.version("mlflow")),
        }

    @property
    def front(self) -> Front:
        """What requests that begin now are answered by."""
        return self._front

    def switch(self, front: Front) -> None:
        """Answers by ``front`` from the next request on; those that have begun end as they began."""
        self._front = front

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request; never raises."""
        path = get_path_info(environ)
        endpoint = _endpoint_of(path)
        if path == "/invocations" or endpoint is not None:
            reply = self._invoke(environ, endpoint)
        else:
            reply = self._page(environ, path)
        if reply.rest is None:
            reply.headers.append(("content-length", str(len(reply.body))))
        # A route may deny with a status that no standard names.
        start_response(STATUS_LINES.get(reply.status) or f"{reply.status} Denied", reply.headers)
        if reply.rest is not None:
            return reply.rest
        # The server sends a list in one piece.
        return [reply.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _invoke(self, environ: WSGIEnvironment, endpoint: str | None) -> Reply:
        begin = time.perf_counter()
        # Read once: whoever switches meanwhile does so for the requests after this one.
        front = self._front
        this_request = request_id(environ)
        journey = Journey(this_request)

        def end(status: int, error: Exception | None) -> None:
            total_s = time.perf_counter() - begin
            self._traffic.note(journey, status, _code(error), total_s=total_s)
            facts = _facts(status, journey, total_s, error)
            self._log.write("request", facts | self._detail(journey, error))

        failure = None
        try:
            require_method(environ, "POST")
            body = read_body(environ, max_bytes=front.max_body_bytes)
            journey.via = self._passage.through(environ, endpoint)
            prediction = front.gateway.answer(
                endpoint,
                condition_request(environ, body, ask=front.ask()),
                body,
                content_type(environ),
                journey,
                timeout_s=front.request_timeout_s,
            )
            headers = [("content-type", prediction.content_type)]
            if prediction.rest is None:
                reply = Reply(200, headers, prediction.body)
            else:
                events = Events(prediction.body, prediction.rest, this_request, partial(end, 200))
                reply = Reply(200, [*headers, ("cache-control", "no-cache")], b"", events)
        except Exception as error:  # noqa: BLE001 - whatever happens, the client gets an answer of ours
            reply = failed(error, this_request)
            failure = error
        reply.headers.append(("x-request-id", this_request))
        reply.headers.extend(_names(journey))
        if reply.rest is None:
            end(reply.status, failure)
        return reply

    def _detail(self, journey: Journey, error: Exception | None) -> dict[str, Any]:
        """What only the log may say of why the request, or a route before the one that answers, has failed."""
        failed_legs = ((passed.model, passed.error) for passed in journey.passed)
        for model, failure in ((journey.leg.model if journey.leg else None, error), *failed_legs):
            detail = getattr(failure, "detail", "")
            if isinstance(detail, str) and detail:
                return self._details.facts(model or "", detail)
        return {}

    def _page(self, environ: WSGIEnvironment, path: str) -> Reply:
        try:
            page = self._pages.get(path) or self._listing(path)
            if page is None and (there := self._without_slash(path)) is not None:
                return Reply(307, [("location", _location(environ, there))], b"")
            if page is None:
                raise PathNotFound("there is no such path; models answer POST /invocations")
            require_method(environ, "GET", "HEAD")
            return page()
        except Exception as error:  # noqa: BLE001 - as above
            this_request = request_id(environ)
            reply = failed(error, this_request)
            reply.headers.append(("x-request-id", this_request))
            return reply

    def _without_slash(self, path: str) -> str | None:
        """The path that is meant by one with slashes at its end, as MLflow's server takes it; None: there is none."""
        meant = path.rstrip("/")
        is_there = meant == "/invocations" or meant in self._pages or _endpoint_of(meant) is not None
        return meant if meant != path and is_there else None

    def _listing(self, path: str) -> Callable[[], Reply] | None:
        facts = listing.page(path, self._front.gateway.endpoint_names)
        return None if facts is None else partial(json_reply, 200, facts)

    def _ready(self) -> Reply:
        missing = self._not_ready()
        return json_reply(503 if missing else 200, {"ready": not missing, "not_ready": missing})


def _endpoint_of(path: str) -> str | None:
    """The endpoint that a path such as ``/endpoints/NAME/invocations`` names."""
    parts = path.split("/")
    if len(parts) == 4 and parts[:2] == ["", "endpoints"] and parts[3] == "invocations":
        return parts[2]
    return None


def _location(environ: WSGIEnvironment, path: str) -> str:
    """Where to ask instead, with the query that was asked with; without a host, which a proxy may have changed."""
    query = quote(environ.get("QUERY_STRING", ""), safe="%/?:@!$&'()*+,;=")
    return quote(path) + (f"?{query}" if query else "")


def _alive() -> Reply:
    return Reply(200, [("content-type", JSON)], b"\n")


def _version(version: str) -> Reply:
    # The content type is that of MLflow's server.
    return Reply(200, [("content-type", JSON), ("x-rulegate-version", __version__)], version.encode())


def _names(journey: Journey) -> Iterator[tuple[str, str]]:
    """The headers that say who answered, as far as that is known, and who did not."""
    if journey.endpoint is not None:
        yield "x-rulegate-endpoint", journey.endpoint
    leg = journey.leg
    if leg is None:
        return
    yield "x-rulegate-route", leg.route
    if leg.target is not None:
        yield "x-rulegate-target", leg.target
    if leg.model is not None:
        yield "x-rulegate-model", leg.model if _is_plain(leg.model) else quote(leg.model, safe=":/@ ")
    if passed := _failures(journey.passed):
        yield "x-rulegate-fallback-from", passed


def _failures(legs: Sequence[Leg]) -> str | None:
    """Routes that have not answered, each with the code of why; None where there are none, as there mostly are."""
    if not legs:
        return None
    return ", ".join(f"{leg.route}; {failure_of(leg.error).code}" for leg in legs if leg.error is not None) or None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _code(error: Exception | None) -> str:
    """The code of a failure; empty where there is none, or it was the client's to go."""
    return "" if error is None or isinstance(error, ClientGone) else failure_of(error).code


def _facts(status: int, journey: Journey, total_s: float, error: Exception | None) -> dict[str, object]:
    leg = journey.leg
    return {
        "request_id": journey.request_id,
        "status": status,
        "code": _code(error) or None,
        "endpoint": journey.endpoint,
        "route": leg.route if leg else None,
        "target": leg.target if leg else None,
        "model": leg.model if leg else None,
        "fallback_from": _failures(journey.passed),
        "failed_fallbacks": _failures(journey.in_vain),
        "decide_ms": _ms(journey.decide_s),
        "load_ms": _ms(leg.load_s if leg else None),
        "predict_ms": _ms(leg.predict_s if leg else None),
        "total_ms": _ms(total_s),
    }


def _ms(seconds: float | None) -> float | None:
    # Cut, not rounded, which would take three times as long.
    return None if seconds is None else int(seconds * 1_000_000) / 1000
