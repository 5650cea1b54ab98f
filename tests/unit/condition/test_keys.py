"""Keys are taken from what must be true of a request for a match, and from nothing else."""

from __future__ import annotations

import pytest

from rulegate.condition import BudgetExceededError, MalformedBodyError, Request, compile_condition
from rulegate.condition.compile import ERRED
from rulegate.condition.condition import reader
from rulegate.condition.keys import Key, Relation
from rulegate.condition.subjects import MAX_LENGTH, Subject
from rulegate.condition.vocabulary import SHARED_BUDGET

HEADER = Subject("request.headers['x-t']", reads_body=False)
BODY = Subject("request.json['a'][0]", reads_body=True)


def found(condition: str, *, errors_count: bool = False) -> list[tuple[str, str, set[object]]]:
    keys = compile_condition(condition).keys(errors_count=errors_count)
    return [(str(key.subject), key.relation.name, set(key.constants)) for key in keys]


@pytest.mark.parametrize(
    ("condition", "subject", "relation", "constants"),
    [
        ("request.headers['X-T'] == 'a'", "request.headers['x-t']", "EQUALS", {"a"}),
        ("'a' == request.headers['X-T']", "request.headers['x-t']", "EQUALS", {"a"}),
        ("request.headers.get('X-T') == 'a'", "request.headers.get('x-t')", "EQUALS", {"a"}),
        ("request.headers.get('X-T', 'b') == 'a'", "request.headers.get('x-t', 'b')", "EQUALS", {"a"}),
        ("request.args['P'] == '1'", "request.args['P']", "EQUALS", {"1"}),
        ("request.cookies.get('C', None) == '1'", "request.cookies.get('C')", "EQUALS", {"1"}),
        ("request.method == 'POST'", "request.method", "EQUALS", {"POST"}),
        ("request.content_length == 0", "request.content_length", "EQUALS", {0}),
        ("request.json() == -1.5", "request.json", "EQUALS", {-1.5}),
        ("request.json['a'][-1] == 1", "request.json['a'][-1]", "EQUALS", {1}),
        ('request.get_json()["a"] == 1', "request.json['a']", "EQUALS", {1}),
        ("request.get_json().get('a').get('b', 2) == 1", "request.json.get('a').get('b', 2)", "EQUALS", {1}),
        ("request.json['a'] in ('x', 1, None)", "request.json['a']", "EQUALS", {"x", 1, None}),
        ("request.json['a'] in ['x']", "request.json['a']", "EQUALS", {"x"}),
        ("request.json['a'] in {'x', 'y'}", "request.json['a']", "EQUALS", {"x", "y"}),
        ("request.json['a'] in ()", "request.json['a']", "EQUALS", set()),
        ("request.json['a'] is None", "request.json['a']", "EQUALS", {None}),
        ("request.path.startswith('/a')", "request.path", "STARTS", {"/a"}),
        ("request.path.startswith(('/a', '/b', '/a/c', '/ab'))", "request.path", "STARTS", {"/a", "/b"}),
        ("request.path.endswith(('a', 'b', 'ca', 'ba'))", "request.path", "ENDS", {"a", "b"}),
        ("request.path == '/a' or request.path in ('/b', '/c')", "request.path", "EQUALS", {"/a", "/b", "/c"}),
        ("request.path.startswith('/a') or request.path.startswith('/ab')", "request.path", "STARTS", {"/a"}),
        ("'a' in request.headers['X-T']", "request.headers['x-t']", "HOLDS", {"a"}),
        ("request.json['a'] < 1", "request.json['a']", "LESS", {1}),
        ("1 >= request.json['a']", "request.json['a']", "LESS_EQUAL", {1}),
        ("request.json['a'] > -1", "request.json['a']", "GREATER", {-1}),
        ("'a' <= request.json['a']", "request.json['a']", "GREATER_EQUAL", {"a"}),
        ("request.json['a'] < 1 or request.json['a'] < 2 or 0 > request.json['a']", "request.json['a']", "LESS", {2}),
        ("request.json['a'] >= 1 or request.json['a'] >= 2", "request.json['a']", "GREATER_EQUAL", {1}),
        ("request.method.lower() == 'post'", "request.method.lower()", "EQUALS", {"post"}),
        ("len(request.json()) == 1", "len(request.json)", "EQUALS", {1}),
        (
            "request.headers.get('X-T', request.method) == 'a'",
            "request.headers.get('x-t', request.method)",
            "EQUALS",
            {"a"},
        ),
        ("request.json[request.headers['X-T']]==1", "request.json[request.headers['x-t']]", "EQUALS", {1}),
        ("bucket(request.path, 10, salt='s') < 3", "bucket(request.path, 10, salt='s')", "LESS", {3}),
        ("now_weekday('Europe/Berlin') in (5, 6)", "now_weekday('Europe/Berlin')", "EQUALS", {5, 6}),
    ],
)
def test_one_value_held_against_constants_is_a_key(condition: str, subject: str, relation: str, constants: set[object]):
    assert found(condition) == [(subject, relation, constants)]


