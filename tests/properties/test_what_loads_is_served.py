"""Whatever is accepted as a configuration can be served, reloaded, shown and explained, whatever it says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from rulegate.admin.application import Admin
from rulegate.admin.sources import Sources
from rulegate.bootstrap import Running, build, obstacle
from rulegate.cli import main
from rulegate.config import Config, ConfigError, load_config
from rulegate.handover import Handover
from rulegate.live import Live
from rulegate.log import Lines
from rulegate.serving.mlflow.warm_parent_client import WarmParent

ROOT = Path(__file__).parents[2]
VARIABLES = {"RULEGATE_ADMIN_TOKEN": "a-token-that-nobody-can-guess", "RISK_AUTHORIZATION": "Bearer x"}
TOKEN = {"Authorization": f"Bearer {VARIABLES['RULEGATE_ADMIN_TOKEN']}"}
BODIES = ['{"inputs": ["a"]}', "", "no JSON", '{"a": {"b": [1, null]}}']
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)

# ---- files that are written down ----

FILES = sorted(
    [
        *(ROOT / "examples").glob("*.yaml"),
        *(ROOT / "tests" / "scenarios").glob("*/configuration.yaml"),
        *(ROOT / "tests" / "golden").rglob("*.yaml"),
    ]
)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def accepted() -> Iterator[Any]:
    for file in FILES:
        yield pytest.param(file.read_text(encoding="utf-8"), id=str(file.relative_to(ROOT)))
    for document in DOCUMENTS:
        for number, block in enumerate(BLOCK.findall(document.read_text(encoding="utf-8"))):
            if "model_endpoints:" in block:
                yield pytest.param(block, id=f"{document.relative_to(ROOT)}:{number}")


# ---- files that nobody has written ----

durations = st.sampled_from(["1ms", "0.5s", "60s", "15m", "24h", "86400s"])
sizes = st.sampled_from(["1B", "10MiB", "4GiB", "0.5GiB"])
limits = st.sampled_from(["1KiB", "10MiB", "4GiB"])  # what is explained has a body
counts = st.sampled_from([0, 1, 2, 64, 1024, 65535])
shares = st.sampled_from(["0.001%", "10%", "100%"])
numbers = st.sampled_from([0, 1, 0.5, 1e9, 1e-6, 99.5])
names = st.sampled_from(["a", "b", "A", "_", "-", "x" * 100, "0", "1e3"])
uris = st.sampled_from(
    [
        "models:/m/1",
        "models:/m/Production",
        "models:/m@champion",
        "models:/m-0123",
        "models:/ä b/latest",
        "runs:/0a1b/model",
        "./folder",
        "/srv/models/a",
        "s3://bucket/a",
        "http://127.0.0.1:1/",
        "HTTPS://[::1]:65535/a/b",
    ]
)
conditions = st.sampled_from(
    [
        "True",
        "request.method == 'GET'",
        "request.headers['X-A'] == 'a'",
        "request.headers.get('X-A', '').startswith(('a', 'b'))",
        "request.json['inputs'][0] in {'a', 'b', 1}",
        "any(x == 'a' for x in request.json['inputs'])",
        "external['a'] == 1 or external['b']['c'] > 2",
        "bucket(request.headers['X-A'], 100) < 10",
        "in_network(request.remote_addr, '127.0.0.0/8')",
        "request.json.get('a')['b'] and not request.args",
        "re.search('^a+', request.path)",
    ]
)
expressions = st.sampled_from(["request.headers.get('X-A')", "request.json", "request.path", "external['a']", "1 / 0"])
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=10)
overrides = {
    "idle_timeout": durations | st.just("never"),
    "refresh_interval": durations,
    "load_timeout": durations,
    "preload": st.booleans(),
    "replicas": st.sampled_from([1, 64]),
    "environment": st.just("local"),
    "batching": st.sampled_from(["auto", "off", {}, {"max_size": 1024, "max_delay": "0ms"}, {"max_delay": "1s"}]),
}


def some(required: dict[str, st.SearchStrategy[Any]], **optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(required, optional=optional)


targets = st.lists(
    some({"alias": names, "model_uri": uris}, weight=numbers, **overrides),
    min_size=1,
    max_size=3,
    unique_by=lambda target: target["alias"],
)
rules = {"model_request_condition": conditions, "on_error": st.sampled_from(["no_match", "match", "fail"])}
of_models = {
    "shadow": some({"alias": st.just("shadow"), "model_uri": uris}, sample=shares, tolerance=numbers),
    "fallback": st.lists(names, max_size=2, unique=True),
    "timeout": durations,
}
routes = st.one_of(
    some({"alias": names, "model_uri": uris}, **rules, **of_models, **overrides),
    some(
        {"alias": names, "targets": targets},
        **rules,
        **of_models,
        balance=st.sampled_from(["weighted", "round_robin", "least_busy"]),
        sticky_on=expressions,
    ),
    some({"alias": names, "deny": some({}, status=st.sampled_from([400, 404, 599]), message=words)}, **rules),
)
endpoints = st.lists(
    some(
        {
            "name": names,
            "routes": st.lists(routes, min_size=1, max_size=4, unique_by=lambda route: route["alias"]),
        }
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda endpoint: endpoint["name"],
)
services = st.lists(
    some(
        {"name": names, "url": st.sampled_from(["http://127.0.0.1:1", "https://risk.example/a?b=c"])},
        input=st.dictionaries(words, st.sampled_from(["request.path", "request.json['a']"]), max_size=2),
        headers=st.dictionaries(st.sampled_from(["X-A", "authorization"]), st.sampled_from(["", "a b"]), max_size=2),
        timeout=durations,
        cache=durations,
        default=st.none() | st.booleans() | st.recursive(counts | words, st.lists, max_leaves=3),
    ),
    max_size=3,
    unique_by=lambda service: service["name"],
)
files = some(
    {"model_endpoints": endpoints},
    registry_uri=st.sampled_from(["sqlite:///mlflow.db", "http://127.0.0.1:1", "ä", "databricks://a:b"]),
    server=some({}, port=counts, threads=counts, max_body=limits, request_timeout=durations, host=words),
    admin=st.just({"port": 0, "token": "${RULEGATE_ADMIN_TOKEN}"}),
    models=some(
        {},
        **overrides,
        memory_limit=sizes | shares,
        cache_limit=sizes,
        allow=st.just(["*"]),
        env=st.lists(st.sampled_from(["A", "HF_*"]), max_size=2),
    ),
    remote=some(
        {}, headers=st.lists(st.sampled_from(["X-A", "Authorization"])), connect_timeout=durations, max_answer=sizes
    ),
    external=services,
)


def loaded(text: str) -> Config | None:
    try:
        return load_config(f"{text}\n", variables=VARIABLES)
    except ConfigError:
        return None


def is_served(config: Config, folder: Path) -> None:
    """Builds a gateway from it, without any process, and asks it for all that it can tell without a model."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    running = build(config, {}, Lines("json", nowhere), WarmParent({}))
    try:
        gateway = Client(running.application)
        assert gateway.get("/ping").status_code == 200
        listed = gateway.get("/api/2.0/endpoints/").json["endpoints"]
        assert [endpoint["name"] for endpoint in listed] == [endpoint.name for endpoint in config.endpoints]
        # What a machine may lack is a program that installs environments.
        assert (why := obstacle(config, {})) is None or why[0].startswith("`environment: ")
        assert running.reload(config) == ()
        is_shown(config, running)
    finally:
        running.close()
        os.close(nowhere)
    is_explained(config, folder)


