"""Secrets that stand in a file: where they are, and the file's text without them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rulegate.config.messages import values
from rulegate.config.tree import Mapping, Node, Scalar, mappings, text_of
from rulegate.config.tree import Sequence as Items
from rulegate.diagnostics import Diagnostic, Source, Span

_MASK: Final = "*"
_PASSWORD: Final = re.compile(r"://[^\s/:@]*:(?P<secret>[^\s/@]+)@")
_WELL_KNOWN: Final = re.compile(
    r"\b(?P<secret>AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}|xox[abps]-[\w-]{10,}"
    r"|sk-[\w-]{20,}|hf_[0-9A-Za-z]{30,}|dapi[0-9a-f]{32}|(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)"
    r"|-----BEGIN [A-Z ]*KEY",
    re.ASCII,
)
"""Keys and tokens that their makers gave a form by which they are known: of AWS, GitHub, GitLab, Slack, OpenAI, Hugging
Face, Databricks; JSON Web Tokens; private keys. Where a word is read to its end and may yet be none of them, it is read
from its begin only, here and below: a file may be one word."""
_OF_SECRETS: Final = re.compile(r"auth|cookie|token|secret|passw|api-?key|credential|signature", re.IGNORECASE)
"""What the names of headers have in them whose values are secrets."""
_RANDOM: Final = re.compile(r"[A-Za-z0-9+/_.=-]{20,}", re.ASCII)
_BITS_A_CHARACTER: Final = 3.5
# In a text that is no YAML it cannot be told what is a value, so all that may be one goes.
_ROUGHLY: Final = re.compile(
    rf"(?<![\w-])(?>[\w-]*?(?:{_OF_SECRETS.pattern})[\w-]*)[\"']?[ \t]*:[ \t]*(?P<value>[^\s#][^\r\n]*)"
    rf"|{_PASSWORD.pattern}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in a file: the value that has it, its own place, and the variable that it may be moved to."""

    scalar: Scalar
    span: Span
    variable: str


def secrets(root: Node) -> tuple[Secret, ...]:
    """The secrets of a tree: tokens, passwords in URLs, headers that prove a right, and what looks like a key.

    What comes from the environment is none, as it does not stand in the file.
    """
    found = {secret.span: secret for secret in _secrets(root) if secret.scalar.filled is None}
    return tuple(found.values())


def warn(found: Iterable[Secret], source: Source) -> Iterator[Diagnostic]:
    """One warning for each secret."""
    for secret in found:
        yield values.secret_in_file(secret.variable).at(source, secret.span)


def masked(source: Source, found: Sequence[Secret] | None) -> Source:
    """The same file with secrets masked, character for character: those found, or with None all that may be one."""
    spans = _rough(source.text) if found is None else [secret.span for secret in found]
    if not spans:
        return source
    parts: list[str] = []
    at = 0
    for span in sorted(spans, key=lambda span: span.start):
        start = max(at, span.start)
        hidden = "".join(char if char in "\r\n" else _MASK for char in source.text[start : span.end])
        parts += (source.text[at:start], hidden)
        at = max(at, span.end)
    return Source(source.name, "".join(parts) + source.text[at:])


def _secrets(root: Node) -> Iterator[Secret]:
    admin = root.get("admin") if isinstance(root, Mapping) else None
    if isinstance(admin, Mapping) and isinstance(token := admin.get("token"), Scalar) and token.text:
        yield Secret(token, token.span, "RULEGATE_ADMIN_TOKEN")
    for service in mappings(root, "external"):
        headers = service.get("headers")
        name = text_of(service, "name")
        for header, (_, value) in headers.entries.items() if isinstance(headers, Mapping) else ():
            if isinstance(value, Scalar) and value.text and (_OF_SECRETS.search(header) or _is_random(value.text)):
                yield Secret(value, value.span, _variable(name.shown if name else "", header))
    # Most files have nothing that looks like it, and nobody wants to wait for each value to be looked at.
    if (
        isinstance(root, Mapping)
        and (text := _source_of(root))
        and (_PASSWORD.search(text) or _WELL_KNOWN.search(text))
    ):
        yield from _anywhere(root, "")


def _source_of(root: Mapping) -> str:
    return next((key.source.text for key, _ in root.entries.values()), "")


def _anywhere(node: Node, key: str) -> Iterator[Secret]:
    match node:
        case Mapping():
            for name, (_, value) in node.entries.items():
                yield from _anywhere(value, name)
        case Items():
            for item in node.items:
                yield from _anywhere(item, key)
        case Scalar(text=text) if found := _PASSWORD.search(text):
            yield Secret(node, node.excerpt().locate(Span(*found.span("secret"))), _variable(key, "password"))
        case Scalar(text=text) if _WELL_KNOWN.search(text):
            yield Secret(node, node.span, _variable(key, "secret"))


def _rough(text: str) -> list[Span]:
    return [Span(*found.span(found.lastgroup or 0)) for found in _ROUGHLY.finditer(text)]


def _variable(*words: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(words).upper()).strip("_") or "SECRET"


def _is_random(text: str) -> bool:
    """Whether a text looks as if it had been drawn at random: long, of letters and digits, none of them often."""
    word = text.rpartition(" ")[2]
    if not _RANDOM.fullmatch(word) or word.isalpha() or word.isdigit():
        return False
    counts = Counter(word).values()
    entropy = -sum(count / len(word) * math.log2(count / len(word)) for count in counts)
    return entropy >= _BITS_A_CHARACTER
