"""A request that somebody describes, as a WSGI server would hand it on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_OWN_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
"""The headers that WSGI writes differently from the others."""


def environ_of(
    *,
    method: str,
    path: str,
    query: str,
    headers: Iterable[tuple[str, str]],
    remote_addr: str,
    body: bytes | None,
) -> WSGIEnvironment:
    """What conditions read of a request; its body is not in it.

    Args:
        method: The HTTP method, in any case.
        path: The path, decoded.
        query: The query as it stands in a URL, without the question mark.
        headers: Names and values; the content type is JSON unless they say otherwise, if there is a body.
        remote_addr: The client's address.
        body: The body; None: there is none.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method.upper(),
        "SCRIPT_NAME": "",
        "PATH_INFO": _bytes_as_characters(path),
        "QUERY_STRING": _bytes_as_characters(query),
        "REMOTE_ADDR": remote_addr,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    if body is not None:
        environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    seen: set[str] = set()
    for name, value in headers:
        key = _OWN_NAMES.get(name.lower(), f"HTTP_{name.upper().replace('-', '_')}")
        # Servers join what is sent several times.
        several = key in seen and key not in _OWN_NAMES.values()
        between = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = (f"{environ[key]}{between}" if several else "") + _received(value)
        seen.add(key)
    return environ


def _bytes_as_characters(text: str) -> str:
    """A text as WSGI has it. Half a surrogate pair, which JSON can say, is no character."""
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return whole.encode().decode("latin-1")


def _received(value: str) -> str:
    """What granian hands on of a header's value: without blanks around it, and nothing if it is not all ASCII."""
    value = value.strip(" \t")
    return value if value.isascii() and value.replace("\t", " ").isprintable() else ""
