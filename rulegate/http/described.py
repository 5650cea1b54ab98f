"""A request that somebody describes, as a WSGI server would hand it on."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_OWN_NAMES = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
"""The headers that WSGI writes differently from the others."""
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(r"[^\t -~\x80-\U0010ffff]")
_QUOTED: Final = 60


class NoRequest(ValueError):
    """Something that no request can have. The text says what, in one line.

    Attributes:
        part: The part that is at fault: ``method``, ``path``, ``headers`` or ``remote_addr``.
    """

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = part


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
        path: The path, decoded; it begins with a slash.
        query: The query as it stands in a URL, without the question mark.
        headers: Names and values; the content type is JSON unless they say otherwise, if there is a body.
        remote_addr: The client's address.
        body: The body; None: there is none.

    Raises:
        NoRequest: If no server hands on such a request.
    """
    _check(method, path, remote_addr)
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
        _check_header(name, value)
        if "_" in name:
            # Dropped, as it would pass for one with a hyphen.
            continue
        key = _OWN_NAMES.get(name.lower(), f"HTTP_{name.upper().replace('-', '_')}")
        # Servers join what is sent several times, and of these two take the first.
        several = key in seen
        if several and key in _OWN_NAMES.values():
            continue
        between = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = (f"{environ[key]}{between}" if several else "") + _received(value)
        seen.add(key)
    return environ


def _check(method: str, path: str, remote_addr: str) -> None:
    if not _TOKEN.fullmatch(method):
        raise NoRequest("method", f"{_shown(method)} is not a method such as `POST`")
    if not path.startswith("/"):
        raise NoRequest("path", f"{_shown(path)} is not a path, which begins with `/`")
    try:
        ip_address(remote_addr)
    except ValueError:
        raise NoRequest("remote_addr", f"{_shown(remote_addr)} is not an address such as `10.0.0.1`") from None


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise NoRequest("headers", f"{_shown(name)} is not the name of a header such as `X-Tenant`")
    if found := _NO_VALUE.search(value.strip(" \t")):
        raise NoRequest("headers", f"the value of `{name[:_QUOTED]}` has {_shown(found[0])} in it, which no header can")


def _shown(text: str) -> str:
    """The text as it fits into a message: in one line, what cannot be printed as escapes."""
    return f"`{ascii(text[:_QUOTED])[1:-1]}`"


def _bytes_as_characters(text: str) -> str:
    """A text as WSGI has it. Half a surrogate pair, which JSON can say, is no character."""
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return whole.encode().decode("latin-1")


def _received(value: str) -> str:
    """What reaches conditions of a header's value: nothing if it is not all ASCII."""
    value = value.strip(" \t")
    return value if value.isascii() and value.replace("\t", " ").isprintable() else ""
