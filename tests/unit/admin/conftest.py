"""A gateway on paper, with what the admin port shows of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client

from rulegate.admin.application import Admin
from rulegate.admin.sources import Sources
from rulegate.answers import Breakers
from rulegate.config import Config, load_config
from rulegate.gateway import Gateway
from rulegate.handover import Handover
from rulegate.http import Application, Front
from rulegate.http.traffic import Traffic
from rulegate.live import Live
from rulegate.log import Lines
from rulegate.routing import Mishaps
from rulegate.serving.models import ModelVersion, Prediction
from rulegate.serving.pool import ModelPool, PoolSettings
from rulegate.shadowing import Shadows

TOKEN = "a-token-that-nobody-can-guess"

CONFIG = f"""
admin: {{port: 5001, token: {TOKEN}}}
registry_uri: postgresql://user:hunter2@registry/mlflow
model_endpoints:
  - name: sentiment
    routes:
      - alias: gold
        model_uri: models:/accurate/1
        model_request_condition: "request.headers['X-Tier'] == 'gold'"
        fallback: [rest]
        shadow: {{alias: next, model_uri: "models:/next/1"}}
      - alias: split
        model_request_condition: "request.json['inputs'][0] == 'split'"
        targets:
          - {{alias: stable, model_uri: "models:/fast/1"}}
          - {{alias: canary, model_uri: "models:/fast/2"}}
        sticky_on: "request.headers['X-User']"
      - {{alias: rest, model_uri: "models:/fast/1"}}
"""


class Shelf:
    """A registry that knows every model."""

    def resolve(self, model_uri: str, **_: object) -> ModelVersion:
        return ModelVersion(model_uri, model_uri, model_uri)

    def may_move(self, model_uri: str) -> bool:
        return False

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path("/nowhere")

    def release(self, version: ModelVersion) -> None:
        pass


class Model:
    """A model that answers the same to all."""

    pid = 4711

    def __init__(self, on_end: Callable[[], None], on_batch: Callable[[int], None]) -> None:
        self._on_end, self._on_batch = on_end, on_batch

    def memory_bytes(self) -> int:
        return 1000

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers=dict) -> Prediction:
        self._on_batch(1)
        return Prediction(b'{"predictions": [1]}', "application/json")

    def close(self) -> None:
        self._on_end()


class Stage:
    """A backend that loads at once."""

    def load(self, version, folder, *, timeout_s, on_end, on_batch) -> Model:
        return Model(on_end, on_batch)


class Switchboard:
    """What a reload does."""

    def __init__(self, sources: Sources | None = None) -> None:
        self.sources = sources

    def switch(self, config: Config) -> tuple[str, ...]:
        self.sources.application.switch(front(config))
        return ("admin.port",) if config.admin.port != 5001 else ()


def front(config: Config) -> Front:
    return Front(Gateway(config), max_body_bytes=1000, request_timeout_s=1.0)


@pytest.fixture
def file(tmp_path) -> Path:
    file = tmp_path / "gateway_config.yaml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def sources(file) -> Iterator[Sources]:
    config = load_config(file)
    pool = ModelPool(Shelf(), Stage(), PoolSettings(memory_limit_bytes=10_000))
    board = Switchboard()
    live = Live(config, board.switch, obstacle=lambda config: None, handover=Handover())
    lines = Lines("json", os.open(os.devnull, os.O_WRONLY))
    traffic = Traffic()
    shadows = Shadows(lambda copy: None, is_busy=lambda: False, random=lambda: 0.0)
    application = Application(front(config), lines, not_ready=dict, traffic=traffic)
    board.sources = Sources(live, application, pool, Breakers(), traffic, Mishaps(), shadows)
    yield board.sources
    pool.close()


class Operator:
    """Somebody who has the token."""

    def __init__(self, admin: Admin) -> None:
        self.client = Client(admin)

    def __getattr__(self, method: str):
        ask = getattr(self.client, method)
        return lambda path, **how: ask(path, headers={"Authorization": f"Bearer {TOKEN}"}, **how)


@pytest.fixture
def admin(sources) -> Admin:
    return Admin(sources, token=lambda: sources.live.status.config.admin.token)


@pytest.fixture
def operator(admin) -> Operator:
    return Operator(admin)
