"""The examples are right, and send requests where their comments say."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulegate import Gateway, Request, load_config

EXAMPLES = Path(__file__).parents[2] / "examples"
INPUTS = {"inputs": ["a text"]}


def test_every_example_is_listed_with_what_it_shows():
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for example in EXAMPLES.glob("*.yaml"):
        assert f"[{example.name}]({example.name})" in listed


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_has_no_fault(example: Path):
    found = [str(warning.code) for warning in load_config(example, variables={}).warnings]
    # The article's first step, before there is a condition.
    assert found == (["RG320"] if example.stem == "two_models" else [])


@pytest.mark.parametrize(
    ("example", "request_", "expected"),
    [
        ("ab_test", Request(headers={"X-User-Id": "ada"}), ("experiment", "b")),
        ("ab_test", Request(headers={"X-User-Id": "dave"}), ("experiment", "a")),
        ("sticky", Request(json={"account": 2}), ("by-account", "north")),
        ("sticky", Request(json={"account": 8}), ("by-account", "south")),
        ("sticky", Request(json=INPUTS), ("rest", "rest")),
        ("sticky", Request(), ("rest", "rest")),
        ("shadow", Request(json=INPUTS), ("model", "model")),
        ("fallback", Request(headers={"X-Tier": "gold"}), ("accurate", "accurate")),
        ("fallback", Request(), ("fast", "fast")),
        ("deny", Request(headers={"X-Tenant": "evil"}), ("blocked", None)),
        ("deny", Request(headers={"X-Tenant": "N0b0dy"}), ("unknown", None)),
        ("deny", Request(), ("unknown", None)),
        ("deny", Request(headers={"X-Tenant": "acme"}, json={"inputs": [0] * 1001}), ("large", None)),
        ("deny", Request(headers={"X-Tenant": "acme"}, json={"inputs": 5}), ("model", "model")),
        ("deny", Request(headers={"X-Tenant": "acme"}, json=INPUTS), ("model", "model")),
        ("external", Request(external={"risk": {"tier": "gold"}}), ("gold", "gold")),
        ("external", Request(external={"risk": {"tier": "standard"}}), ("standard", "standard")),
    ],
)
def test_a_request_goes_where_the_example_says(example: str, request_: Request, expected: tuple[str, str | None]):
    decision = Gateway(load_config(EXAMPLES / f"{example}.yaml", variables={})).decide(None, request_)
    assert (decision.route, decision.target) == expected
