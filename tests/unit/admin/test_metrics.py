"""Each metric that there is has its row in the documents, with its type and its labels, and says what was counted."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rulegate.condition import ExternalUnavailableError, Request
from rulegate.external import Fault, NoAnswer, Services, ServiceSettings
from rulegate.journey import Journey, Leg
from rulegate.routing import Shadow, Target
from rulegate.serving.errors import ModelDied
from rulegate.shadowing import Copy

DOCUMENT = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(rulegate_\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


class Away:
    """A decision service that nobody reaches."""

    def ask(self, question: bytes, *, until_s: float) -> None:
        raise NoAnswer(Fault.UNREACHABLE, "it is away")


@pytest.fixture
def busy(sources):
    """Sources in which everything that can be counted has been."""
    died = Leg("gold", "gold", error=ModelDied("it"))
    answered = Leg("rest", "rest", load_s=0.2, predict_s=0.003)
    sources.traffic.note(Journey(endpoint="sentiment", decide_s=2e-5, legs=[died, answered]), 200, "", total_s=0.3)
    sources.traffic.note(Journey(), 404, "RG407", total_s=0.001)
    sources.mishaps.condition_errors.count("sentiment", "gold", "no_match")
    sources.mishaps.sticky_errors.count("sentiment", "split")
    shadow = Shadow(Target("next", "models:/next/1"))
    sources.shadows.offer(Copy("sentiment", "gold", shadow, b"", "", b"x", 0.1, 1.0))
    sources.shadows.clear()
    for model in ("real", "shadow"):
        sources.shadows.durations.note(("sentiment", "gold", "next", model), 0.003)
    sources.breakers.of(("sentiment", "gold", "gold", "models:/accurate/1"))
    services = Services([ServiceSettings("risk", "http://risk/", {}, {}, 1.0)], lambda service: Away())
    sources.application.switch(replace(sources.application.front, services=services))
    with pytest.raises(ExternalUnavailableError):
        services.answer("risk", Request(), until_s=time.monotonic() + 1)
    with sources.pool.lease("models:/fast/1", timeout_s=5) as lease:
        lease.predict(b"", "", timeout_s=1)
        yield sources


def families(operator):
    return list(text_string_to_metric_families(operator.get("/metrics").text))


def value(operator, name: str, **labels: str) -> float:
    """The one sample of this name with these labels."""
    found = [sample for family in families(operator) for sample in family.samples if sample.name == name]
    (sample,) = [sample for sample in found if sample.labels == labels]
    return sample.value


def test_metrics_and_documents_are_the_same(operator, busy):
    told = {}
    for family in families(operator):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        told[name] = (family.type, labels)
    # Nothing has left memory here, and what has no value has no labels.
    told["rulegate_model_unloads_total"] = ("counter", {"model", "why"})
    rows = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in ROW.findall(DOCUMENT)}
    assert told == rows


def test_every_metric_is_explained(operator, busy):
    assert all(family.documentation.endswith(".") for family in families(operator))


GOLD = {"endpoint": "sentiment", "route": "gold"}
NEXT = {**GOLD, "shadow": "next"}
REST = {"endpoint": "sentiment", "route": "rest", "target": "rest"}
FAST = {"model": "models:/fast/1"}


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("requests_total", {**REST, "status": "200", "code": ""}, 1),
        ("requests_total", {"endpoint": "", "route": "", "target": "", "status": "404", "code": "RG407"}, 1),
        ("fallbacks_total", {**GOLD, "code": "RG504", "answered_by": "rest"}, 1),
        ("target_predict_seconds_count", REST, 1),
        ("request_duration_seconds_bucket", {"endpoint": "sentiment", "part": "decide", "le": "1e-05"}, 0),
        ("request_duration_seconds_bucket", {"endpoint": "sentiment", "part": "decide", "le": "2.5e-05"}, 1),
        ("request_duration_seconds_bucket", {"endpoint": "sentiment", "part": "load", "le": "+Inf"}, 1),
        ("request_duration_seconds_sum", {"endpoint": "sentiment", "part": "total"}, 0.3),
        ("condition_errors_total", {**GOLD, "on_error": "no_match"}, 1),
        ("sticky_errors_total", {"endpoint": "sentiment", "route": "split"}, 1),
        ("shadow_requests_total", {**NEXT, "outcome": "dropped"}, 1),
        ("shadow_dropped_total", {**NEXT, "why": "reloaded"}, 1),
        ("shadow_predict_seconds_count", {**NEXT, "model": "real"}, 1),
        ("breaker_phase", {**GOLD, "target": "gold", "phase": "closed"}, 1),
        ("breaker_phase", {**GOLD, "target": "gold", "phase": "open"}, 0),
        ("model_loads_total", FAST, 1),
        ("model_processes", FAST, 1),
        ("model_memory_bytes", FAST, 1000),
        ("model_batch_size_count", FAST, 1),
        ("model_in_flight", {"model_uri": "models:/fast/1"}, 1),
        ("models_memory_limit_bytes", {}, 10_000),
        ("external_asked_total", {"service": "risk"}, 1),
        ("external_failures_total", {"service": "risk", "why": "unreachable"}, 1),
        ("external_breaker_phase", {"service": "risk", "phase": "closed"}, 1),
        ("config_refused", {}, 0),
    ],
)
def test_a_value_is_what_was_counted(operator, busy, name, labels, expected):
    assert value(operator, f"rulegate_{name}", **labels) == expected


def test_a_refused_configuration_shows(operator, sources, file):
    file.write_text("nothing")
    operator.post("/admin/reload")
    assert value(operator, "rulegate_config_refused") == 1
    assert value(operator, "rulegate_reloads_total", result="refused") == 1


def test_the_content_type_is_the_one_that_prometheus_asks_for(operator):
    assert operator.get("/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
