"""The article's requests and routes, which the servers are measured by."""

from __future__ import annotations

import json
from collections.abc import Mapping

INVOCATIONS = "/invocations"

_CONDITION = "request.json()['dataframe_split']['data'][0][0].startswith('Domain specific text')"


def question(text: str) -> bytes:
    """The body of a request with one row."""
    return json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text]]}}).encode()


TEXT_OF_FIRST = "I love this product, it works great"
FIRST = question(TEXT_OF_FIRST)
"""Goes to the fast model."""

SECOND = question("Domain specific text: the indemnification clause protects both parties")
"""Goes, by the condition, to the accurate model."""


def routes(fast: str, accurate: str) -> list[Mapping[str, str]]:
    """The article's two routes, to these model URIs."""
    return [
        {"alias": "fast", "model_uri": fast},
        {"alias": "accurate", "model_uri": accurate, "model_request_condition": _CONDITION},
    ]
