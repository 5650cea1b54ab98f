"""A request as it is typed on a command line, read as the gateway reads one that comes by HTTP."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from rulegate.condition import Request

_OPTIONS: Final = {"method": "--method", "path": "--path", "headers": "--header", "remote_addr": "--remote-addr"}


@dataclass(frozen=True, slots=True)
class TypedRequest:
    """What was typed of a request; each part is checked when it is read, and ``click`` tells what is wrong with it.

    Attributes:
        data: The body; ``@file`` is what a file holds, ``@-`` what comes on standard input. None: no body.
        headers: Each ``Name: value``.
        method: The HTTP method.
        path: The path, decoded.
        query: The query as it stands in a URL, without the question mark.
        cookie: Cookies as a browser sends them: ``a=1; b=2``.
        remote_addr: The client's address.
        content_type: The content type; otherwise that among ``headers``, or JSON if there is a body.
        now: The time of the request as ISO 8601 text; None: this moment.
    """

    data: str | None
    headers: Sequence[str]
    method: str
    path: str
    query: str
    cookie: str | None
    remote_addr: str
    content_type: str | None
    now: str | None

    def read(self, external: Mapping[str, Any] | Callable[[str], Any], *, max_body_bytes: int) -> Request:
        """The request as conditions see it.

        Args:
            external: What decision services answer.
            max_body_bytes: The largest body that the gateway takes, inclusive; no more than that is read.

        Raises:
            click.UsageError: If a part of it is not what it should be.
        """
        # Werkzeug takes a moment to import, which would make `--help` wait.
        from rulegate.http.described import NoRequest, environ_of
        from rulegate.http.incoming import condition_request

        body = _body(self.data, max_body_bytes)
        try:
            environ = environ_of(
                method=self.method,
                # As the terminal sent it, and as the gateway then reads it.
                path=os.fsencode(self.path).decode("utf-8", "replace"),
                query=self.query,
                headers=self._headers(),
                remote_addr=self.remote_addr,
                body=None if self.data is None else body,
            )
        except NoRequest as error:
            raise click.BadParameter(str(error), param_hint=_OPTIONS[error.part]) from None
        return condition_request(environ, body, external=external, now=_moment(self.now))

    def _headers(self) -> list[tuple[str, str]]:
        typed = [] if self.content_type is None else [("Content-Type", self.content_type)]
        typed += [_header(header) for header in self.headers]
        typed += [] if self.cookie is None else [("Cookie", self.cookie)]
        return typed


def _body(data: str | None, max_bytes: int) -> bytes:
    if data is None:
        return b""
    if data == "@-":
        body = sys.stdin.buffer.read(max_bytes + 1)
    elif data.startswith("@"):
        body = _content(data[1:], max_bytes + 1)
    else:
        # As the terminal sent it.
        body = data.encode("utf-8", "surrogateescape")
    if len(body) > max_bytes:
        why = f"the body is larger than the {max_bytes} bytes of `server.max_body`, and would be answered with 413"
        raise click.BadParameter(why, param_hint="--data")
    return body


def _content(name: str, max_bytes: int) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(max_bytes)
    except OSError as error:
        raise click.BadParameter(f"cannot read `{name}`: {error.strerror}", param_hint="--data") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f"`{text}` is not a header such as `X-Tenant: acme`", param_hint="--header")
    return name.strip(" \t"), value.strip(" \t")


def _moment(now: str | None) -> dt.datetime | None:
    try:
        return None if now is None else dt.datetime.fromisoformat(now)
    except ValueError:
        raise click.BadParameter(f"`{now}` is not a time such as `2025-01-31T09:30`", param_hint="--now") from None
