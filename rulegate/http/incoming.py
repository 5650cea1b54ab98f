"""From WSGI to what the gateway understands: the body within its limit, and the request as conditions see it."""

from __future__ import annotations

import datetime as dt
import random
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import get_content_length, get_path_info

from rulegate.condition import Request
from rulegate.http.errors import BodyIncomplete, BodyTooLarge, MethodNotAllowed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}", re.ASCII)


def request_id(environ: WSGIEnvironment) -> str:
    """The client's ``X-Request-Id`` if it is short and harmless in a header and a log; else a new one."""
    given = environ.get("HTTP_X_REQUEST_ID")
    if isinstance(given, str) and _SANE_ID.fullmatch(given):
        return given
    # Unique, not secret: the system's generator would let go of the interpreter's lock to be asked.
    return f"{random.getrandbits(128):032x}"


def path_of(environ: WSGIEnvironment) -> str:
    """The path, decoded."""
    return get_path_info(environ)


def require_method(environ: WSGIEnvironment, *methods: str) -> None:
    """Lets only these methods through.

    Raises:
        MethodNotAllowed: If the request has another one.
    """
    method = environ["REQUEST_METHOD"]
    if method not in methods:
        raise MethodNotAllowed(f"{method[:20]} is not allowed here; use {methods[0]}", methods)


def read_body(environ: WSGIEnvironment, *, max_bytes: int) -> bytes:
    """The whole body, of at most ``max_bytes`` bytes.

    Raises:
        BodyTooLarge: If it is larger; a body whose length is announced is refused before it is read.
        BodyIncomplete: If the client sent less than it had announced, or went away before the end.
    """
    announced = get_content_length(environ)
    if announced is not None and announced > max_bytes:
        raise _too_large(max_bytes)
    stream: BinaryIO = environ["wsgi.input"]
    # One byte more than is allowed tells a body that is too large from one that is just large enough.
    limit = max_bytes + 1 if announced is None else announced
    try:
        body = stream.read(limit)
        if len(body) < limit:
            pieces = [body]
            while body and (limit := limit - len(body)):
                body = stream.read(limit)
                pieces.append(body)
            body = b"".join(pieces)
    except OSError:
        raise BodyIncomplete("the body ended before its end") from None
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    if announced is not None and len(body) < announced:
        raise BodyIncomplete("the body ended before its announced length")
    return body


def condition_request(
    environ: WSGIEnvironment,
    body: bytes,
    *,
    external: Mapping[str, Any] | Callable[[str], Any] | None = None,
    ask: Callable[[str, Request], Any] | None = None,
    now: dt.datetime | None = None,
) -> Request:
    """The request as conditions see it; what costs time to take apart is taken apart when a condition reads it.

    ``external`` is what decision services answer, or ``ask`` asks them, ``now`` is the time of the request; see
    `Request`.
    """
    return Request.from_body(
        body,
        ask=ask,
        content_type=content_type(environ),
        headers=lambda: _headers(environ),
        method=environ["REQUEST_METHOD"],
        path=get_path_info(environ),
        args=lambda: WerkzeugRequest(environ).args.to_dict(),
        cookies=lambda: WerkzeugRequest(environ).cookies.to_dict(),
        remote_addr=environ.get("REMOTE_ADDR"),
        external=external,
        now=now,
    )


def content_type(environ: WSGIEnvironment) -> str | None:
    """The value of the header, or None; WSGI writes a missing one as an empty text."""
    return environ.get("CONTENT_TYPE") or None


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    names = {name: name[5:] for name in environ if name.startswith("HTTP_")}
    names |= {name: name for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)}
    return {shown.replace("_", "-").title(): environ[name] for name, shown in names.items()}


def _too_large(max_bytes: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {max_bytes} bytes")
