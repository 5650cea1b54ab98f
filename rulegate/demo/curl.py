"""The demo's two requests as commands to paste into a shell."""

from __future__ import annotations

import json
import shlex

_TEXTS = (
    "I love this product, it works great",
    "Domain specific text: the indemnification clause protects both parties and the settlement was excellent",
)


def curl_commands(host: str, port: int) -> tuple[str, str]:
    """One command that the route ``fast`` answers, and one that the route ``accurate`` answers.

    Each prints the answer's headers too, for they say which route and model answered.

    Args:
        host: A name, or an IPv4 or IPv6 address without brackets, that the gateway listens on.
        port: The port that it listens on.
    """
    authority = f"[{host}]" if ":" in host else host
    url = shlex.quote(f"http://{authority}:{port}/invocations")
    fast, accurate = (
        shlex.join(["curl", "-i", "-H", "Content-Type: application/json", "-d", _body(text)]) + f" {url}"
        for text in _TEXTS
    )
    return fast, accurate


def _body(text: str) -> str:
    return json.dumps({"dataframe_split": {"columns": ["text"], "data": [[text]]}})
