"""The conditions that are timed, in each engine's own dialect, and the requests that they are timed on."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_ROWS, _COLUMNS = 1000, 16
_TEXT = "Domain specific text: the indemnification clause protects both parties"


@dataclass(slots=True)
class Plain:
    """A request as hand-written code has it: attributes that hold plain dicts."""

    json: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """One condition and one request.

    ``texts`` holds the condition in the dialect of each engine; ``hand_written`` is what one would write by hand for
    this condition alone, over plain dicts whose header names are lower-case.
    """

    name: str
    texts: Mapping[str, str]
    hand_written: Callable[[Plain], bool]
    request: Plain
    expected: bool


@dataclass(frozen=True, slots=True)
class _Condition:
    name: str
    python: str
    cel: str
    rule_engine: str
    hand_written: Callable[[Plain], bool]
    expected: bool

    def on(self, body_name: str, body: Any) -> Case:
        texts = {
            "rulegate": self.python,
            "simpleeval": self.python,
            # asteval has no generator expressions.
            "asteval": self.python.replace("any(", "any([").replace("['data'])", "['data']])"),
            "cel-python": self.cel,
            "common-expression-language": self.cel,
            "rule-engine": self.rule_engine,
        }
        request = Plain(body, {"content-type": "application/json", "x-tenant": "acme"})
        return Case(f"{self.name}, {body_name} body", texts, self.hand_written, request, self.expected)


_CONDITIONS = (
    _Condition(
        "article",
        "request.json['dataframe_split']['data'][0][0].startswith('Domain specific text')",
        "request.json.dataframe_split.data[0][0].startsWith('Domain specific text')",
        "json['dataframe_split']['data'][0][0].starts_with('Domain specific text')",
        lambda request: request.json["dataframe_split"]["data"][0][0].startswith("Domain specific text"),
        expected=True,
    ),
    _Condition(
        "header",
        "request.headers['x-tenant'] == 'acme'",
        "request.headers['x-tenant'] == 'acme'",
        "headers['x-tenant'] == 'acme'",
        lambda request: request.headers["x-tenant"] == "acme",
        expected=True,
    ),
    _Condition(
        "any row",
        "any(row[3] > 2.0 for row in request.json['dataframe_split']['data'])",
        "request.json.dataframe_split.data.exists(row, row[3] > 2.0)",
        "$any([row[3] > 2.0 for row in json['dataframe_split']['data']])",
        lambda request: any(row[3] > 2.0 for row in request.json["dataframe_split"]["data"]),
        expected=False,  # so that every row is looked at
    ),
)


def cases() -> list[Case]:
    """Every condition on a body of one row and on one of 1000 rows of 16 columns."""
    small, large = _body(1), _body(_ROWS)
    return [
        condition.on(name, body) for condition in _CONDITIONS for name, body in (("small", small), ("1000×16", large))
    ]


def _body(rows: int) -> Any:
    """A data frame whose first column is text and whose others are numbers in [0, 1)."""
    numbers = random.Random(1)
    data = [[_TEXT, *(numbers.random() for _ in range(_COLUMNS - 1))] for _ in range(rows)]
    return {"dataframe_split": {"columns": [f"c{column}" for column in range(_COLUMNS)], "data": data}}
