"""Shadows of a real gateway: what they answer is recorded and never returned, and no request notices them."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "a-token-that-nobody-can-guess"
PATIENCE_S = 60


def config_of(registry, shadows: dict[str, str], *, extra: str = "") -> str:
    """An endpoint for each shadow, whose model is version 1 of `versioned`, or another one that takes commands."""
    lines = [f"registry_uri: {registry['uri']}", f"admin: {{port: 0, token: {TOKEN}}}", extra, "model_endpoints:"]
    for name, shadow in shadows.items():
        model = "models:/obedient/1" if "moody" in shadow else "models:/versioned/1"
        lines += [
            f"  - name: {name}",
            f"    routes: [{{alias: only, model_uri: {model}, shadow: {{alias: next, {shadow}}}}}]",
        ]
    return "\n".join(lines) + "\n"


class Recorded:
    """What the metrics of a gateway say of shadows."""

    def __init__(self, gateway, helpers) -> None:
        self._gateway, self._wait_until = gateway, helpers.wait_until

    def value(self, name: str, **labels: str) -> float:
        (url,) = re.findall(r"admin port on (http://\S+)", self._gateway.out.read_text())
        headers = {"Authorization": f"Bearer {TOKEN}"}
        text = requests.get(f"{url}/metrics", headers=headers, timeout=PATIENCE_S).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        named = [sample for sample in samples if sample.name == f"rulegate_shadow_{name}"]
        return sum(sample.value for sample in named if labels.items() <= sample.labels.items())

    def comes_to(self, number: float, name: str, **labels: str) -> None:
        self._wait_until(lambda: self.value(name, **labels) == number)


@pytest.fixture(scope="module")
def gateway(start, registry):
    shadows = {
        "agrees": "model_uri: models:/versioned/2, tolerance: 1",
        "disagrees": "model_uri: models:/versioned/3",
        "broken": "model_uri: models:/stubborn/1",
        "missing": "model_uri: models:/nothing/1",
        "never": "model_uri: models:/versioned/3, sample: 0.001%",
    }
    return start(config_of(registry, shadows))


@pytest.fixture
def recorded(gateway, helpers) -> Recorded:
    return Recorded(gateway, helpers)


def test_the_shadows_answer_is_compared_and_never_returned(gateway, recorded):
    for _ in range(5):
        answer = gateway.text("x", "agrees")
        assert answer.json() == {"predictions": [1]}
        assert answer.headers["x-rulegate-model"] == "models:/versioned/1"
    recorded.comes_to(5, "requests_total", endpoint="agrees", outcome="agreed")
    assert recorded.value("requests_total", endpoint="agrees") == 5
    assert recorded.value("predict_seconds_count", endpoint="agrees", model="real") == 5
    assert recorded.value("predict_seconds_count", endpoint="agrees", model="shadow") == 5


def test_what_disagrees_is_logged_under_the_requests_id_and_without_its_body(gateway, recorded, helpers):
    answer = gateway.text("a private text", "disagrees", x_request_id="this-request")
    assert answer.json() == {"predictions": [1]}
    recorded.comes_to(1, "requests_total", endpoint="disagrees", outcome="disagreed")
    (line,) = helpers.wait_until(lambda: [line for line in gateway.log() if line["event"].startswith("a shadow disag")])
    assert line["event"] == "a shadow disagrees: a number differs by more than the tolerance"
    assert line["request_id"] == "this-request"
    assert (line["endpoint"], line["route"], line["shadow"], line["model"]) == (
        "disagrees",
        "only",
        "next",
        "models:/versioned/3",
    )
    assert "private" not in gateway.err.read_text()


@pytest.mark.parametrize("endpoint", ["broken", "missing"])
def test_a_shadow_that_cannot_be_loaded_fails_no_request(gateway, recorded, endpoint):
    for _ in range(3):
        assert gateway.text("x", endpoint).json() == {"predictions": [1]}
    recorded.comes_to(3, "requests_total", endpoint=endpoint, outcome="failed")


def test_requests_that_fail_and_those_that_are_not_drawn_are_not_copied(gateway, recorded):
    assert gateway.post({"inputs": 1}, "/endpoints/agrees/invocations").status_code == 400
    assert gateway.text("x", "never").status_code == 200
    assert gateway.text("x", "disagrees").status_code == 200
    before = recorded.value("requests_total", endpoint="agrees")
    recorded.comes_to(0, "waiting")
    assert recorded.value("requests_total", endpoint="never") == 0
    assert recorded.value("requests_total", endpoint="agrees") == before


def test_a_shadow_that_hangs_holds_up_nobody_not_even_the_end(start, registry, helpers, tmp_path):
    mood = tmp_path / "mood"
    mood.write_text("hang")
    shadows = {"hangs": "model_uri: models:/moody/1", "agrees": "model_uri: models:/versioned/2, tolerance: 1"}
    config = config_of(registry, shadows, extra="models: {env: [MOOD]}")
    gateway = start(config, MOOD=str(mood))
    recorded = Recorded(gateway, helpers)
    for _ in range(20):
        assert gateway.command("echo:x", "hangs").json() == {"predictions": ["x"]}
    recorded.comes_to(20 - 3, "waiting")
    assert gateway.text("x", "agrees").status_code == 200
    recorded.comes_to(1, "requests_total", endpoint="agrees", outcome="agreed")
    assert gateway.stop() == 0
    assert not [line for line in gateway.log() if line["event"].startswith("a shadow")]


def test_shadows_that_hang_die_or_raise_fail_none_of_many_requests_at_once(start, registry, helpers, tmp_path):
    """Each real model is told by the same command what its shadow does; `first` does it, and `second` answers."""
    mood = tmp_path / "mood"
    mood.write_text("hang")
    names = ("hang", "die", "raise", "object")
    lines = [f"registry_uri: {registry['uri']}", f"admin: {{port: 0, token: {TOKEN}}}", "model_endpoints:"]
    for name in (*names, "never loads"):
        uri = "models:/moody/1" if name == "never loads" else "models:/first/1"
        lines += [
            f"  - name: {name.replace(' ', '-')}",
            f"    routes: [{{alias: only, model_uri: models:/second/1, shadow: {{alias: next, model_uri: {uri}}}}}]",
        ]
    gateway = start("\n".join([*lines, "models: {env: [MOOD]}"]), MOOD=str(mood))
    recorded = Recorded(gateway, helpers)

    def ask(number: int) -> object:
        name = [*names, "never loads"][number % 5]
        answer = gateway.command(f"first {name}", name.replace(" ", "-"))
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(ask, range(200)))
    assert answers == [(200, {"predictions": ["second"]})] * 200
    assert recorded.value("requests_total", outcome="agreed") == 0
    assert recorded.value("requests_total", outcome="disagreed") == 0
    assert gateway.stop() == 0


def test_while_the_gateway_is_busy_copies_are_dropped(start, registry, helpers, tmp_path):
    shadows = {"agrees": "model_uri: models:/versioned/2, tolerance: 1", "waits": "model_uri: models:/moody/1"}
    gateway = start(config_of(registry, shadows, extra="server: {threads: 2}"))
    recorded = Recorded(gateway, helpers)
    asking = threading.Thread(target=lambda: gateway.command(f"await:{tmp_path}", "waits"))
    asking.start()
    helpers.wait_until((tmp_path / "begun").exists)
    assert gateway.text("x", "agrees").status_code == 200
    recorded.comes_to(1, "dropped_total", endpoint="agrees", why="busy")
    (tmp_path / "go").touch()
    asking.join()
    assert gateway.text("x", "agrees").status_code == 200
    recorded.comes_to(1, "requests_total", endpoint="agrees", outcome="agreed")


def test_no_model_is_unloaded_for_a_shadow(start, registry, helpers):
    """One byte of memory: what is loaded first may stay, and nothing beside it."""
    shadows = {"agrees": "model_uri: models:/versioned/2, tolerance: 1"}
    gateway = start(config_of(registry, shadows, extra="models: {memory_limit: 1B}"))
    recorded = Recorded(gateway, helpers)
    for _ in range(3):
        assert gateway.text("x", "agrees").json() == {"predictions": [1]}
    recorded.comes_to(3, "dropped_total", endpoint="agrees", why="memory")


def test_a_reload_drops_what_waits_and_follows_the_new_shadow(start, registry, helpers, tmp_path):
    mood = tmp_path / "mood"
    mood.write_text("hang")
    extra = "models: {env: [MOOD]}"
    gateway = start(
        config_of(registry, {"one": "model_uri: models:/moody/1"}, extra=extra), "--no-watch", MOOD=str(mood)
    )
    recorded = Recorded(gateway, helpers)
    for _ in range(5):
        assert gateway.command("echo:x", "one").status_code == 200
    recorded.comes_to(2, "waiting")
    gateway.config.write_text(config_of(registry, {"one": "model_uri: models:/versioned/2, tolerance: 1"}, extra=extra))
    (url,) = re.findall(r"admin port on (http://\S+)", gateway.out.read_text())
    answer = requests.post(f"{url}/admin/reload", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S)
    assert answer.json()["result"] == "changed"
    recorded.comes_to(0, "waiting")
    assert gateway.text("x", "one").status_code == 200
    recorded.comes_to(1, "requests_total", endpoint="one", outcome="agreed")
