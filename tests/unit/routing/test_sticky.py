"""Which target a value sticks to is known for ever: golden values, by the method as it is documented."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from hashlib import blake2b
from pathlib import Path

import pytest

from rulegate.routing import Target
from rulegate.routing.sticky import MAX_LENGTH, Stakes, encode

ROOT = Path(__file__).parents[3]

WEIGHTS = {"stable": 40.0, "canary": 35.0, "next": 25.0}

GOLDEN = {
    "user-8": "next",
    "user-14": "stable",
    "user-15": "next",
    "user-16": "stable",
    "user-17": "canary",
    "user-18": "stable",
    "user-19": "canary",
    "": "stable",
    "ünïcode": "stable",
    "😀": "stable",
    "\ud800": "next",
    "1": "stable",
    1: "canary",
    1.5: "stable",
    -7: "stable",
    0: "next",
    10**30: "stable",
    "x" * MAX_LENGTH: "stable",
}
"""To change one of these is to send users to other models."""

SCRIPT = """
from rulegate.routing import Target
from rulegate.routing.sticky import Stakes, encode

def picked(weights, values):
    targets = [Target(alias, "models:/m/1", weight) for alias, weight in weights.items()]
    stakes = Stakes("sentiment", "experiment", targets)
    return {value: stakes.pick(encode(value)).alias for value in values}
"""


def stakes(weights: dict[str, float], model_uri: str = "models:/m/1") -> Stakes:
    return Stakes("sentiment", "experiment", [Target(alias, model_uri, weight) for alias, weight in weights.items()])


def as_documented(value: str | int, weights: dict[str, float]) -> str:
    """The method, as the documentation has it."""
    text = f"s{value}" if isinstance(value, str) else f"n{value}"
    scores = {}
    for alias, weight in weights.items():
        message = f"sentiment/experiment/{alias}/{text}".encode("utf-8", "surrogatepass")
        digest = blake2b(message, digest_size=8).digest()
        with localcontext(prec=40):
            u = Decimal(int.from_bytes(digest, "big") >> 11 | 1) / 2**53
            scores[alias] = -u.ln() / Decimal(weight)
    return min(scores, key=scores.__getitem__)


def test_each_value_keeps_its_target_for_ever():
    assert {value: stakes(WEIGHTS).pick(encode(value)).alias for value in GOLDEN} == GOLDEN


@pytest.mark.parametrize("value", GOLDEN)
def test_others_can_tell_it_by_the_documented_method(value: str | int):
    assert as_documented(value, WEIGHTS) == GOLDEN[value]


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_it_is_the_same_in_every_process(seed: str):
    program = f"{SCRIPT}\nprint(ascii(picked({WEIGHTS!r}, {[*GOLDEN]!a})))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ast.literal_eval(done.stdout) == GOLDEN


def test_the_model_does_not_matter_so_that_a_promoted_one_keeps_its_users():
    promoted = stakes(WEIGHTS, "models:/m@champion")
    assert {value: promoted.pick(encode(value)).alias for value in GOLDEN} == GOLDEN


def test_routes_and_endpoints_stick_independently():
    values = [encode(f"user-{number}") for number in range(1_000)]
    halves = [Target("a", "models:/m/1"), Target("b", "models:/m/1")]
    one, *others = [
        [Stakes(endpoint, route, halves).pick(value).alias for value in values]
        for endpoint, route in (("e", "r"), ("e", "s"), ("f", "r"))
    ]
    for other in others:
        assert 430 < sum(map(str.__eq__, one, other)) < 570


@pytest.mark.parametrize("value", [None, [1], {}, "x" * (MAX_LENGTH + 1), 10**MAX_LENGTH, (1,), {1}])
def test_nothing_sticks_to_what_is_no_text_or_number_or_too_long(value: object):
    assert encode(value) is None


@pytest.mark.parametrize(
    "value", ["x" * MAX_LENGTH, 10**MAX_LENGTH - 1, 1 - 10**MAX_LENGTH, float("nan"), float("-inf")]
)
def test_everything_up_to_the_bound_sticks(value: object):
    assert encode(value)
