"""Requests that are made to hurt: values of every type in every place, long, deep, and at the edges of Unicode."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from rulegate.condition import ExternalUnavailableError, Request

SERVICES: Final = frozenset({"risk", "fraud"})
"""The decision services that a text may ask; the second one never has an answer."""

_KEYS: Final = ("a", "b", "data", "inputs", "instances", "dataframe_split", "dataframe_records", "amount")
"""The keys of every object here, so that most paths that a condition can name lead somewhere."""

_TEXTS: Final = (
    "",
    "a",
    "Domain specific text",
    "\ud800",
    "İıßﬀ\u0345",
    "٣²½",
    "1_0",
    " 1 ",
    "1e309",
    "nan",
    "%1000000000d{0.__class__}",
    "\x00\u2028\u202e",
    "😀" * 200,
    "ab" * 5_000,
)
_NUMBERS: Final = (0, -1, 1, True, 2**63, -(2**64), 10**400, 0.0, -0.0, 5e-324, 1.5, float("inf"), float("nan"))


def requests() -> Mapping[str, Callable[[], Request]]:
    """Makers of requests by name; each call makes a new one, which nothing has been spent on."""
    values: dict[str, Any] = {
        "nothing": None,
        "an empty object": {},
        "an empty list": [],
        "texts": _everywhere(_TEXTS),
        "numbers": _everywhere(_NUMBERS),
        "everything": _everywhere([*_TEXTS[:8], *_NUMBERS, None, False, [], {}]),
        "lists of one kind": {key: list(range(20)) for key in _KEYS},
        "rows": {key: [dict.fromkeys(_KEYS, number) for number in range(5)] for key in _KEYS},
        "a matrix": {key: [[float(column) for column in range(16)] for _ in range(3)] for key in _KEYS},
        "equal depths": _nested(63),
        "a text": "ab" * 10_000,
    }
    made: dict[str, Callable[[], Request]] = {
        name: lambda value=value, name=name: Request(json=value, **_others(name))  # type: ignore[misc]
        for name, value in values.items()
    }
    made["no JSON"] = lambda: Request.from_body(b"", content_type="text/csv")
    made["a body that is broken off"] = lambda: Request.from_body(b'{"a": [', content_type="application/json")
    made["a body in UTF-16"] = lambda: Request.from_body(
        json.dumps(values["everything"]).encode("utf-16"), content_type="application/json"
    )
    return made


def _answer(name: str) -> Any:
    if name == "fraud":
        raise ExternalUnavailableError(name, "it is out of order")
    return _everywhere([*_TEXTS[:8], *_NUMBERS])


def _others(name: str) -> dict[str, Any]:
    """What a request has besides its body: more or less of it, by the name of the body."""
    if len(name) % 2:
        return {"now": "2024-02-29T23:59:59+00:00", "external": _answer}
    texts = {"X-Tenant": "acme", "X-User": "\ud800", "a": "1", "b": "ab" * 500}
    return {
        "headers": texts,
        "args": texts,
        "cookies": texts,
        "method": "GET",
        "path": "/a//b" * 50,
        "host": "a.example:8080",
        "remote_addr": "::ffff:10.0.0.1",
        "content_length": 2**62,
        "now": "0001-01-01T00:00:00+14:00",
    }


def _everywhere(leaves: Any) -> dict[str, Any]:
    """Each key leads to the leaves, and to more objects and lists of them."""
    row = dict(zip(_KEYS, leaves, strict=False))
    return {
        key: [*leaves, row, [row, list(leaves)]] if number % 2 else {**row, "data": [list(leaves), row]}
        for number, key in enumerate(_KEYS)
    }


def _nested(levels: int) -> Any:
    """Two equal values, each in so many lists and objects; all but the whole counts as one more level."""
    value = '"a"'
    for level in range(levels):
        value = f"[{value}, 1]" if level % 2 else f'{{"a": {value}}}'
    return json.loads(f'{{"a": {value}, "b": {value}}}')
