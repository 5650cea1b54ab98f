"""Each folder here is a scenario: a configuration, requests, and what they get from the real WSGI application.

README.md tells the words in which a scenario is written. Models are played by fakes at the seams of the pool; all else
is real.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rulegate.config import ConfigError, load_config
from tests.scenarios.play import Play, wait_until

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCENARIOS = sorted(path.parent for path in HERE.glob("*/requests.yaml"))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_every_request_of_a_scenario_gets_what_is_expected(folder: Path):
    scenario = yaml.safe_load((folder / "requests.yaml").read_text(encoding="utf-8"))
    assert scenario.keys() <= {"about", "models", "services", "servers", "requests", "refused"}
    if "refused" in scenario:
        with pytest.raises(ConfigError) as refused:
            load_config(folder / "configuration.yaml")
        assert [one.code for one in refused.value.diagnostics] == scenario["refused"]
        return
    play = Play(folder / "configuration.yaml", scenario)
    try:
        for number, request in enumerate(scenario["requests"], 1):
            play.cast.meanings |= request.get("means", {})
            if "later" in request:
                play.pass_time(request["later"])
            with play.busy(request.get("busy", {})):
                got = [play.ask(request) for _ in range(request.get("times", 1))]
            check(play, got, request.get("expected", {}), f"request {number} of {folder.name}")
    finally:
        play.close()


def check(play: Play, got: list[dict[str, Any]], expected: dict[str, Any], which: str) -> None:
    """Holds answers against an expectation; what it does not name may be anything, but for a fallback and a failure."""
    expected = {"status": 200, "fallback_from": None} | expected
    if "spread" in expected:
        # How often each target answered; a list says only which ones did.
        targets = Counter(answer["target"] for answer in got)
        spread = expected.pop("spread")
        assert (targets if isinstance(spread, dict) else sorted(targets)) == spread, which
    if "copies" in expected:
        copies = expected.pop("copies")
        wait_until(lambda: sum(play.copies().values()) >= sum(copies.values()))
        assert play.copies() == copies, which
    if "loads" in expected:
        loads = expected.pop("loads")
        wait_until(lambda: play.cast.loads.total() >= sum(loads.values()))
        assert play.cast.loads == loads, which
    for answer in got:
        assert {name: answer[name] for name in expected} == expected, (which, answer)


_MODELS = "tests/end_to_end/test_models.py::"
_LISTENING = "tests/end_to_end/test_listening.py::"

# What only a gateway with a registry, a disk and processes of its own can show, and the test that does.
ELSEWHERE = {
    "registry_uri": _MODELS + "test_each_kind_of_uri_is_resolved",
    **dict.fromkeys(
        ("server.host", "server.port"),
        _LISTENING + "test_the_host_and_the_port_are_those_of_the_file_or_of_the_command_line",
    ),
    "models.cache_limit": _MODELS + "test_beyond_the_limit_of_the_cache_the_files_of_models_that_are_not_loaded_go",
    "models.env": "tests/end_to_end/test_secrets.py::test_a_model_sees_no_secret_in_its_environment",
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
