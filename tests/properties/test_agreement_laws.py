"""Two answers agree if they say the same, numbers within the tolerance, whatever they look like."""

from __future__ import annotations

import copy
import json
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rulegate.shadowing import difference

TOLERANCE = 1e-6
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.text(max_size=5) | NUMBERS
ANSWERS = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def encoded(answer, **how) -> bytes:
    return json.dumps(answer, **how).encode()


def differ(one, two, tolerance: float = TOLERANCE) -> str | None:
    return difference(encoded(one), encoded(two), tolerance)


def reordered(value):
    match value:
        case dict():
            return {key: reordered(inner) for key, inner in reversed(value.items())}
        case list():
            return [reordered(inner) for inner in value]
    return value


def places(value, path=()):
    """Every leaf of a value, by its path."""
    if isinstance(value, (list, dict)) and value:
        for key in range(len(value)) if isinstance(value, list) else value:
            yield from places(value[key], (*path, key))
    elif not isinstance(value, (list, dict)):
        yield path


def at(value, path):
    for key in path:
        value = value[key]
    return value


def changed(value, path, new):
    whole = [copy.deepcopy(value)]
    *way, last = (0, *path)
    at(whole, way)[last] = new
    return whole[0]


@given(ANSWERS)
def test_blanks_and_the_order_of_keys_make_no_difference(answer):
    assert difference(encoded(answer, indent=2), encoded(reordered(answer), ensure_ascii=False), 0.0) is None


@given(st.data(), ANSWERS, LEAVES)
def test_a_leaf_that_says_something_else_is_a_difference(data, answer, other):
    paths = list(places(answer))
    assume(paths)
    path = data.draw(st.sampled_from(paths))
    leaf = at(answer, path)
    numbers = [isinstance(one, (int, float)) and not isinstance(one, bool) for one in (leaf, other)]
    same = leaf == other if all(numbers) else type(leaf) is type(other) and leaf == other
    found = difference(encoded(answer), encoded(changed(answer, path, other)), 0.0)
    assert (found is None) == same


@given(ANSWERS, ANSWERS, st.floats(0, 10))
def test_agreement_knows_no_order(one, two, tolerance):
    assert (differ(one, two, tolerance) is None) == (differ(two, one, tolerance) is None)


@given(NUMBERS, NUMBERS, st.floats(0, 10))
def test_numbers_agree_within_the_tolerance_of_the_larger_one_or_of_one(one, two, tolerance):
    try:
        close = math.isclose(one, two, rel_tol=tolerance, abs_tol=tolerance)
    except OverflowError:
        return
    assert (differ([one], [two], tolerance) is None) == close


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_can_be_compared(one, two):
    assert difference(one, one, 0.0) is None
    found = difference(one, two, 0.0)
    assert found is None or "\n" not in found


@pytest.mark.parametrize(
    ("one", "two", "found"),
    [
        (["positive"], ["negative"], "a value differs"),
        ([True], [1], "the types differ"),
        ([None], [0], "the types differ"),
        ([None], ["null"], "the types differ"),
        (["1"], [1], "the types differ"),
        ([1], [1.0], None),
        ([1.0], [1.0000001], None),
        ([1.0], [1.001], "a number differs by more than the tolerance"),
        ([0.0], [1e-7], None),
        ([1, 2], [1, 2, 3], "the shapes differ"),
        ([1], 1, "the shapes differ"),
        (1, [1], "the shapes differ"),
        ([], {}, "the shapes differ"),
        ([{"a": 1}], [{"b": 1}], "the shapes differ"),
        ([{"a": 1}], [{"a": 1, "b": 1}], "the shapes differ"),
        ([10**400], [10**400 + 1], None),
        ([10**400], [2 * 10**400], "a number differs by more than the tolerance"),
        ([10**400], [1.0], "a number differs by more than the tolerance"),
        ([10**400], [math.inf], "a number differs by more than the tolerance"),
        ([10**400], [math.nan], "a number differs by more than the tolerance"),
        ([math.nan], [math.nan], None),
        ([math.nan], [1.0], "a number differs by more than the tolerance"),
        ([math.inf], [math.inf], None),
        ([math.inf], [-math.inf], "a number differs by more than the tolerance"),
    ],
)
def test_what_counts_as_the_same(one, two, found):
    assert differ(one, two) == found


def test_only_the_predictions_count_where_both_have_them():
    assert differ({"predictions": [1], "model": "a"}, {"predictions": [1], "model": "b"}) is None
    assert differ({"predictions": [1]}, [1]) == "the shapes differ"
    assert differ({"choices": [1]}, {"choices": [2]}) == "a number differs by more than the tolerance"


def test_what_is_no_json_agrees_with_itself_alone():
    assert difference(b"<html>", b"<html>", 0.0) is None
    assert difference(b"<html>", b"{}", 0.0) == "they are not both JSON"
    assert difference(b"[" * 100_000, b"{}", 0.0) == "they are not both JSON"
    deep = b"[" * 900 + b"%d" + b"]" * 900
    assert difference(deep % 1, deep % 2, 0.0) == "a number differs by more than the tolerance"
