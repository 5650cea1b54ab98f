"""Shows the text of a configuration without its secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rulegate.config.document import read
from rulegate.config.tree import Mapping, Node, Scalar, mappings
from rulegate.diagnostics import Source

MASK: Final = "***"

_REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")
"""A value that names a variable of the environment and nothing else; the file does not hold the secret."""

_PASSWORD = re.compile(r"(?<=://)(?P<user>[^\s/@:'\"]*):(?!\$\{[A-Za-z_]\w*\}@)[^\s/@'\"]+(?=@)")
_QUERY = re.compile(
    r"(?P<name>[?&](?:[a-z0-9_-]*(?:password|passwd|token|secret|key|signature)|sig))=(?!\$\{)[^\s&#'\"]+",
    re.IGNORECASE,
)


def masked(text: str) -> str:
    """The text with `MASK` in place of each secret: the admin token, headers of decision services, passwords in URLs.

    A reference to a variable of the environment, ``${NAME}``, stays. What an author has put elsewhere, such as a key
    that a condition compares with, is not known to be a secret and stays too.
    """
    root, _ = read(Source("", text))
    for span in sorted((secret.span for secret in _secrets(root)), key=lambda span: span.start, reverse=True):
        text = text[: span.start] + MASK + text[span.end :]
    text = _PASSWORD.sub(rf"\g<user>:{MASK}", text)
    return _QUERY.sub(rf"\g<name>={MASK}", text)


def _secrets(root: Node | None) -> Iterator[Scalar]:
    if not isinstance(root, Mapping):
        return
    owners = [(root.get("admin"), ("token",))]
    for service in mappings(root, "external"):
        headers = service.get("headers")
        owners.append((headers, tuple(headers.entries) if isinstance(headers, Mapping) else ()))
    for owner, keys in owners:
        for key in keys:
            value = owner.get(key) if isinstance(owner, Mapping) else None
            if isinstance(value, Scalar) and not _REFERENCE.fullmatch(value.text):
                yield value
