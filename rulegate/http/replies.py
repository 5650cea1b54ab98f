"""Answers as status, headers and body; the body of every failure."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from werkzeug.http import HTTP_STATUS_CODES

from rulegate.http.errors import RETRY_AFTER_S, UNEXPECTED, MethodNotAllowed, Unauthorized, failure_of, message_of
from rulegate.log import FACTS

JSON = "application/json"

# MLflow gives its code CANCELLED a status that no standard knows.
STATUS_LINES = {status: f"{status} {reason}" for status, reason in {499: "Cancelled", **HTTP_STATUS_CODES}.items()}
"""What the first line of an answer says, by its status."""

_log = logging.getLogger("rulegate.request")


class Reply(NamedTuple):
    """An answer. Werkzeug's response would do, at a third of what a whole request costs.

    Attributes:
        status: Of HTTP.
        headers: In lower case.
        body: The whole body; empty where it comes in parts.
        rest: The parts of the body; the server closes it.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    rest: Iterator[bytes] | None = None


def json_reply(status: int, facts: Mapping[str, object]) -> Reply:
    """An answer whose body is a JSON object."""
    return Reply(status, [("content-type", JSON)], json.dumps(facts).encode())


def failed(error: Exception, this_request: str) -> Reply:
    """The answer to a request that ended with ``error``; an error that none of ours is goes to the log."""
    failure = failure_of(error)
    reply = json_reply(failure.status, failure_facts(error, this_request))
    if failure.retry:
        left_s = getattr(error, "retry_after_s", None)
        reply.headers.append(("retry-after", str(RETRY_AFTER_S if left_s is None else max(1, math.ceil(left_s)))))
    if isinstance(error, MethodNotAllowed):
        reply.headers.append(("allow", ", ".join(error.allowed)))
    if isinstance(error, Unauthorized):
        reply.headers.append(("www-authenticate", "Bearer"))
    return reply


def failure_facts(error: Exception, this_request: str) -> dict[str, object]:
    """What the client is told of a failure, in MLflow's shape; an error that none of ours is goes to the log."""
    failure = failure_of(error)
    if failure is UNEXPECTED:
        _log.error("the gateway failed", exc_info=error, extra={FACTS: {"request_id": this_request}})
    return {
        **getattr(error, "fields", {}),
        "error_code": failure.error_code,
        "message": message_of(error),
        "code": failure.code,
        "request_id": this_request,
    }
