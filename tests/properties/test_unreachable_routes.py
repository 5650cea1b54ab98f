"""A route that is reported as one that can never be chosen is never chosen, whatever the request."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from rulegate.condition import Request, compile_condition
from rulegate.config.reachability import Rule, Why, reach
from rulegate.routing import ConditionFailed, Endpoint, NoRouteMatched, OnError, Route, Target, decide

LEAVES = [
    "True",
    "request.method == 'POST'",
    "request.method in ('POST', 'GET')",
    "'POST' == request.method",
    "request.path.startswith('/a')",
    "request.path.startswith(('/a', '/b'))",
    "request.path.startswith('/ab')",
    "request.path.endswith('b')",
    "request.path.endswith(('c', 'bc'))",
    "request.path == '/abc'",
    "request.path != '/abc'",
    "request.path not in ('/abc', '/b')",
    "request.path not in {'/abc', '/b'}",
    "request.json['n'] != 1",
    "request.json['n'] not in [1, 'b']",
    "request.json['n'] not in {1, 'b'}",
    "request.json['n'] is not None",
    "request.headers.get('X-T') is not None",
    "request.headers.get('X-T') != 'a'",
    "request.headers['X-T'] == 'a'",
    "request.headers['x-t'] in {'a', 'b'}",
    "request.headers.get('X-T') == 'a'",
    "request.headers.get('X-T') is None",
    "'X-T' in request.headers",
    "request.json['n'] == 1",
    "request.json()['n'] == True",
    "request.json['n'] in (1, 2)",
    "request.json['n'] < 2",
    "request.json['n'] <= 1",
    "request.json['n'] > 0",
    "request.json['n'] >= 0",
    "0 <= request.json['n'] < 2",
    "1 > request.json['n']",
    "request.json['n'] < 'b'",
    "request.json['n'] >= '1'",
    "request.json['n'] == '1'",
    "request.json.get('n') == 1",
    "len(request.path) > 2",
    "request.json['flag']",
]
conditions = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"(not {one})"),
    ),
    max_leaves=3,
).map(compile_condition)
routes = st.lists(st.tuples(st.none() | conditions, st.sampled_from(OnError)), min_size=2, max_size=5).map(
    lambda pairs: tuple(
        Route(f"r{number}", (Target("t", "models:/m/1"),), condition, on_error)
        for number, (condition, on_error) in enumerate(pairs)
    )
)
requests = st.builds(
    Request,
    json=st.fixed_dictionaries(
        {},
        optional={
            "n": st.sampled_from([-1, 0, 0.5, 1, 1.0, True, 2, "1", "b", "", [], None, float("nan")]),
            "flag": st.sampled_from([0, 1, "", "x", []]),
        },
    ),
    method=st.sampled_from(["POST", "GET", "PUT"]),
    path=st.sampled_from(["/", "/a", "/abc", "/ab", "/b", "/c"]),
    headers=st.fixed_dictionaries({}, optional={"X-T": st.sampled_from(["a", "b", "c"])}),
)


def rules(routes: tuple[Route, ...]) -> list[Rule]:
    return [Rule(route.condition, errors_pass=route.on_error is OnError.NO_MATCH) for route in routes]


@settings(max_examples=600)
@given(routes, st.lists(requests, min_size=5, max_size=15))
def test_what_is_reported_is_never_chosen(routes: tuple[Route, ...], requests: list[Request]) -> None:
    never = {f"r{found.rule}" for found in reach(rules(routes)).findings if found.why is not Why.PARTLY_COVERED}
    endpoint = Endpoint("any", routes)
    assert not never & {chosen(endpoint, request) for request in requests}


def chosen(endpoint: Endpoint, request: Request) -> str | None:
    """The route that answers, or makes the request fail."""
    try:
        return decide(endpoint, request).route
    except NoRouteMatched:
        return None
    except ConditionFailed as error:
        return error.route


def found(*texts: str | None) -> list[tuple[int, str, int | None]]:
    return [
        (one.rule, one.why.name.lower(), one.by)
        for one in reach([Rule(None if text is None else compile_condition(text)) for text in texts]).findings
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["True", "request.path == '/a'", None], [(1, "covered", 0), (2, "covered", 0)]),
        (["request.headers['A'] == 'x'", "request.headers['a']=='x'"], [(1, "covered", 0)]),
        (["request.json['a'] > 3", "request.json()['a'] > 3"], [(1, "covered", 0)]),
        (["request.path in ('/a', '/b')", "request.path == '/a'"], [(1, "covered", 0)]),
        (["request.path == '/a'", "request.path in ('/a', '/b')"], [(1, "partly_covered", 0)]),
        (["request.path == '/a'", "request.path == '/b'", "request.path in ('/a', '/b')"], [(2, "covered", 0)]),
        (["request.path.startswith('/a')", "request.path == '/abc'"], [(1, "covered", 0)]),
        (["request.path.startswith('/a')", "request.path.startswith(('/ab', '/ac'))"], [(1, "covered", 0)]),
        (["request.path.endswith('c')", "request.path.endswith(('bc', 'cc'))"], [(1, "covered", 0)]),
        (["request.path.endswith('c')", "request.path in ('/abc', '/b')"], [(1, "partly_covered", 0)]),
        (["request.path == '/a' and request.path.endswith('b')"], [(0, "impossible", None)]),
        (["request.path == '/a'", "request.path == '/a' and request.json['x']"], [(1, "covered", 0)]),
        (
            ["request.path == '/a' and request.method == 'GET'", "request.method == 'GET' and request.path == '/a'"],
            [(1, "covered", 0)],
        ),
        (["request.path != '/a'", "request.path == '/b'"], [(1, "covered", 0)]),
        (["request.path != '/a'", "request.path in ('/a', '/b')"], [(1, "partly_covered", 0)]),
        (["request.path not in ('/a', '/b')", "request.path.startswith('/c')"], [(1, "covered", 0)]),
        (["request.json['a'] != 3", "request.json['a'] > 3"], [(1, "covered", 0)]),
        (["request.json['a'] != 'x'", "request.json['a'] > 3"], [(1, "covered", 0)]),
        (["request.headers.get('A') is not None", "request.headers.get('a') == 'x'"], [(1, "covered", 0)]),
        (["request.path == '/a' and request.path != '/a'"], [(0, "impossible", None)]),
        (["request.json['a'] > 3", "request.json['a'] > 7"], [(1, "covered", 0)]),
        (["request.json['a'] > 3", "request.json['a'] >= 3.5 and request.path == '/a'"], [(1, "covered", 0)]),
        (["request.json['a'] >= 3", "4 <= request.json['a'] < 9"], [(1, "covered", 0)]),
        (["request.json['a'] < 'n'", "request.json['a'] in ('a', 'b')"], [(1, "covered", 0)]),
        (["len(request.path) > 3", "len(request.path) == 5"], [(1, "covered", 0)]),
        (["request.json['a'] > 3", "request.json['a'] in (3, 4)"], [(1, "partly_covered", 0)]),
        (["request.json['a'] > 9 and request.json['a'] < 3"], [(0, "impossible", None)]),
        (["3 <= request.json['a'] < 3"], [(0, "impossible", None)]),
        (["request.json['a'] == 'x' and request.json['a'] > 3"], [(0, "impossible", None)]),
        (["request.json['a'] > 'x' and request.json['a'] > 3"], [(0, "impossible", None)]),
        (["request.path == '/a' and request.path == '/b'"], [(0, "impossible", None)]),
        (["request.method == 'GET'", None, None], [(2, "covered", 1)]),
        # What can be reached after all.
        (["request.path == '/b'", "request.path != '/a'"], []),
        (["request.path != '/abc'", "request.path.startswith('/a')"], []),
        (["request.json['a'] not in {3, 4}", "request.json['a'] not in (3, 4)"], []),
        (["request.json['a'] != 4", "request.json['a'] > 3"], []),
        (["request.json['a'] > 7", "request.json['a'] > 3"], []),
        (["request.json['a'] > 3", "request.json['a'] >= 3"], []),
        (["request.json['a'] > 3", "request.json['a'] > '7'"], []),
        (["request.json['a'] > 3", "request.json['a'] < 7"], []),
        (["request.json['a'] > 3", "request.json['b'] > 7"], []),
        (["3 <= request.json['a'] <= 3"], []),
        (["request.json['a'] > 3", "request.json['a'] == None"], []),
        (["request.path == '/a' and request.method == 'GET'", "request.path == '/a'"], []),
        (["request.json['x'] or request.path == '/a'", "request.path == '/a'"], []),
        (["request.json['x'] or True", "request.path == '/a'", None], []),
        (["request.path.startswith('/ab')", "request.path.startswith('/a')"], []),
        (["request.path.endswith('bc')", "request.path.endswith('c')"], []),
        (["request.path.endswith('/a')", "request.path.startswith('/a')"], []),
        (["request.headers['A'] == 'x'", "request.headers.get('A') == 'x'"], []),
        (["request.path == '/a'", "request.path == '/A'"], []),
    ],
)
def test_what_is_found(texts: list[str | None], expected: list[tuple[int, str, int | None]]) -> None:
    assert found(*texts) == expected


def test_a_rule_that_is_chosen_when_it_errs_is_not_reported() -> None:
    condition = compile_condition("request.headers['A'] == 'x'")
    (found,) = reach([Rule(condition), Rule(condition, errors_pass=False)]).findings
    assert found.why is Why.PARTLY_COVERED


def test_a_bound_that_says_less_is_found_among_thousands() -> None:
    thousands = [f"request.json['a'] > {number} and request.path == '/{number}'" for number in range(2, 2000)]
    wide, narrow = "request.json['a'] > 1", "request.json['a'] > 5000"
    assert found(*thousands, wide, narrow) == [(1999, "covered", 1998)]
    assert found(wide, *thousands[:3], narrow) == [(number, "covered", 0) for number in (1, 2, 3, 4)]
