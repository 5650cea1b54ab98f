"""Each folder here is a scenario: a configuration, requests, and what they get from the real WSGI application.

README.md tells the words in which a scenario is written. Models are played by fakes at the seams of the pool; all else
is real.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from werkzeug.test import Client

from rulegate.answers import Breakers
from rulegate.config import ConfigError, load_config
from rulegate.external import Answered, Fault, NoAnswer
from rulegate.gateway import Gateway
from rulegate.http import Application, Front
from rulegate.log import Lines
from rulegate.provisions import services_of
from rulegate.serving.errors import (
    ModelBroken,
    ModelDied,
    ModelNotResolved,
    PredictionFailed,
    PredictionTimeout,
    RegistryUnreachable,
    ResultNotEncodable,
)
from rulegate.serving.models import ModelVersion, Prediction
from rulegate.serving.pool import ModelPool, PoolSettings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCENARIOS = sorted(path.parent for path in HERE.glob("*/requests.yaml"))

RELEASED_AFTER_S = 30.0
"""When a model that takes for ever to load gives up, should a test forget to end it."""


class Cast:
    """A registry and a backend whose models play their parts: a word each, or one for each request in turn."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts
        self._asked: Counter[str] = Counter()
        self.over = threading.Event()

    def part(self, model_uri: str) -> str:
        part = self._parts.get(model_uri, "answers")
        if isinstance(part, str):
            return part
        self._asked[model_uri] += 1
        return str(part[min(self._asked[model_uri], len(part)) - 1])

    def _is(self, model_uri: str, part: str) -> bool:
        return self._parts.get(model_uri) == part

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        if self._is(model_uri, "unknown"):
            raise ModelNotResolved(f"there is no {model_uri}")
        if self._is(model_uri, "unreachable"):
            raise RegistryUnreachable("the registry does not answer")
        return ModelVersion(model_uri, model_uri, model_uri)

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path("/nowhere")

    def release(self, version: ModelVersion) -> None:
        pass

    def discard(self, version: ModelVersion) -> None:
        pass

    def load(self, version: ModelVersion, folder: Path, **_rest: Any) -> Player:
        if self._is(version.reference, "broken"):
            raise ModelBroken("its code fails")
        if self._is(version.reference, "loads for ever"):
            self.over.wait(RELEASED_AFTER_S)
        return Player(self, version.reference)


class Player:
    """A loaded model."""

    def __init__(self, cast: Cast, model_uri: str) -> None:
        self._cast, self._uri = cast, model_uri

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, **_rest: Any) -> Prediction:
        match self._cast.part(self._uri):
            case "answers":
                return Prediction(json.dumps({"predictions": [self._uri]}).encode(), "application/json")
            case "streams" | "breaks off" as part:
                return Prediction(b"data: 1\n\n", "text/event-stream", Parts(part == "breaks off"))
            case "dies":
                raise ModelDied("its process ended")
            case "hangs":
                self._cast.over.wait(timeout_s)
                raise PredictionTimeout("it did not answer in time")
            case "raises":
                raise PredictionFailed("it raised", error_code="BAD_REQUEST", by_model=True)
            case "refuses":
                raise PredictionFailed("the body does not fit", error_code="BAD_REQUEST")
            case "returns an object":
                raise ResultNotEncodable("what is that", error_code="INTERNAL_ERROR")
            case part:
                raise AssertionError(f"nobody knows how to play `{part}`")

    def memory_bytes(self) -> int:
        return 1

    def close(self) -> None:
        pass


class Parts:
    """A second part, or none because the model dies."""

    def __init__(self, breaks_off: bool) -> None:
        self._breaks_off, self._taken = breaks_off, False

    def __next__(self) -> bytes:
        if self._breaks_off:
            raise ModelDied("its process ended")
        if self._taken:
            raise StopIteration
        self._taken = True
        return b"data: [DONE]\n\n"

    def close(self) -> None:
        pass


