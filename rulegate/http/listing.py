"""The pages from which the client of ``mlflow.deployments`` learns which endpoints there are."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping

from werkzeug.wrappers import Response

BASE = "/api/2.0/endpoints/"
"""Lists all endpoints; followed by a name, that one."""

ENDPOINT_TYPE = "mlflow/scoring"
"""What kind of protocol an endpoint speaks; MLflow's own gateway has names such as ``llm/v1/chat`` here."""

PROVIDER = "rulegate"
"""Who answers. Which model does is decided for each request, so none can be named."""


def pages(endpoints: Iterable[str]) -> dict[str, Callable[[], Response]]:
    """A page for each endpoint and one for all, by path."""
    described = {name: _describe(name) for name in endpoints}
    every = functools.partial(_page, {"endpoints": [*described.values()]})
    # Clients of other makes leave the last slash out.
    return {BASE: every, BASE.rstrip("/"): every} | {
        BASE + name: functools.partial(_page, facts) for name, facts in described.items()
    }


def _describe(name: str) -> dict[str, object]:
    # The URL has no host: the client puts the one that it was given before it.
    return {
        "name": name,
        "endpoint_type": ENDPOINT_TYPE,
        "model": {"name": name, "provider": PROVIDER},
        "endpoint_url": f"/endpoints/{name}/invocations",
        "limit": None,
    }


def _page(facts: Mapping[str, object]) -> Response:
    return Response(json.dumps(facts), mimetype="application/json")
