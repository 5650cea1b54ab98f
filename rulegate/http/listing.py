"""The pages from which the client of ``mlflow.deployments`` learns which endpoints there are."""

from __future__ import annotations

from collections.abc import Collection

BASE = "/api/2.0/endpoints/"
"""Lists all endpoints; followed by a name, that one."""

ENDPOINT_TYPE = "mlflow/scoring"
"""What kind of protocol an endpoint speaks; MLflow's own gateway has names such as ``llm/v1/chat`` here."""

PROVIDER = "rulegate"
"""Who answers. Which model does is decided for each request, so none can be named."""


def page(path: str, endpoints: Collection[str]) -> dict[str, object] | None:
    """The JSON at ``path``: of all endpoints, or of the one that it names; None where it is another path."""
    # MLflow's client asks with the last slash, people without it.
    if path in {BASE, BASE.rstrip("/")}:
        return {"endpoints": [_describe(name) for name in endpoints]}
    name = path.removeprefix(BASE)
    return _describe(name) if name != path and name in endpoints else None


def _describe(name: str) -> dict[str, object]:
    # The URL has no host: the client puts the one that it was given before it.
    return {
        "name": name,
        "endpoint_type": ENDPOINT_TYPE,
        "model": {"name": name, "provider": PROVIDER},
        "endpoint_url": f"/endpoints/{name}/invocations",
        "limit": None,
    }
