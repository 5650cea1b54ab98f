"""Which requests a gateway offers to shadows: those that a route with a shadow has answered whole, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rulegate.answers import RequestDenied
from rulegate.condition import Request
from rulegate.config import load_config
from rulegate.gateway import Gateway
from rulegate.journey import Journey
from rulegate.serving.errors import ModelDied, ServingError
from rulegate.serving.models import ModelVersion, Prediction
from rulegate.serving.pool import ModelPool, PoolSettings
from rulegate.shadowing import Copy, Shadows

CONFIG = """
model_endpoints:
  - name: sentiment
    routes:
      - alias: dead
        model_request_condition: "request.headers.get('X-Ask') == 'dead'"
        model_uri: models:/dead/1
        shadow: {alias: of-dead, model_uri: "models:/next/1"}
        fallback: [whole]
      - alias: alone
        model_request_condition: "request.headers.get('X-Ask') == 'alone'"
        model_uri: models:/dead/1
        shadow: {alias: of-alone, model_uri: "models:/next/1"}
      - alias: parts
        model_request_condition: "request.headers.get('X-Ask') == 'parts'"
        model_uri: models:/parts/1
        shadow: {alias: of-parts, model_uri: "models:/next/1"}
      - alias: plain
        model_request_condition: "request.headers.get('X-Ask') == 'plain'"
        model_uri: models:/whole/1
      - alias: remote
        model_request_condition: "request.headers.get('X-Ask') == 'remote'"
        model_uri: models:/whole/1
        shadow: {alias: of-remote, model_uri: "http://next.example"}
      - alias: denied
        model_request_condition: "request.headers.get('X-Ask') == 'denied'"
        on_error: match
        deny: {}
      - alias: whole
        model_uri: models:/whole/1
        shadow: {alias: of-whole, model_uri: "models:/next/1", sample: 50%, tolerance: 0.5}
"""


class Shelf:
    def resolve(self, model_uri: str, **_: object) -> ModelVersion:
        return ModelVersion(model_uri, model_uri, model_uri)

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path("/nowhere")

    def release(self, version: ModelVersion) -> None:
        pass


class Parts:
    def __next__(self) -> bytes:
        raise StopIteration

    def close(self) -> None:
        pass


class Model:
    pid = 4711

    def __init__(self, name: str, on_end) -> None:
        self.name, self.on_end = name, on_end

    def memory_bytes(self) -> int:
        return 1

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers=dict) -> Prediction:
        if "dead" in self.name:
            raise ModelDied("it died")
        return Prediction(b"answer", "application/json", Parts() if "parts" in self.name else None)

    def close(self) -> None:
        self.on_end()


class Stage:
    def load(self, version: ModelVersion, folder: Path, *, on_end, **_: object) -> Model:
        return Model(version.reference, on_end)


class Recording(Shadows):
    """Shadows that keep what they are offered."""

    def __init__(self) -> None:
        super().__init__(lambda copy: None, is_busy=lambda: False, random=lambda: 0.0)
        self.offered: list[Copy] = []

    def offer(self, copy: Copy) -> None:
        self.offered.append(copy)


@pytest.fixture
def shadows() -> Recording:
    return Recording()


@pytest.fixture
def gateway(shadows) -> Iterator[Gateway]:
    pool = ModelPool(Shelf(), Stage(), PoolSettings())
    yield Gateway(load_config(CONFIG), pool, shadows=shadows)
    pool.close()


def ask(gateway: Gateway, what: str) -> Prediction:
    request = Request(headers={"X-Ask": what})
    journey = Journey("this-request")
    return gateway.answer(None, request, b"body", "application/json", journey, timeout_s=5.0)


def test_a_request_is_offered_with_its_answer_to_the_shadow_of_its_route(gateway, shadows):
    assert ask(gateway, "whole").body == b"answer"
    (copy,) = shadows.offered
    assert copy.names == ("sentiment", "whole", "of-whole")
    assert (copy.body, copy.content_type, copy.answer) == (b"body", "application/json", b"answer")
    assert (copy.shadow.target.model_uri, copy.shadow.fraction, copy.shadow.tolerance) == ("models:/next/1", 0.5, 0.5)
    assert (copy.request_id, copy.timeout_s) == ("this-request", 5.0)
    assert copy.predict_s > 0


def test_a_shadow_of_another_server_gets_the_headers_too(gateway, shadows):
    ask(gateway, "remote")
    ask(gateway, "whole")
    remote, local = shadows.offered
    assert dict(remote.headers) == {"x-ask": "remote", "x-request-id": "this-request"}
    assert local.headers == {}


def test_of_a_request_that_a_fallback_answers_it_is_the_fallbacks_shadow(gateway, shadows):
    ask(gateway, "dead")
    assert [copy.names[1:] for copy in shadows.offered] == [("whole", "of-whole")]


def test_requests_that_fail_are_denied_come_in_parts_or_have_no_shadow_are_not_offered(gateway, shadows):
    with pytest.raises(ServingError):
        ask(gateway, "alone")
    with pytest.raises(RequestDenied):
        ask(gateway, "denied")
    assert ask(gateway, "parts").rest is not None
    ask(gateway, "plain")
    assert shadows.offered == []


def test_the_names_under_which_something_may_be_counted_are_those_of_the_configuration(gateway):
    assert ("", "", "") in gateway.names
    assert ("sentiment", "", "") in gateway.names
    assert {key[1:] for key in gateway.names if key[1] == "whole"} == {
        ("whole", ""),
        ("whole", "whole"),
        ("whole", "of-whole"),
    }
    assert {key[1:] for key in gateway.names if key[1] == "denied"} == {("denied", "")}
