"""An answer that is sent while the model goes on: the parts of its body, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from rulegate.http.replies import failure_facts
from rulegate.serving.models import Parts


class Events(Iterator[bytes]):
    """The parts of a body, for the server to send and to close, which it does too when the client has gone.

    The status has been sent before a model can fail on the way, so a failure is the last event: ``{"error": …}`` with
    the body that it would have had as an answer, as the APIs of LLMs do it.

    Args:
        first: The part that is there.
        rest: Those that follow.
        this_request: The request's id.
        on_end: Called once at the end, with the error that ended it, or None.
    """

    def __init__(
        self, first: bytes, rest: Parts, this_request: str, on_end: Callable[[Exception | None], None]
    ) -> None:
        self._first: bytes | None = first
        self._rest = rest
        self._this_request = this_request
        self._on_end = on_end
        self._ended = False

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return next(self._rest)
        except StopIteration:
            self._end(None)
            raise
        except Exception as error:  # noqa: BLE001 - whatever happens, the client is told
            self._end(error)
            return b"data: " + json.dumps({"error": failure_facts(error, self._this_request)}).encode() + b"\n\n"

    def close(self) -> None:
        """Ends the prediction, if it goes on. Safe to call again."""
        if not self._ended:
            self._end(ClientGone())

    def _end(self, error: Exception | None) -> None:
        self._ended = True
        try:
            self._rest.close()
        finally:
            self._on_end(error)


class ClientGone(Exception):
    """The client went away before the end of its answer."""

    detail = "the client went away before the end"