@pytest.mark.parametrize(
    "condition",
    [
        "request.method != 'POST'",
        "not request.method == 'POST'",
        "request.json['a']",
        "request.is_json",
        "request.json['a'] not in (1, 2)",
        "request.json['a'] is not None",
        "request.json['a'] == request.json['b']",
        "request.json['a'] in 'text'",
        "'x-t' in request.headers",
        "'a' in request.json.keys()",
        "1 in request.json",
        "request.json['a'] == [1]",
        "request.json['a'] in (1, (2, 3))",
        "request.json['a'] in (1, request.method)",
        "request.json['a'] < request.json['b']",
        "request.path.startswith('/a', 1)",
        "request.path.startswith(request.method)",
        "request.path.startswith(('/a', request.method))",
        "request.path == '/a' or request.method == 'POST'",
        "request.path == '/a' or request.path.startswith('/b')",
        "request.path == '/a' or request.is_json",
        "request.json['a'] < 1 or request.json['a'] < 'a'",
        "'a' in request.path or 'b' in request.path",
        "request.is_json or request.json['a'] and request.json['b']",
    ],
)
def test_another_part_is_a_key_as_a_whole(condition: str):
    assert found(condition) == [(condition, "TRUE", set())]


@pytest.mark.parametrize(
    "condition", ["1 == 1", "1", "'a'.startswith('a')", f"request.path.count('{'a' * MAX_LENGTH}')"]
)
def test_what_reads_nothing_or_is_very_long_is_no_key(condition: str):
    assert found(condition) == []


def test_however_long_the_literals_of_a_shape_are_a_subject_is_short_enough_to_stand_alone():
    for length in (10, 2_000):
        words = [letter * length for letter in "ab"]
        condition = compile_condition(
            f"request.path.count('{words[0]}') + request.path.count('{words[1]}') > 1 and 1 > 0"
        )
        assert len(condition.keys(errors_count=False)) == (length == 10)


def test_a_chain_is_several_keys():
    assert found("18 < request.json['a'] <= 65") == [
        ("request.json['a']", "GREATER", {18}),
        ("request.json['a']", "LESS_EQUAL", {65}),
    ]
    assert found("request.json['a'] == request.json['b'] != 1") == [
        ("request.json['a'] == request.json['b']", "TRUE", set()),
        ("request.json['b'] != 1", "TRUE", set()),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("request.headers['X-T'] == 'a'", "'b' == request.headers [ 'x-T' ]"),
        ("request.headers.get('X-T', 'é') == 'a'", 'request.headers.get("x-t", "é") == "b"'),
        ("request.json()['a'].get('b') == 'a'", "request.json['a'].get('b', None) == 'b'"),
        ("request.json['a']+request.json['b'] == 1", "request.json['a'] + request.json['b'] == 2"),
        ("(request.json['a']) > 1", "request.json['a'] > 2"),
        ("bucket(request.path, 10) < 3", "bucket( request.path, 10 ) < 4"),
    ],
)
def test_however_it_is_written_the_subject_is_the_same(one: str, other: str):
    (key,), (another,) = (compile_condition(text).keys(errors_count=False) for text in (one, other))
    assert key.subject == another.subject
    assert key.about == another.about


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("request.headers.get('X-T', 'a') == 'a'", "request.headers.get('X-T', 'b') == 'a'"),
        ("request.headers.get('X-A', 'a') == 'a'", "request.headers.get('X-B', 'a') == 'a'"),
        ("request.args.get('A', 'a') == 'a'", "request.args.get('a', 'a') == 'a'"),
        ("request.json['a'] % 10 == 1", "request.json['a'] % 11 == 1"),
        ("request.json['a'] * 1.5 == 1", "request.json['a'] * 2.5 == 1"),
        ("request.json['a'] < 1", "request.json['a'] < 'a'"),
        ("request.json['a'] < 1", "request.json['a'] <= 1"),
    ],
)
def test_keys_of_one_shape_with_other_literals_are_about_something_else(one: str, other: str):
    (key,), (another,) = (compile_condition(text).keys(errors_count=False) for text in (one, other))
    assert key.about != another.about