def is_shown(config: Config, running: Running) -> None:
    live = Live(config, running.reload, obstacle=lambda _: None, handover=Handover())
    sources = Sources(
        live, running.application, running.pool, running.breakers, running.traffic, running.mishaps, running.shadows
    )
    admin = Client(Admin(sources, token=lambda: VARIABLES["RULEGATE_ADMIN_TOKEN"]))
    for path in ("/metrics", "/admin/config", "/admin/models", "/admin/routes"):
        assert admin.get(path, headers=TOKEN).status_code == 200
    for endpoint in config.endpoints:
        for body in BODIES:
            asked = {"endpoint": endpoint.name, "text": body, "headers": {"X-A": "a"}}
            assert admin.post("/admin/explain", headers=TOKEN, json=asked).status_code in {200, 400}


def is_explained(config: Config, folder: Path) -> None:
    file = folder / "gateway_config.yaml"
    file.write_text(config.text, encoding="utf-8")
    for endpoint in config.endpoints:
        for body in BODIES:
            for form in ("text", "json"):
                typed = ["explain", str(file), "--endpoint", endpoint.name, "-d", body, "--format", form]
                result = CliRunner().invoke(main, typed, env=VARIABLES)
                assert result.exit_code in {0, 1}, result.output
                assert result.exception is None or isinstance(result.exception, SystemExit)
                assert form == "text" or json.loads(result.output)["endpoint"] == endpoint.name


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULEGATE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("text", list(accepted()))
def test_what_is_written_down_and_loads_is_served(text: str, tmp_path: Path):
    if config := loaded(text):
        is_served(config, tmp_path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files)
@example({"model_endpoints": [{"name": "a", "routes": [{"alias": "a", "deny": {}}]}]})
def test_what_nobody_has_written_and_loads_is_served(tmp_path: Path, file: dict[str, Any]):
    if config := loaded(json.dumps(file, ensure_ascii=False)):
        is_served(config, tmp_path)


def test_many_of_the_files_that_nobody_has_written_load():
    """So that the law says something."""
    drawn: list[bool] = []

    @settings(max_examples=100, derandomize=True, database=None)
    @given(files)
    def draw(file: dict[str, Any]) -> None:
        drawn.append(loaded(json.dumps(file, ensure_ascii=False)) is not None)

    draw()
    assert sum(drawn) > len(drawn) / 5
