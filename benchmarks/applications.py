"""Serves as `rulegate serve` does: a WSGI application that does nearly nothing, or rulegate up to the decision."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rulegate import http_server
from rulegate.config import load_config
from rulegate.gateway import Gateway
from rulegate.http import Application, Front
from rulegate.http.asgi import Asgi
from rulegate.log import GatheredLines, Lines
from rulegate.server import listen
from rulegate.serving.errors import ModelUnavailable
from rulegate.serving.models import Headers, LoadedModel, ModelVersion, Prediction
from rulegate.serving.pool import ModelPool, PoolSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONFIG_VARIABLE = "RULEGATE_BENCH_CONFIG"
"""Names the configuration that ``decision`` decides by."""

_ANSWER = b'{"predictions": ["positive"]}'


def bare() -> WSGIApplication:
    """Parses the body and answers the same to all."""
    return _bare


def _bare(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    start_response("200 OK", [("content-type", "application/json"), ("content-length", str(len(_ANSWER)))])
    return [_ANSWER]


def decision() -> WSGIApplication:
    """rulegate whole, log lines included, with a model that answers the same to all without leaving the process."""
    config = load_config(Path(os.environ[CONFIG_VARIABLE]))
    pool = ModelPool(_Registry(), _Backend(), PoolSettings(capacity=config.server.threads))
    front = Front(
        Gateway(config, pool),
        max_body_bytes=config.server.max_body_bytes,
        request_timeout_s=config.server.request_timeout_s,
    )
    return Application(front, GatheredLines(Lines("text")), not_ready=dict)


class _Registry:
    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:  # noqa: ARG002
        return ModelVersion(model_uri, model_uri, model_uri)

    def may_move(self, model_uri: str) -> bool:  # noqa: ARG002
        return False

    def resolve_all(
        self,
        model_uris: Sequence[str],  # noqa: ARG002
        *,
        timeout_s: float,  # noqa: ARG002
    ) -> Mapping[str, ModelVersion | ModelUnavailable]:
        return {}

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:  # noqa: ARG002
        return Path(tempfile.gettempdir(), "rulegate-bench-none")

    def release(self, version: ModelVersion) -> None:
        pass

    def discard(self, version: ModelVersion) -> None:
        pass


class _Backend:
    def load(
        self,
        version: ModelVersion,  # noqa: ARG002
        folder: Path,  # noqa: ARG002
        *,
        timeout_s: float,  # noqa: ARG002
        on_end: Callable[[], None],  # noqa: ARG002
        on_batch: Callable[[int], None],  # noqa: ARG002
    ) -> LoadedModel:
        return _Constant()


class _Constant:
    pid = 0

    def predict(
        self,
        body: bytes,  # noqa: ARG002
        content_type: str,  # noqa: ARG002
        *,
        timeout_s: float,  # noqa: ARG002
        headers: Headers = dict,  # noqa: ARG002
    ) -> Prediction:
        return Prediction(_ANSWER, "application/json")

    def memory_bytes(self) -> int:
        return 1

    def close(self) -> None:
        pass


def main(name: str, port: int) -> None:
    """Serves ``bare`` or ``decision`` on a port of this machine until SIGTERM."""
    application = {"bare": bare, "decision": decision}[name]()
    loop = http_server.new_loop()
    served = Asgi(application, max_body_bytes=lambda: 10**7, threads=8)
    http_server.run(served, listen("127.0.0.1", port), loop, patience_s=lambda: 1.0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
