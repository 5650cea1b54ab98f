"""Explains a request that somebody describes as JSON, by the configuration that is running."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from rulegate.answers import Breakers
from rulegate.condition import ExternalUnavailableError
from rulegate.config import is_remote
from rulegate.config.wording import no_such_service
from rulegate.gateway import Gateway
from rulegate.http.described import NoRequest, environ_of
from rulegate.http.errors import NotUnderstood
from rulegate.http.incoming import condition_request
from rulegate.routing import Endpoint
from rulegate.routing.explanation import explain
from rulegate.routing.explanation_json import as_json
from rulegate.serving.pool import ModelPool

_KEYS: Final = (
    "endpoint",
    "method",
    "path",
    "query",
    "headers",
    "remote_addr",
    "body",
    "text",
    "now",
    "external",
    "why_not",
)

_MAX_QUOTED: Final = 100


@dataclass(frozen=True, slots=True)
class Described:
    """A request that somebody describes. The attributes are the keys of the JSON object; ``docs/admin.md`` has them."""

    endpoint: str | None
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    remote_addr: str
    body: bytes | None
    now: dt.datetime | None
    external: Mapping[str, Any]
    why_not: str | None


def explained(asked: bytes, gateway: Gateway, pool: ModelPool, breakers: Breakers) -> dict[str, Any]:
    """Where the described request would go now, and why, as what ``json.dumps`` takes. Changes nothing.

    That is the explanation, and how the circuit breakers are of those targets of the endpoint that have been asked.

    Raises:
        NotUnderstood: If the description is none.
        EndpointNotFound: If it names an endpoint that there is not.
    """
    described = understand(asked)
    endpoint = gateway.endpoint(described.endpoint)
    if described.why_not is not None and described.why_not not in {route.alias for route in endpoint.routes}:
        raise NotUnderstood(f"the endpoint `{endpoint.name}` has no route `{described.why_not[:_MAX_QUOTED]}`")
    for name in described.external:
        if name not in gateway.service_names:
            raise NotUnderstood(no_such_service(name, gateway.service_names))
    try:
        environ = environ_of(
            method=described.method,
            path=described.path,
            query=described.query,
            headers=described.headers,
            remote_addr=described.remote_addr,
            body=described.body,
        )
    except NoRequest as error:
        raise NotUnderstood(f"`{error.part}`: {error}") from None
    request = condition_request(
        environ, described.body or b"", external=partial(_answer, described.external), now=described.now
    )
    explanation = explain(endpoint, request, why_not=described.why_not)
    return as_json(explanation, is_loaded=lambda uri: is_remote(uri) or pool.is_ready(uri)) | {
        "breakers": _phases(endpoint, breakers)
    }


def _phases(endpoint: Endpoint, breakers: Breakers) -> list[dict[str, Any]]:
    return [
        {
            "route": route,
            "target": target,
            "phase": state.phase.value,
            "failures": state.failures,
            "left_s": state.left_s,
        }
        for (name, route, target, _), state in breakers.states().items()
        if name == endpoint.name
    ]


def understand(asked: bytes) -> Described:
    """The request that a JSON object describes.

    Raises:
        NotUnderstood: If it describes none.
    """
    try:
        facts = json.loads(asked)
    except (ValueError, RecursionError):
        raise NotUnderstood("the body is not JSON") from None
    if not isinstance(facts, dict):
        raise NotUnderstood("the body is not a JSON object that describes a request")
    if unknown := next((key for key in facts if key not in _KEYS), None):
        raise NotUnderstood(f"`{unknown[:_MAX_QUOTED]}` is not a key of a request; there are: {', '.join(_KEYS)}")
    if "body" in facts and "text" in facts:
        raise NotUnderstood("`body` and `text` are both there; `body` is JSON, `text` is any other body")
    endpoint = _text(facts, "endpoint")
    path = f"/endpoints/{endpoint}/invocations" if endpoint else "/invocations"
    text = _text(facts, "text")
    external = facts.get("external", {})
    if not isinstance(external, dict):
        raise NotUnderstood("`external` is not an object of what decision services answer, by their names")
    return Described(
        endpoint=endpoint,
        method=_text(facts, "method") or "POST",
        path=_text(facts, "path") or path,
        query=_text(facts, "query") or "",
        headers=_headers(facts.get("headers", {})),
        remote_addr=_text(facts, "remote_addr") or "127.0.0.1",
        body=json.dumps(facts["body"]).encode() if "body" in facts else _encoded(text),
        now=_moment(_text(facts, "now")),
        external=external,
        why_not=_text(facts, "why_not"),
    )


def _text(facts: dict[str, Any], key: str) -> str | None:
    value = facts.get(key)
    if value is not None and not isinstance(value, str):
        raise NotUnderstood(f"`{key}` is not a text")
    return value


def _headers(headers: Any) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    if isinstance(headers, dict):
        for name, values in headers.items():
            found += ((name, value) for value in (values if isinstance(values, list) else [values]))
    if not isinstance(headers, dict) or not all(isinstance(value, str) for _, value in found):
        raise NotUnderstood("`headers` is not an object of names and texts, or lists of texts")
    return tuple(found)


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _moment(now: str | None) -> dt.datetime | None:
    try:
        return None if now is None else dt.datetime.fromisoformat(now)
    except ValueError:
        raise NotUnderstood("`now` is not a time such as `2025-01-31T09:30`") from None


def _answer(answers: Mapping[str, Any], name: str) -> Any:
    if name not in answers:
        raise ExternalUnavailableError(name, "it was not asked; `external` says what it answers")
    return answers[name]
