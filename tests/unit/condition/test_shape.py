"""What belongs to the shape of a text, and what stands in it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.condition import Request, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.forms import MAX_FORMS, forms
from rulegate.condition.shape import dissect, places


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("request.path == 'a'", ("a",)),
        ('request.path == "a"', ("a",)),
        (r"re.search(r'\d', request.path)", (r"\d",)),
        ("1 < request.json < 2.5", (1, 2.5)),
        ("request.json in (-1, 'a')", (1, "a")),
        ("request.method in'a'", ("a",)),
    ],
)
def test_literals_are_no_part_of_a_shape(text, literals):
    assert dissect(text)[1] == literals


@pytest.mark.parametrize(
    "text",
    [
        "request.json['a'][0]",  # where to look
        "request.path == '' or request.json == 0 or request.json == 0.0",  # false
        r"request.path == '\n' or request.path == '\x41'",  # escapes may be wrong
        "request.path == '\u200b' or request.path == '\ue000'",  # characters may be hidden
        f"request.path == '{'a' * (v.MAX_TEXT_LENGTH + 1)}'",
        f"request.json == {'9' * (v.MAX_INTEGER_DIGITS + 1)}",
        "request.json == 1e5 or request.json == .5 or request.json == 1. or request.json == 007",
        "x1 == 1x == 1_0",
        "'unclosed",
    ],
)
def test_what_may_be_wrong_or_change_a_warning_stays_in_the_shape(text):
    shape, literals, written = dissect(text)
    assert literals == ()
    assert written == []
    assert "".join(shape) == text


def test_a_text_that_is_too_long_is_not_looked_at():
    assert dissect("'a'" * v.MAX_LENGTH) == (("'a'" * v.MAX_LENGTH,), (), [])


def test_integers_that_make_a_slice_long_are_of_another_shape():
    assert dissect(f"request.path[-{v.MAX_TEXT_LENGTH}:]")[0] == dissect("request.path[-1:]")[0]
    assert dissect(f"request.path[-{v.MAX_TEXT_LENGTH + 1}:]")[0] != dissect("request.path[-1:]")[0]


@given(
    st.lists(st.sampled_from(["'a'", '"b"', "r'c'", "0", "12", "0.5", "[", "]", " ", ".", "x", "'", "\\", "_"])).map(
        "".join
    )
)
def test_the_places_are_those_of_the_literals(text):
    shape, literals, written = dissect(text)
    found = places(shape, written)
    assert [text[place.start : place.end] for place in found] == written
    assert len(found) == len(literals)
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))


def test_so_many_forms_are_kept_and_no_more():
    forms.cache_clear()
    compiled = [compile_condition(f"request.json['a']['{n}'] == 7") for n in range(MAX_FORMS + 10)]
    first, last = (dissect(condition.text)[0] for condition in (compiled[0], compiled[-1]))
    assert forms().get(first) is None
    assert forms().get(last) is not None
    for n, condition in enumerate(compiled):
        assert condition.matches(Request(json={"a": {str(n): 7}}))
        assert not condition.matches(Request(json={"a": {str(n): 8}}))
