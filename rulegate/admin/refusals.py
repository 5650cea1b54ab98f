"""What the admin port answers to what is no request of HTTP, or is too large to be received: errors like all others."""

from __future__ import annotations

from typing import Any

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from rulegate.http.errors import BodyTooLarge, HeadTooLarge, NotHttp, RequestRefused
from rulegate.http.incoming import request_id
from rulegate.http.replies import STATUS_LINES, failed


class _Refusal(ErrorTask):  # type: ignore[misc]
    """The answer to what the application never sees; the connection is closed behind it."""

    def execute(self) -> None:
        """Writes the answer."""
        this_request = request_id({})
        reply = failed(_error_of(self.request.error.code, self.channel.adj), this_request)
        self.status = STATUS_LINES[reply.status]
        self.response_headers += [*reply.headers, ("cache-control", "no-store"), ("x-request-id", this_request)]
        self.set_close_on_finish()
        self.content_length = len(reply.body)
        self.write(reply.body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection of waitress's whose refusals are ours."""

    error_task_class = _Refusal


def _error_of(status: int, limits: Any) -> RequestRefused | RuntimeError:
    match status:
        case 431:
            limit = limits.max_request_header_size
            return HeadTooLarge(f"the head of the request is larger than {limit} bytes")
        case 413:
            limit = limits.max_request_body_size
            return BodyTooLarge(f"the body is larger than {limit} bytes")
        case 500:
            return RuntimeError("the application failed; what it raised is logged")
        case _:
            return NotHttp("this is not a request that HTTP/1.1 allows")
