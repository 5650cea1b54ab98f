"""Many versions of one model behind one endpoint: a header says which is meant."""

from __future__ import annotations

from pathlib import Path

from benchmarks.article import FIRST, INVOCATIONS
from benchmarks.contenders import write_config
from benchmarks.models import TEXT, Models
from benchmarks.servers import post

_HEADER = "x-version"


def config_of(path: Path, models: Models, *, versions: int, **settings: object) -> Path:
    """Writes a configuration with a route for each of the first so many versions."""
    routes = [
        {
            "alias": f"v{version}",
            "model_uri": f"models:/{TEXT}/{version}",
            "model_request_condition": f"request.headers['{_HEADER}'] == '{version}'",
        }
        for version in range(1, versions + 1)
    ]
    return write_config(path, models.registry_uri, routes, **settings)


def question_to(version: int) -> bytes:
    """The bytes of the article's first request to this version."""
    return post(INVOCATIONS, FIRST, {_HEADER: str(version)})
