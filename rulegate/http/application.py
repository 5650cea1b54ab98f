"""The WSGI application: paths, answers, headers, and one log line for each request of an endpoint."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from werkzeug.wrappers import Response

from rulegate import __version__
from rulegate.gateway import Gateway, Journey
from rulegate.http import listing
from rulegate.http.errors import RETRY_AFTER_S, UNEXPECTED, MethodNotAllowed, PathNotFound, failure_of, message_of
from rulegate.http.incoming import condition_request, content_type, read_body, request_id
from rulegate.log import FACTS
from rulegate.serving.models import Prediction

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger("rulegate.request")


class Application:
    """The gateway as a WSGI application. Safe to use from many threads.

    Args:
        gateway: Decides and answers.
        not_ready: The model URIs that are to be loaded at start and are not yet, each with what is known of why.
        max_body_bytes: The largest body taken, inclusive.
        request_timeout_s: How long a request may take once its body is there.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        not_ready: Callable[[], dict[str, str]],
        max_body_bytes: int,
        request_timeout_s: float,
    ) -> None:
        self._gateway = gateway
        self._not_ready = not_ready
        self._max_body_bytes = max_body_bytes
        self._request_timeout_s = request_timeout_s
        self._pages: dict[str, Callable[[], Response]] = {
            "/ping": _alive,
            "/health": _alive,
            "/ready": self._ready,
            "/version": _version,
            **listing.pages(gateway.endpoint_names),
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request; never raises."""
        path = environ.get("PATH_INFO", "")
        endpoint = _endpoint_of(path)
        if path == "/invocations" or endpoint is not None:
            response = self._invoke(environ, endpoint)
        else:
            response = self._page(environ, path)
        body, status, headers = response.get_wsgi_response(environ)
        start_response(status, headers)
        return list(body)

    def _invoke(self, environ: WSGIEnvironment, endpoint: str | None) -> Response:
        begin = time.perf_counter()
        journey = Journey()
        this_request = request_id(environ)
        detail = None
        try:
            _require(environ, "POST")
            response = _answered(self._predict(environ, endpoint, journey))
        except Exception as error:  # noqa: BLE001 - whatever happens, the client gets an answer of ours
            response = _failed(error, this_request)
            detail = _detail(error)
        _identify(response, this_request, journey)
        _log.info("request", extra={FACTS: _facts(response, this_request, journey, begin, detail)})
        return response

    def _predict(self, environ: WSGIEnvironment, endpoint: str | None, journey: Journey) -> Prediction:
        body = read_body(environ, max_bytes=self._max_body_bytes)
        request = condition_request(environ, body)
        return self._gateway.answer(
            endpoint, request, body, content_type(environ), journey, timeout_s=self._request_timeout_s
        )

    def _page(self, environ: WSGIEnvironment, path: str) -> Response:
        try:
            page = self._pages.get(path)
            if page is None:
                raise PathNotFound("there is no such path; models answer POST /invocations")
            _require(environ, "GET", "HEAD")
            return page()
        except Exception as error:  # noqa: BLE001 - as above
            this_request = request_id(environ)
            response = _failed(error, this_request)
            _identify(response, this_request, Journey())
            return response

    def _ready(self) -> Response:
        missing = self._not_ready()
        facts = {"ready": not missing, "not_ready": missing}
        return Response(json.dumps(facts), 503 if missing else 200, mimetype="application/json")


def _endpoint_of(path: str) -> str | None:
    """The endpoint that a path such as ``/endpoints/NAME/invocations`` names."""
    parts = path.split("/")
    if len(parts) == 4 and parts[:2] == ["", "endpoints"] and parts[3] == "invocations":
        return unquote(parts[2])
    return None


def _require(environ: WSGIEnvironment, *methods: str) -> None:
    method = environ["REQUEST_METHOD"]
    if method not in methods:
        raise MethodNotAllowed(f"{method[:20]} is not allowed here; use {methods[0]}", methods)


def _alive() -> Response:
    return Response("\n", mimetype="application/json")


def _version() -> Response:
    # Of the distribution, so that the gateway need not import it. The content type is that of MLflow's server.
    version = importlib.metadata.version("mlflow")
    return Response(version, mimetype="application/json", headers={"x-rulegate-version": __version__})


def _answered(prediction: Prediction) -> Response:
    return Response(prediction.body, content_type=prediction.content_type)


def _failed(error: Exception, this_request: str) -> Response:
    failure = failure_of(error)
    answer = {
        **getattr(error, "fields", {}),
        "error_code": failure.error_code,
        "message": message_of(error),
        "code": failure.code,
        "request_id": this_request,
    }
    response = Response(json.dumps(answer), failure.status, mimetype="application/json")
    if failure.retry:
        left_s = getattr(error, "retry_after_s", None)
        response.headers["retry-after"] = str(RETRY_AFTER_S if left_s is None else max(1, math.ceil(left_s)))
    if isinstance(error, MethodNotAllowed):
        response.headers["allow"] = ", ".join(error.allowed)
    if failure is UNEXPECTED:
        _log.error("the gateway failed", exc_info=error, extra={FACTS: {"request_id": this_request}})
    return response


def _identify(response: Response, this_request: str, journey: Journey) -> None:
    headers = {
        "x-request-id": this_request,
        "x-rulegate-endpoint": journey.endpoint,
        "x-rulegate-route": journey.route,
        "x-rulegate-target": journey.target,
        "x-rulegate-model": journey.model,
    }
    for name, value in headers.items():
        if value is not None:
            response.headers[name] = value


def _detail(error: Exception) -> str | None:
    """What only the log may say of a failure."""
    detail = getattr(error, "detail", "")
    return detail if isinstance(detail, str) and detail else None


def _facts(
    response: Response, this_request: str, journey: Journey, begin: float, detail: str | None
) -> dict[str, object]:
    return {
        "request_id": this_request,
        "status": response.status_code,
        "endpoint": journey.endpoint,
        "route": journey.route,
        "target": journey.target,
        "model": journey.model,
        "decide_ms": _ms(journey.decide_s),
        "load_ms": _ms(journey.load_s),
        "predict_ms": _ms(journey.predict_s),
        "total_ms": _ms(time.perf_counter() - begin),
        "detail": detail,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
