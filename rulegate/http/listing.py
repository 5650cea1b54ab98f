"""The pages from which the client of ``mlflow.deployments`` learns which endpoints there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

BASE = "/api/2.0/endpoints/"
"""Lists all endpoints; followed by a name, that one."""

ENDPOINT_TYPE = "mlflow/scoring"
"""What kind of protocol an endpoint speaks; MLflow's own gateway has names such as ``llm/v1/chat`` here."""

PROVIDER = "rulegate"
"""Who answers. Which model does is decided for each request, so none can be named."""


def pages(endpoints: Iterable[str]) -> Mapping[str, Mapping[str, object]]:
    """The JSON of a page for each endpoint and of one for all, by path."""
    described = {name: _describe(name) for name in endpoints}
    every = {"endpoints": [*described.values()]}
    # MLflow's client asks with the last slash, people without it.
    return {BASE: every, BASE.rstrip("/"): every} | {BASE + name: facts for name, facts in described.items()}


def _describe(name: str) -> dict[str, object]:
    # The URL has no host: the client puts the one that it was given before it.
    return {
        "name": name,
        "endpoint_type": ENDPOINT_TYPE,
        "model": {"name": name, "provider": PROVIDER},
        "endpoint_url": f"/endpoints/{name}/invocations",
        "limit": None,
    }
