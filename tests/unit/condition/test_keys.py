"""Keys are taken from what must be true of a request for a match, and from nothing else."""

from __future__ import annotations

import pytest

from rulegate.condition import MalformedBodyError, Request, compile_condition
from rulegate.condition.keys import ABSENT, Get, Item, Key, Path, Relation, reader

HEADER = Path("headers", (Item("x-t"),))
BODY = Path("json", (Item("a"), Item(0)))


def found(condition: str, *, errors_count: bool = False) -> list[tuple[str, Relation, set[object]]]:
    keys = compile_condition(condition).keys(errors_count=errors_count)
    return [(str(key.path), key.relation, set(key.constants)) for key in keys]


@pytest.mark.parametrize(
    ("condition", "path", "relation", "constants"),
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
        ("request.get_json().get('a').get('b', 2) == 1", "request.json.get('a').get('b', 2)", "EQUALS", {1}),
        ("request.json['a'] in ('x', 1, None)", "request.json['a']", "EQUALS", {"x", 1, None}),
        ("request.json['a'] in ['x']", "request.json['a']", "EQUALS", {"x"}),
        ("request.json['a'] in {'x', 'y'}", "request.json['a']", "EQUALS", {"x", "y"}),
        ("request.json['a'] in ()", "request.json['a']", "EQUALS", set()),
        ("request.json['a'] is None", "request.json['a']", "EQUALS", {None}),
        ("request.path.startswith('/a')", "request.path", "STARTS", {"/a"}),
        ("request.path.startswith(('/a', '/b', '/a/c', '/ab'))", "request.path", "STARTS", {"/a", "/b"}),
        ("request.path == '/a' or request.path in ('/b', '/c')", "request.path", "EQUALS", {"/a", "/b", "/c"}),
        ("request.path.startswith('/a') or request.path.startswith('/ab')", "request.path", "STARTS", {"/a"}),
    ],
)
def test_one_value_held_against_constants_is_a_key(condition: str, path: str, relation: str, constants: set[object]):
    assert found(condition) == [(path, Relation[relation], constants)]


@pytest.mark.parametrize(
    "condition",
    [
        "request.method != 'POST'",
        "not request.method == 'POST'",
        "request.json['a'] < 1",
        "request.json['a']",
        "request.is_json",
        "request.json['a'] not in (1, 2)",
        "request.json['a'] is not None",
        "request.json['a'] == request.json['b']",
        "request.json[request.method] == 1",
        "request.json['a'] in 'text'",
        "'a' in request.headers['X-T']",
        "'x-t' in request.headers",
        "request.json['a'] == [1]",
        "request.json['a'] in (1, (2, 3))",
        "request.json['a'] in (1, request.method)",
        "1 == 1",
        "'a' == request.method == 'b'",
        "request.method.lower() == 'post'",
        "len(request.json) == 1",
        "request.path.startswith('/a', 1)",
        "request.path.startswith(request.method)",
        "request.path.startswith(('/a', request.method))",
        "request.path.endswith('/a')",
        "request.headers.get('X-T', request.method) == 'a'",
        "request.headers.get(request.method) == 'a'",
        "request.path == '/a' or request.method == 'POST'",
        "request.path == '/a' or request.path.startswith('/b')",
        "request.path == '/a' or request.is_json",
    ],
)
def test_no_other_part_is_a_key(condition: str):
    assert found(condition) == []


def test_every_part_that_must_be_true_gives_its_key_in_the_order_of_evaluation():
    condition = "request.json['a'] > 1 and (request.method == 'POST' and request.is_json) and request.path == '/'"
    assert [path for path, _, _ in found(condition)] == ["request.method", "request.path"]


@pytest.mark.parametrize(
    ("condition", "paths"),
    [
        ("request.method == 'POST' and request.path == '/'", ["request.method", "request.path"]),
        ("request.headers['X-T'] == 'a' and request.path == '/'", ["request.headers['x-t']"]),
        ("request.is_json and request.path == '/'", []),
        ("request.headers.get('X-T') == 'a' and request.path == '/'", ["request.headers.get('x-t')", "request.path"]),
        ("request.remote_addr.startswith('1') and request.path == '/'", ["request.remote_addr"]),
        ("request.headers.get('X-T').startswith('1') and request.path == '/'", ["request.headers.get('x-t')"]),
        ("request.path.startswith('/') and request.method == 'POST'", ["request.path", "request.method"]),
        ("request.json == 1 and request.path == '/'", ["request.json"]),
    ],
)
def test_where_errors_count_nothing_behind_a_part_that_may_err_is_a_key(condition: str, paths: list[str]):
    assert [path for path, _, _ in found(condition, errors_count=True)] == paths


def test_keys_of_one_value_are_of_equal_paths_however_it_is_written():
    one, other = (
        compile_condition(text).keys(errors_count=False)
        for text in ("request.headers['X-T'] == 'a'", "'a' == request.headers['x-t']")
    )
    assert one == other == (Key(HEADER, Relation.EQUALS, frozenset({"a"}), never_errs=False),)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (HEADER, "v"),
        (Path("headers", (Get("x-none", "d"),)), "d"),
        (Path("headers", (Item("x-none"),)), ABSENT),
        (Path("args", (Get("p", None),)), None),
        (BODY, [1]),
        (Path("json", (Item("a"), Item(1))), ABSENT),
        (Path("json", (Item("a"), Item("b"))), ABSENT),
        (Path("json", (Item("a"), Get("b", 1))), ABSENT),
        (Path("method"), "POST"),
    ],
)
def test_a_path_is_read_as_the_condition_reads_it(path: Path, value: object):
    read = reader(path)(Request(headers={"X-T": "v"}, json={"a": [[1]]}))
    assert read is value if value is ABSENT else read == value


def test_a_body_that_is_not_json_is_absent_and_a_malformed_one_fails():
    assert reader(BODY)(Request.from_body(b"a,b", content_type="text/csv")) is ABSENT
    with pytest.raises(MalformedBodyError):
        reader(BODY)(Request.from_body(b"{", content_type="application/json"))