class Service:
    """A decision service that plays a part for each question in turn, the last one for all others."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts

    def ask(self, question: bytes, *, until_s: float) -> Answered:
        part = self._parts.pop(0) if len(self._parts) > 1 else self._parts[0]
        if part == "fails":
            raise NoAnswer(Fault.UNREACHABLE, "it is not there")
        return Answered(part["result"], 1)


class Play:
    """A scenario that is on: the application, and the pool behind it."""

    def __init__(self, configuration: Path, parts: dict[str, Any], services: dict[str, Any], log: int) -> None:
        config = load_config(configuration)
        self.cast = Cast(parts)
        self.pool = ModelPool(self.cast, self.cast, PoolSettings(capacity=config.server.threads))
        front = Front(
            Gateway(config, self.pool, Breakers()),
            max_body_bytes=config.server.max_body_bytes,
            request_timeout_s=config.server.request_timeout_s,
            services=services_of(config, lambda service: Service(services[service.name])),
        )
        self.client = Client(Application(front, Lines("json", log), not_ready=dict), use_cookies=False)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """What comes of a request, by the words that expectations have."""
        given = dict(request)
        body = given.pop("body", json.dumps(given.pop("json", {"inputs": [1]})))
        answer = self.client.open(
            given.pop("path", "/invocations"),
            method=given.pop("method", "POST"),
            data=body,
            content_type=given.pop("content_type", "application/json"),
            headers=given.pop("headers", {}),
            query_string=given.pop("query", ""),
        )
        assert given.keys() <= {"expected", "times", "busy", "why"}, given
        names = ("endpoint", "route", "target", "model", "fallback-from")
        error = answer.json if answer.status_code >= 400 else {}
        return {
            "status": answer.status_code,
            **{name.replace("-", "_"): answer.headers.get(f"x-rulegate-{name}") for name in names},
            "retry_after": answer.headers.get("retry-after"),
            "text": answer.get_data(as_text=True),
            **{name: error.get(name) for name in ("code", "error_code", "message")},
        }

    @contextlib.contextmanager
    def busy(self, requests_in_flight: dict[str, int]) -> Iterator[None]:
        """Other requests that models have meanwhile."""
        with contextlib.ExitStack() as held:
            for model_uri, number in requests_in_flight.items():
                for _ in range(number):
                    held.enter_context(self.pool.lease(model_uri, timeout_s=10))
            yield


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_every_request_of_a_scenario_gets_what_is_expected(folder: Path):
    scenario = yaml.safe_load((folder / "requests.yaml").read_text(encoding="utf-8"))
    assert scenario.keys() <= {"about", "models", "services", "requests", "refused"}
    if "refused" in scenario:
        with pytest.raises(ConfigError) as refused:
            load_config(folder / "configuration.yaml")
        assert [one.code for one in refused.value.diagnostics] == scenario["refused"]
        return
    log = os.open(os.devnull, os.O_WRONLY)
    play = Play(folder / "configuration.yaml", scenario.get("models", {}), scenario.get("services", {}), log)
    try:
        for number, request in enumerate(scenario["requests"], 1):
            with play.busy(request.get("busy", {})):
                got = [play.ask(request) for _ in range(request.get("times", 1))]
            check(got, request["expected"], f"request {number} of {folder.name}")
    finally:
        play.cast.over.set()
        play.pool.close()
        os.close(log)


def check(got: list[dict[str, Any]], expected: dict[str, Any], which: str) -> None:
    """Holds answers against an expectation; what it does not name may be anything, but for a fallback and a failure."""
    expected = {"status": 200, "fallback_from": None} | expected
    if "spread" in expected:
        # How often each target answered; a list says only which ones did.
        targets = Counter(answer["target"] for answer in got)
        spread = expected.pop("spread")
        assert (targets if isinstance(spread, dict) else sorted(targets)) == spread, which
    for answer in got:
        assert {name: answer[name] for name in expected} == expected, (which, answer)


_POOL = "tests/unit/serving/test_pool.py::"
_KEYS = "tests/unit/config/test_routing_keys.py::"
_MODELS = "tests/end_to_end/test_models.py::"
_OTHERS = "tests/unit/test_other_servers.py::"

# What does not show in who answers, and the test that shows it.
ELSEWHERE = {
    "registry_uri": _MODELS + "test_each_kind_of_uri_is_resolved",
    "server.host": "tests/unit/config/test_load.py::test_every_setting_reaches_its_field_in_the_unit_of_its_name",
    "server.port": "tests/unit/config/test_load.py::test_every_setting_reaches_its_field_in_the_unit_of_its_name",
    **dict.fromkeys(
        ("admin", "admin.host", "admin.port", "admin.token"), _KEYS + "test_the_admin_port_and_remote_servers"
    ),
    "remote": _OTHERS + "test_a_request_is_answered_by_another_server",
    "remote.headers": _OTHERS + "test_a_request_is_answered_by_another_server",
    "remote.connect_timeout": _OTHERS + "test_a_server_that_accepts_nobody_is_given_up_by_its_connect_timeout",
    "remote.max_answer": "tests/unit/serving/test_remote.py::test_more_than_may_be_is_not_taken",
    "models.memory_limit": _POOL + "test_the_least_recently_used_idle_model_makes_room",
    "models.idle_timeout": _POOL + "test_an_idle_model_is_unloaded_and_comes_back",
    "models.refresh_interval": _POOL + "test_a_uri_is_looked_up_as_often_as_its_terms_say",
    "models.load_timeout": _POOL + "test_a_load_takes_as_long_as_the_terms_of_its_uri_allow",
    "models.preload": _MODELS + "test_preloaded_models_are_there_before_the_first_request",
    "models.replicas": _POOL + "test_replicas_share_the_requests_and_are_replaced_when_they_end",
    **dict.fromkeys(
        ("models.batching", "models.batching.max_size", "models.batching.max_delay"),
        "tests/end_to_end/test_pool.py::test_merged_requests_get_the_answers_that_they_would_have_got_alone",
    ),
    "models.cache_limit": "tests/unit/serving/test_environment_folders.py::"
    "test_beyond_the_limit_the_least_recently_entered_go_with_their_links",
    "models.environment": "tests/end_to_end/test_environments.py::test_a_model_has_the_packages_that_it_asks_for",
    "models.env": "tests/end_to_end/test_secrets.py::test_a_model_sees_no_secret_in_its_environment",
    **dict.fromkeys(
        (f"model_endpoints[].routes[].shadow{key}" for key in ("", ".alias", ".model_uri")),
        "tests/unit/shadowing/test_shadows.py::test_an_answer_that_agrees_is_counted_with_both_durations",
    ),
    "model_endpoints[].routes[].shadow.sample": "tests/unit/shadowing/test_shadows.py::"
    "test_a_request_is_sampled_if_its_number_is_below_the_share",
    "model_endpoints[].routes[].shadow.tolerance": "tests/unit/shadowing/test_shadows.py::"
    "test_the_tolerance_is_the_shadows",
    **dict.fromkeys(
        (
            f"model_endpoints[].routes[].{owner}{key}"
            for owner in ("", "targets[].")
            for key in (
                "idle_timeout",
                "refresh_interval",
                "load_timeout",
                "preload",
                "replicas",
                "batching",
                "batching.max_size",
                "batching.max_delay",
                "environment",
            )
        ),
        _KEYS + "test_what_holds_for_each_model_is_what_its_target_says_and_else_what_models_says",
    ),
}


def used(value: object, prefix: str = "") -> Iterator[str]:
    """Every key of a configuration, as `docs/configuration.md` writes it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield prefix + key
            yield from used(inner, f"{prefix}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from used(inner, f"{prefix.removesuffix('.')}[].")


def test_every_key_of_the_configuration_is_shown_by_a_scenario_or_by_a_test_that_is_there():
    documented = set(
        re.findall(r"^\| `([a-z_.\[\]]+)` \|", (ROOT / "docs" / "configuration.md").read_text("utf-8"), re.MULTILINE)
    )
    shown: defaultdict[str, list[str]] = defaultdict(list)
    for folder in SCENARIOS:
        for key in used(yaml.safe_load((folder / "configuration.yaml").read_text("utf-8"))):
            shown[key].append(folder.name)
    assert documented - shown.keys() == ELSEWHERE.keys()
    for test in set(ELSEWHERE.values()):
        path, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), test
