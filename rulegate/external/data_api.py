"""A decision service in the shape of OPA's data API: ``{"input": …}`` is posted, ``{"result": …}`` comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rulegate.client import Address, Answer, AnswerTooLarge, AskError, Client, ConnectionLost, TooLate, Unreachable
from rulegate.condition import MalformedBodyError
from rulegate.condition.body import parse_body
from rulegate.external.source import Answered, Fault, NoAnswer

MAX_ANSWER_BYTES: Final = 1024**2
"""The largest answer that is taken, inclusive."""

_VALUE_BYTES: Final = 80
"""What a value, or a key, takes up beside its characters, its place in a list or an object included."""

_OK: Final = 200
_TOO_MANY_REQUESTS: Final = 429
_SERVER_ERROR: Final = 500
_JSON: Final = {"content-type": "application/json", "accept": "application/json"}


class DataApi:
    """A `DecisionSource` behind a URL.

    Args:
        client: Asks it.
        url: Where.
        headers: Sent with each question.
    """

    def __init__(self, client: Client, url: str, headers: Mapping[str, str]) -> None:
        self._client = client
        self._address = Address.of(url)
        self._headers = {**_JSON, **{name.lower(): value for name, value in headers.items()}}

    def ask(self, question: bytes, *, until_s: float) -> Answered:
        """See `DecisionSource.ask`."""
        try:
            answer = self._client.post(
                self._address,
                b'{"input":' + question + b"}",
                self._headers,
                until_s=until_s,
                # It has no time of its own to be connected to.
                connect_timeout_s=float("inf"),
            )
            body = _body(answer)
        except AskError as error:
            raise NoAnswer(_fault(error), f"it {error}") from None
        return Answered(_result(body), _size_bytes(body))


def _body(answer: Answer) -> bytes:
    status = answer.status
    if status != _OK:
        answer.close()
        is_ill = status < 400 or status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR
        raise NoAnswer(Fault.STATUS, f"it answered with status {status}", is_ill=is_ill)
    return answer.whole(max_bytes=MAX_ANSWER_BYTES)


def _result(body: bytes) -> Any:
    try:
        value = parse_body(body)
    except MalformedBodyError:
        raise NoAnswer(Fault.BROKEN, "it answered with what is no JSON, or is nested too deeply") from None
    if type(value) is not dict:
        raise NoAnswer(Fault.BROKEN, "it answered with what is no JSON object")
    if "result" not in value:
        # So says OPA that its rules define no value for this input.
        raise NoAnswer(Fault.UNDEFINED, "its answer has no `result`", is_ill=False)
    return value["result"]


def _size_bytes(body: bytes) -> int:
    """What the value of a body takes up in memory, at most: with many small values, many times its length."""
    # One character beyond ASCII may make all of its text four times as large.
    character_bytes = 1 if body.isascii() and b"\\u" not in body else 4
    return len(body) * character_bytes + _VALUE_BYTES * (1 + sum(map(body.count, (b",", b":", b"[", b"{"))))


def _fault(error: AskError) -> Fault:
    match error:
        case TooLate():
            return Fault.TIMEOUT
        case Unreachable() | ConnectionLost():
            return Fault.UNREACHABLE
        case AnswerTooLarge():
            return Fault.TOO_LARGE
        case _:
            return Fault.BROKEN
