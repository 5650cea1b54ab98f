"""However configurations follow each other, each request is answered by one of them, whole."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from rulegate.config import load_config
from rulegate.gateway import Gateway
from rulegate.http import Application, Front
from rulegate.log import Lines
from rulegate.serving.models import Headers, ModelVersion, Prediction, Terms
from rulegate.serving.pool import ModelPool, PoolSettings

ASKERS = 3


class FakeRegistry:
    """Every URI is a version of its own."""

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        return ModelVersion(model_uri, model_uri, model_uri)

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path("/nowhere")

    def release(self, version: ModelVersion) -> None:
        pass


class FakeModel:
    """Answers with its own URI."""

    def __init__(self, version: ModelVersion) -> None:
        self._answer = json.dumps({"predictions": version.reference}).encode()
        self.closed = False

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        assert not self.closed, "a model is ended while it is in use"
        return Prediction(self._answer, "application/json")

    pid = 1

    def memory_bytes(self) -> int:
        return 1

    def close(self) -> None:
        self.closed = True


class FakeBackend:
    def load(self, version: ModelVersion, folder: Path, *, timeout_s: float, on_end, on_batch) -> FakeModel:
        return FakeModel(version)


def text_of(number: int, model: int) -> str:
    """A configuration whose every part tells its number, and one model that others may share."""
    return f"""
default_endpoint: second-{number}
model_endpoints:
  - name: first-{number}
    routes: [{{alias: wrong-{number}, model_uri: "models:/wrong-{number}/1"}}]
  - name: second-{number}
    routes:
      - {{alias: rest-{number}, model_uri: "models:/wrong-{number}/1"}}
      - alias: matched-{number}
        model_uri: models:/m{number}/{model}
        model_request_condition: "request.json['number'] >= 0 and request.headers['X-Match'] == 'yes'"
"""


def front(number: int, model: int, pool: ModelPool) -> Front:
    return Front(Gateway(load_config(text_of(number, model)), pool), max_body_bytes=1000, request_timeout_s=30)


@settings(max_examples=25)
@given(models=st.lists(st.integers(1, 3), min_size=2, max_size=12), tidy=st.booleans())
def test_no_answer_is_a_mix_and_none_is_from_before(models, tidy):
    pool = ModelPool(FakeRegistry(), FakeBackend(), PoolSettings())
    application = Application(
        front(0, models[0], pool), Lines("json", os.open(os.devnull, os.O_WRONLY)), not_ready=dict
    )
    # The configuration that a request must be answered by at least, and the one that it may be answered by at most.
    settled, begun = 0, 0
    over = threading.Event()
    breaches: list[str] = []

    def ask() -> None:
        client = Client(application)
        while not over.is_set():
            at_least = settled
            answer = client.post("/invocations", json={"number": 1}, headers={"X-Match": "yes"})
            number = int(answer.headers["x-rulegate-endpoint"].partition("-")[2])
            model = f"models:/m{number}/{models[number]}"
            expected = (200, f"matched-{number}", model, {"predictions": model})
            got = (
                answer.status_code,
                answer.headers["x-rulegate-route"],
                answer.headers["x-rulegate-model"],
                answer.json,
            )
            if got != expected or not at_least <= number <= begun:
                breaches.append(f"{got} instead of {expected}, between {at_least} and {begun}")

    threads = [threading.Thread(target=ask) for _ in range(ASKERS)]
    for thread in threads:
        thread.start()
    try:
        for number, model in enumerate(models[1:], start=1):
            new = front(number, model, pool)
            begun = number
            pool.change(PoolSettings(terms={f"models:/m{number}/{model}": Terms()}))
            application.switch(new)
            settled = number
            if tidy:
                pool.tidy()
    finally:
        over.set()
        for thread in threads:
            thread.join()
        pool.close()
    assert not breaches, breaches[:3]
