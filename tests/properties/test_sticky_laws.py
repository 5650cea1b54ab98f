"""Whatever the weights: a value keeps its target unless a weight that concerns it changes, on any machine."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal, localcontext
from hashlib import sha256
from typing import Any

import hypothesis.strategies as st
from hypothesis import assume, given, settings

from rulegate.condition import Request, compile_condition
from rulegate.routing import Target
from rulegate.routing.sticky import Draw, Stakes, encode

positive = st.one_of(
    st.integers(1, 100).map(float),
    st.floats(1e-3, 1e3),
    st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
names = st.text("abcdefghij-_0123456789", min_size=1, max_size=4)
weights = st.dictionaries(names, positive, min_size=1, max_size=6)
scalars = st.one_of(
    st.text(max_size=5),
    st.characters(categories=["Cs"]),
    st.integers(),
    st.integers(-2, 2),
    st.floats(),
    st.integers(-4, 4).map(lambda number: number / 2),
    st.booleans(),
)
values = st.text(max_size=8).map(encode)


def stakes(weights: dict[str, float]) -> Stakes:
    return Stakes("e", "r", [Target(alias, "models:/m/1", weight) for alias, weight in weights.items()])


def picked(weights: dict[str, float], value: bytes) -> str:
    return stakes(weights).pick(value).alias


@given(scalars, scalars)
def test_values_have_the_same_bytes_if_and_only_if_they_are_equal_and_truths_are_no_numbers(
    one: Any, other: Any
) -> None:
    assume(one == one and other == other)  # NaN equals nothing
    equal = one == other and isinstance(one, bool) == isinstance(other, bool)
    assert (encode(one) == encode(other)) == equal


@given(scalars)
def test_values_are_written_as_buckets_hash_them(value: Any) -> None:
    bucket = compile_condition("bucket(request.json, 1000000)").value(Request(json=value))
    assert int.from_bytes(sha256(b"\0" + encode(value)).digest()[:8]) * 1_000_000 >> 64 == bucket


@given(weights, values, st.data())
def test_raising_a_weight_moves_values_to_that_target_only(
    weights: dict[str, float], value: bytes, data: st.DataObject
) -> None:
    raised = data.draw(st.sampled_from([*weights]))
    heavier = data.draw(st.floats(min_value=weights[raised], allow_infinity=False))
    before, after = picked(weights, value), picked({**weights, raised: heavier}, value)
    assert after in (before, raised)


@given(weights, values, st.data())
def test_a_target_that_goes_gives_its_values_away_and_the_others_keep_theirs(
    weights: dict[str, float], value: bytes, data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from([*weights]))
    rest = {alias: weight for alias, weight in weights.items() if alias != gone}
    assume(rest)
    before, after = picked(weights, value), picked(rest, value)
    assert after == before or before == gone


@given(st.dictionaries(names, st.integers(1, 20).map(float), min_size=2, max_size=6), st.text(max_size=5))
@settings(max_examples=20)
def test_values_are_spread_as_the_weights_say(weights: dict[str, float], prefix: str) -> None:
    number = 5_000
    counts = Counter(picked(weights, encode(f"{prefix}{one}")) for one in range(number))
    expected = {alias: number * weight / sum(weights.values()) for alias, weight in weights.items()}
    # Chance alone exceeds this once in 10 ** 15.
    assert sum((counts[alias] - mean) ** 2 / mean for alias, mean in expected.items()) < 80


@given(weights, values)
def test_the_order_of_targets_does_not_matter(weights: dict[str, float], value: bytes) -> None:
    assert picked(weights, value) == picked(dict(reversed(weights.items())), value)


@given(weights, st.sampled_from([0.5, 2.0, 1024.0]), values)
def test_only_shares_matter_and_not_the_sum(weights: dict[str, float], factor: float, value: bytes) -> None:
    scaled = {alias: weight * factor for alias, weight in weights.items()}
    assume(all(scaled[alias] / factor == weight and math.isfinite(scaled[alias]) for alias, weight in weights.items()))
    assert picked(weights, value) == picked(scaled, value)


@given(weights, values)
def test_the_least_score_wins_as_real_numbers_have_it(weights: dict[str, float], value: bytes) -> None:
    assert picked(weights, value) == exactly(stakes(weights).draws(value))


@given(st.lists(names, min_size=2, max_size=5, unique=True), values, st.floats(1e-3, 1e3), st.integers(-2, 2))
def test_scores_that_floating_point_cannot_tell_apart_are_told_apart(
    aliases: list[str], value: bytes, weight: float, steps: int
) -> None:
    # Weights that give each target the score of the first, as nearly as floating point can.
    draws = stakes(dict.fromkeys(aliases, 1.0)).draws(value)
    wanted = draws[0].score / weight
    near = {draw.target.alias: draw.score / wanted for draw in draws}
    last = aliases[-1]
    near[last] += steps * math.ulp(near[last])
    assert picked(near, value) == exactly(stakes(near).draws(value))


def exactly(draws: tuple[Draw, ...]) -> str:
    """The winner by logarithms of many more digits."""
    with localcontext(prec=120):
        scores = {draw.target.alias: -Decimal(draw.u).ln() / Decimal(draw.target.weight) for draw in draws}
    return min(scores, key=lambda alias: (scores[alias], alias))