def test_every_part_that_must_be_true_gives_its_key_in_the_order_of_evaluation():
    condition = "request.json['a'] > 1 and (request.method == 'POST' and request.is_json) and request.path == '/'"
    assert [subject for subject, _, _ in found(condition)] == [
        *("request.json['a']", "request.method", "request.is_json", "request.path")
    ]


@pytest.mark.parametrize(
    ("condition", "subjects"),
    [
        ("request.method == 'POST' and request.path == '/'", ["request.method", "request.path"]),
        ("request.headers['X-T'] == 'a' and request.path == '/'", ["request.headers['x-t']"]),
        ("request.is_json and request.path == '/'", ["request.is_json", "request.path"]),
        ("not request.is_json and request.path == '/'", ["not request.is_json", "request.path"]),
        ("request.method != 'A' and request.path == '/'", ["request.method != 'A'", "request.path"]),
        ("'a' in request.path and request.path == '/'", ["request.path", "request.path"]),
        ("request.path > 'a' and request.path == '/'", ["request.path", "request.path"]),
        ("request.content_length > 1 and request.path == '/'", ["request.content_length"]),
        ("len(request.path) == 1 and request.path == '/'", ["len(request.path)"]),
        ("(request.is_json or request.json) and request.path == '/'", ["request.is_json or request.json"]),
        ("1 == 1 and request.path == '/'", []),
        ("request.headers.get('X-T') == 'a' and request.path == '/'", ["request.headers.get('x-t')", "request.path"]),
        ("request.remote_addr.startswith('1') and request.path == '/'", ["request.remote_addr"]),
        ("request.headers.get('X-T').startswith('1') and request.path == '/'", ["request.headers.get('x-t')"]),
        ("request.path.startswith('/') and request.method == 'POST'", ["request.path", "request.method"]),
        ("request.json == 1 and request.path == '/'", ["request.json"]),
    ],
)
def test_where_errors_count_nothing_behind_a_part_that_may_err_is_a_key(condition: str, subjects: list[str]):
    assert [subject for subject, _, _ in found(condition, errors_count=True)] == subjects


def test_keys_of_one_value_are_equal_however_they_are_written():
    one, other = (
        compile_condition(text).keys(errors_count=False)
        for text in ("request.headers['X-T'] == 'a'", "'a' == request.headers['x-t']")
    )
    assert one == other == (Key(HEADER, Relation.EQUALS, frozenset({"a"}), never_errs=False),)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("request.headers['x-t']", "v"),
        ("request.headers.get('x-none', 'd')", "d"),
        ("request.headers['x-none']", ERRED),
        ("request.args.get('p')", None),
        ("request.json['a'][0]", [1]),
        ("request.json['a'][1]", ERRED),
        ("request.json['a']['b']", ERRED),
        ("request.method.lower()", "post"),
        ("len(request.json['a'])", 1),
    ],
)
def test_a_subject_is_read_as_the_condition_reads_it(text: str, value: object):
    assert reader(Subject(text, reads_body=False))(Request(headers={"X-T": "v"}, json={"a": [[1]]})) == value


def test_a_body_that_is_not_json_errs_and_a_malformed_one_fails():
    assert reader(BODY)(Request.from_body(b"a,b", content_type="text/csv")) is ERRED
    with pytest.raises(MalformedBodyError):
        reader(BODY)(Request.from_body(b"{", content_type="application/json"))


def test_reading_subjects_charges_no_condition_and_has_a_budget_of_its_own():
    lower = reader(Subject("request.json.lower()", reads_body=True))
    request = Request(json="a" * (SHARED_BUDGET // 2))
    assert lower(request) == request.json
    assert lower(request) == request.json
    assert request.meter.spent == 0
    with pytest.raises(BudgetExceededError):
        lower(request)
    assert request.meter.spent == 0
    assert compile_condition("request.json.lower() > 'A'").matches(request)
    assert lower(request.afresh()) == request.json


def test_a_subject_that_would_cost_too_much_leaves_the_others_their_budget():
    request = Request(json="a" * (SHARED_BUDGET + 1), headers={"X": "A"})
    with pytest.raises(BudgetExceededError):
        reader(Subject("request.json.lower()", reads_body=True))(request)
    assert reader(Subject("request.headers['x'].lower()", reads_body=False))(request) == "a"
