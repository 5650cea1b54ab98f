"""What belongs to the shape of a text, and what stands in it."""

import dis
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.condition import Request, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.forms import MAX_FORMS, forms
from rulegate.condition.shape import dissect, places
from rulegate.condition.truth import Use


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("request.path == 'a'", ("a",)),
        ('request.path == "a"', ("a",)),
        (r"re.search(r'\d', request.path)", (r"\d",)),
        ('request.path == R"a"', ("a",)),
        (f"request.path == '{'a' * v.MAX_TEXT_LENGTH}'", ("a" * v.MAX_TEXT_LENGTH,)),
        (f"request.json == {'9' * v.MAX_INTEGER_DIGITS}", (int("9" * v.MAX_INTEGER_DIGITS),)),
        ("request.path == 'a'" + " " * (v.MAX_LENGTH - 19), ("a",)),
        # What stays in the shape keeps nothing else in it.
        (f"request.json[0] in ('', r'', '\\n', {'9' * 19}, 0.0, 0, 'a')", ("a",)),
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
    assert dissect(f"request.path[-{v.MAX_SHORT_SLICE}:]")[0] == dissect("request.path[-1:]")[0]
    assert dissect(f"request.path[-{v.MAX_SHORT_SLICE + 1}:]")[0] != dissect("request.path[-1:]")[0]


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


SIBLINGS = [
    ("request.path == '/a'", "request.path == '/b'", False, True),
    ("request.json['n'] == 7", "request.json['n'] == 5", False, True),
    ("request.json['n'] > 2.5", "request.json['n'] > 5.5", True, False),
    ("-request.json['n'] == -7", "-request.json['n'] == -5", False, True),
    ("request.json['n'] in (7, 8)", "request.json['n'] in (4, 5)", False, True),
    ("request.json['n'] not in [7, 8]", "request.json['n'] not in [4, 5]", True, False),
    ("request.json['n'] in {7, 8}", "request.json['n'] in {4, 5}", False, True),
    ("request.json['t'] == [7, -8]", "request.json['t'] == [5, -6]", False, True),
    (
        "(request.json['n'], 'a') in [(7, 'a'), (5, 'b')]",
        "(request.json['n'], 'a') in [(7, 'b'), (5, 'a')]",
        False,
        True,
    ),
    ("(request.json['n'], 1) == (7, 1)", "(request.json['n'], 2) == (5, 2)", False, True),
    ("{1, 2} == {2, 3}", "{1, 2} == {2, 1}", False, True),
    ("request.json['n'] + 1 + True == 7", "request.json['n'] + 1 + True == 8", True, False),
    ("'X-C' in request.headers", "'X-B' in request.headers", False, True),
    ("request.headers.get('X-C', 'a') == 'b'", "request.headers.get('X-C', 'b') == 'b'", False, True),
    ("re.search('a', request.path)", "re.search('b', request.path)", False, True),
    ("ip_in(request.remote_addr, '10.0.0.0/8')", "ip_in(request.remote_addr, '::1')", False, True),
    ("ip_in(request.remote_addr, ['10.0.0.0/8', '::2'])", "ip_in(request.remote_addr, ['::1', '::2'])", False, True),
    ("round(2.567, 1) == 2.57", "round(2.567, 2) == 2.57", False, True),
    ("bucket('user-1', 100) == 78", "bucket('user-2', 100) == 78", True, False),
    ("bucket('user-1', 100, salt='a') == 69", "bucket('user-1', 100, salt='2025') == 69", False, True),
    ("now_time('UTC') == '12:00:00'", "now_time('Europe/Berlin') == '12:00:00'", True, False),
    ("any(x == 7 for x in [5, 6])", "any(x == 5 for x in [5, 6])", False, True),
    ("any(x == 7 for x in request.json['t'] if x > 4)", "any(x == 5 for x in request.json['t'] if x > 3)", False, True),
    ("'abc'[1:2] == 'c'", "'abc'[1:2] == 'b'", False, True),
    ("'abc'[2:3] == 'b'", "'abc'[1:2] == 'b'", False, True),
    ("'abc'[-2:] == 'c'", "'abc'[-1:] == 'c'", False, True),
    ("request.path in ['/a', request.method]", "request.path in ['/b', request.method]", False, True),
    ("(request.json['n'], True) in [(7, True)]", "(request.json['n'], True) in [(5, True)]", False, True),
    (
        r"ip_in(request.remote_addr, ['10.0.0.0/8', '\x3a:2'])",
        r"ip_in(request.remote_addr, ['::/127', '\x3a:2'])",
        False,
        True,
    ),
]
"""Pairs of one shape, and the truth of each for the request below."""


@pytest.mark.parametrize(("first", "second", "of_first", "of_second"), SIBLINGS)
def test_conditions_of_one_shape_differ_in_their_literals_alone(first, second, of_first, of_second):
    request = {
        "json": {"n": 5, "t": [5, -6]},
        "headers": {"X-A": "b", "X-B": "a"},
        "path": "/b",
        "remote_addr": "::1",
        "now": "2025-01-01T12:00:00+00:00",
    }
    assert dissect(first)[0] == dissect(second)[0]
    forms.cache_clear()
    for text, truth in ((first, of_first), (second, of_second), (first, of_first)):
        condition = compile_condition(text)
        assert condition.text == text
        assert condition.matches(Request(**request)) is truth
        assert condition.verdict(Request(**request)) is truth
        assert condition.value(Request(**request)) is truth
        assert condition.explain(Request(**request)).matches is truth


@pytest.mark.parametrize(
    "text", ["request.json in ['a', 2]", "request.json in {'a', 2}", "request.json in [('a', 1), ('b', 2)]"]
)
def test_a_collection_of_literals_is_not_made_again_for_each_request(text):
    made = {instruction.opname for instruction in dis.get_instructions(compile_condition(text).matches)}
    assert not made & {"BUILD_LIST", "BUILD_SET", "BUILD_TUPLE"}


def test_so_many_forms_are_kept_and_no_more():
    forms.cache_clear()
    compiled = [compile_condition(f"request.json['a']['{n}'] == 7") for n in range(MAX_FORMS + 10)]
    first, last = ((dissect(each.text)[0], Use.TRUTH, frozenset()) for each in (compiled[0], compiled[-1]))
    assert forms().get(first) is None
    assert forms().get(last) is not None
    for n, condition in enumerate(compiled):
        assert condition.matches(Request(json={"a": {str(n): 7}}))
        assert not condition.matches(Request(json={"a": {str(n): 8}}))
