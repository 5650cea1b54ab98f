"""Models of other servers that speak the scoring protocol: a request is passed on, the answer is passed back.

A URL without a path means ``/invocations``; one with a path is asked as it stands. Nothing is loaded, so a lease is but
a place among the requests in flight, and the version is the URL: which one the server holds behind it is its business.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rulegate import waiting
from rulegate.client import Address, Answer, AskError, Client, ConnectionLost, TooLate, Unreachable
from rulegate.condition import MalformedBodyError
from rulegate.condition.body import parse_body
from rulegate.serving.admission import Admission
from rulegate.serving.errors import (
    PredictionTimeout,
    RemoteBroken,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnreachable,
    ServingError,
)
from rulegate.serving.mlflow.redaction import NO_TRACE, TRACE, for_client
from rulegate.serving.models import Headers, Lease, ModelVersion, Prediction
from rulegate.serving.protocol import JSON

INVOCATIONS: Final = "/invocations"
"""The path of a URL that has none."""

MAX_ERROR_BYTES: Final = 1024**2
"""The largest answer that tells an error, inclusive."""

LONGEST_PAUSE_S: Final = 3600.0
"""The longest time for which a server's ``Retry-After`` is believed."""

_EVENTS: Final = "text/event-stream"
_EVENT_ENDS: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
_LONGEST_END: Final = max(map(len, _EVENT_ENDS))
_OURS: Final = ("x-request-id", "x-rulegate-via")
_AWAY: Final = frozenset({429, 502, 503})
_ADDRESSES: Final = 1024


@dataclass(frozen=True, slots=True)
class RemoteTerms:
    """How other servers are asked.

    Attributes:
        headers: The names of the request's headers that are passed on, in lower case.
        connect_timeout_s: How long a connection may take to be made.
        max_answer_bytes: The largest answer that is taken, inclusive; one that comes in parts may have more of them.
    """

    headers: tuple[str, ...] = ()
    connect_timeout_s: float = 1.0
    max_answer_bytes: int = 100 * 1024**2


class RemoteModels:
    """The `Trials` of other servers.

    Args:
        client: Asks them.
        admission: Shares the requests in flight between all models.
        terms: How they are asked.
    """

    def __init__(self, client: Client, admission: Admission, terms: RemoteTerms) -> None:
        self._client = client
        self._admission = admission
        self._terms = terms
        self._address = functools.lru_cache(_ADDRESSES)(functools.partial(Address.of, default_path=INVOCATIONS))

    def change(self, terms: RemoteTerms) -> None:
        """Asks on other terms from the next request on."""
        self._terms = terms

    def lease(self, model_uri: str, *, timeout_s: float) -> Lease:  # noqa: ARG002 - nothing is waited for
        """See `Models.lease`.

        Raises:
            ModelOverloaded: At once, if too many requests to this model are in flight.
        """
        version, model = self._model(model_uri)
        self._admission.take(model_uri)
        return Lease(version, 0.0, model, functools.partial(self._admission.give_back, model_uri))

    def try_out(self, model_uri: str, *, timeout_s: float) -> Lease:  # noqa: ARG002 - as above
        """See `Trials.try_out`."""
        version, model = self._model(model_uri)
        return Lease(version, 0.0, model, lambda: None)

    def busy(self, model_uri: str) -> int:
        """See `Models.busy`."""
        return self._admission.held(model_uri)

    def _model(self, model_uri: str) -> tuple[ModelVersion, _RemoteModel]:
        version = ModelVersion(reference=model_uri, artifact_uri="", identity=model_uri)
        return version, _RemoteModel(model_uri, self._address(model_uri), self._client, self._terms)


@dataclass(frozen=True, slots=True)
class _RemoteModel:
    """A `Model` behind an address."""

    name: str
    address: Address
    client: Client
    terms: RemoteTerms

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        """See `Model.predict`."""
        # The client blocks.
        return waiting.in_thread(lambda: self._predict(body, content_type, timeout_s=timeout_s, headers=headers))

    def _predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers) -> Prediction:
        try:
            answer = self.client.post(
                self.address,
                body,
                self._passed_on(headers()) | {"content-type": content_type},
                until_s=time.monotonic() + timeout_s,
                connect_timeout_s=self.terms.connect_timeout_s,
            )
            with contextlib.ExitStack() as held:
                held.callback(answer.close)
                if answer.status != 200:
                    raise self._failure(answer)
                if "content-encoding" in answer.headers:
                    raise self.broken("answered in an encoding that it was not asked for")
                shown = answer.headers.get("content-type", "")
                media_type = shown.partition(";")[0].strip().lower()
                if media_type == _EVENTS:
                    parts = _Parts(self, answer, timeout_s)
                    first = next(parts, b"")
                    held.pop_all()
                    return Prediction(first, shown, parts)
                if media_type != JSON:
                    raise self.broken("answered with what is not JSON")
                content = answer.whole(max_bytes=self.terms.max_answer_bytes)
        except AskError as error:
            raise self.failed(error) from None
        if not _may_be_json(content):
            raise self.broken("answered with what is not JSON")
        return Prediction(content, shown)

    def failed(self, error: AskError) -> ServingError:
        """What it means for a request that its server could not be asked, or did not answer."""
        match error:
            case TooLate():
                return PredictionTimeout(f"{self.name} {error}")
            case Unreachable() | ConnectionLost():
                return RemoteUnreachable(f"{self.name} {error}")
            case _:
                return self.broken(str(error))

    def broken(self, what: str) -> RemoteBroken:
        """What it means that the server did this."""
        return RemoteBroken(f"{self.name} {what}")

    def _passed_on(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: headers[name] for name in (*self.terms.headers, *_OURS) if name in headers}

    def _failure(self, answer: Answer) -> ServingError:
        """What an answer with another status than 200 says."""
        status = answer.status
        if not 400 <= status < 600:
            return self.broken(f"answered with status {status}, which the protocol does not have")
        facts = _facts(answer.whole(max_bytes=MAX_ERROR_BYTES))
        told = f"it answered with status {status}" if facts is None else for_client(facts["message"])
        if status in _AWAY:
            return RemoteUnavailable(
                f"{self.name} cannot answer now: {told}", retry_after_s=_seconds(answer.headers.get("retry-after", ""))
            )
        if status == 504:
            return PredictionTimeout(f"{self.name} did not answer in time: {told}")
        if facts is None:
            return self.broken(f"answered with status {status}, and with no error of the protocol")
        kept = {name: facts[name] for name in ("sqlstate", "error_class") if isinstance(facts.get(name), str)}
        if TRACE in facts:
            kept[TRACE] = NO_TRACE
        return RemoteRefused(told, error_code=facts["error_code"], status=status, fields=kept)


class _Parts:
    """The events of an answer, each whole, so that what is said after one that breaks off is an event too."""

    def __init__(self, model: _RemoteModel, answer: Answer, timeout_s: float) -> None:
        self._model = model
        self._answer = answer
        self._timeout_s = timeout_s
        self._begun = bytearray()

    def __next__(self) -> bytes:
        return waiting.in_thread(self._next)

    def _next(self) -> bytes:
        until_s = time.monotonic() + self._timeout_s
        while True:
            try:
                part = self._answer.part(until_s=until_s)
            except AskError as error:
                self.close()
                raise self._model.failed(error) from None
            if not part:
                self.close()
                if self._begun:
                    return self._taken(len(self._begun))
                raise StopIteration
            # The part may end what the one before it has begun to end.
            start = max(0, len(self._begun) - _LONGEST_END)
            self._begun += part
            ends = (self._begun.rfind(mark, start) + len(mark) for mark in _EVENT_ENDS if mark in self._begun[start:])
            if end := max(ends, default=0):
                return self._taken(end)
            if len(self._begun) > self._model.terms.max_answer_bytes:
                self.close()
                raise self._model.broken(f"answered with more than {self._model.terms.max_answer_bytes} bytes")

    def __iter__(self) -> _Parts:
        return self

    def _taken(self, length: int) -> bytes:
        taken = bytes(self._begun[:length])
        del self._begun[:length]
        return taken

    def close(self) -> None:
        """See `Parts.close`."""
        self._answer.close()


def _may_be_json(body: bytes) -> bool:
    """Whether a body begins and ends as JSON does; to read all of it would cost more than to pass it on."""
    text = body.strip()
    first, last = text[:1], text[-1:]
    match first:
        case b"{":
            return last == b"}"
        case b"[":
            return last == b"]"
        case b'"':
            return last == b'"' and len(text) > 1
        case _:
            return first != b"" and first in b"-0123456789tfnNI" and len(text) < 5000


def _facts(body: bytes) -> dict[str, Any] | None:
    """What an error of the protocol says; None if it is none."""
    try:
        facts = parse_body(body)
    except MalformedBodyError:
        return None
    if type(facts) is not dict or not all(isinstance(facts.get(name), str) for name in ("error_code", "message")):
        return None
    return facts


def _seconds(text: str) -> float | None:
    """What ``Retry-After`` says, where it says seconds."""
    return min(float(text), LONGEST_PAUSE_S) if text.isascii() and text.isdecimal() and len(text) < 10 else None
