"""The index tries the routes that a request may match, in order, and reads of the request only what that takes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rulegate.condition import BudgetExceededError, MalformedBodyError, Request, compile_condition
from rulegate.condition.vocabulary import SHARED_BUDGET
from rulegate.routing import Endpoint, NoRouteMatched, OnError, Outcome, Route, Target, coverage, decide
from rulegate.routing.endpoint import MIN_INDEXED
from rulegate.routing.index import MAX_SOUGHT, MIN_SHARING
from rulegate.routing.lookups import MAX_ELEMENTS
from rulegate.routing.router import MAX_TOLD

TENANTS = [f"request.headers['X-Tenant'] == 't{number}'" for number in range(MIN_INDEXED)]


def endpoint(conditions: Iterable[str | None], on_error: OnError = OnError.NO_MATCH) -> Endpoint:
    return Endpoint(
        "tenants",
        tuple(
            Route(str(number), (Target("t", "models:/m/1"),), text and compile_condition(text), on_error)
            for number, text in enumerate(conditions)
        ),
    )


def candidates(routes: Endpoint, request: Request) -> list[int]:
    assert routes.index is not None
    return [int(route.alias) for route, _ in routes.index.candidates(request)]


def tenant(name: str, **others: object) -> Request:
    return Request(headers={"X-Tenant": name, "Content-Type": "application/json"}, **others)


def test_few_routes_need_no_index():
    assert endpoint(TENANTS[:-1]).index is None
    assert endpoint([*TENANTS[:-1], "request.method > 'P'", None]).index is None
    assert endpoint(TENANTS).index is not None


def test_only_routes_whose_key_the_request_has_are_tried_beside_those_without_a_key():
    routes = endpoint(["request.method > 'A'", *TENANTS, "request.method > 'B'", TENANTS[3]])
    assert candidates(routes, tenant("t3")) == [0, 4, MIN_INDEXED + 1, MIN_INDEXED + 2]
    assert candidates(routes, tenant("nobody")) == [0, MIN_INDEXED + 1]
    assert candidates(routes, Request()) == [0, MIN_INDEXED + 1]


def test_equal_values_of_different_types_find_the_same_routes():
    routes = endpoint(["request.json == 1", "request.json == 1.0", "request.json == True", "request.json == '1'"] * 4)
    ones = [number for number in range(16) if number % 4 != 3]
    for value in (1, 1.0, True):
        assert candidates(routes, Request(json=value)) == ones
    assert candidates(routes, Request(json="1")) == [3, 7, 11, 15]
    for value in ([1], {"a": 1}, None, float("nan")):
        assert candidates(routes, Request(json=value)) == []


def test_a_text_finds_the_routes_of_all_its_beginnings_once_and_in_order():
    prefixes = ["''", "'/a/b'", "('/a', '/a/b', '/')", "'/b'"] * 4
    routes = endpoint([f"request.path.startswith({prefix})" for prefix in prefixes])
    assert candidates(routes, Request(path="/a/b/c")) == [number for number in range(16) if number % 4 != 3]
    assert candidates(routes, Request(path="/a")) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert candidates(routes, Request(path="")) == [0, 4, 8, 12]


@pytest.mark.parametrize("on_error", [OnError.MATCH, OnError.FAIL])
def test_where_an_error_counts_a_value_that_cannot_be_read_leaves_every_route_in(on_error: OnError):
    routes = endpoint(TENANTS, on_error)
    assert candidates(routes, Request()) == list(range(MIN_INDEXED))
    assert candidates(routes, tenant("t5")) == [5]


@pytest.mark.parametrize("on_error", [OnError.MATCH, OnError.FAIL])
@pytest.mark.parametrize(("condition", "body"), [("request.json in {1, 2}", []), ("request.json.startswith('a')", 1)])
def test_where_an_error_counts_a_value_that_cannot_be_compared_leaves_every_route_in(
    on_error: OnError, condition: str, body: object
):
    assert candidates(endpoint([condition] * MIN_INDEXED, on_error), Request(json=body)) == list(range(MIN_INDEXED))


def test_the_key_that_fewest_share_is_chosen():
    routes = endpoint([f"request.method == 'POST' and {text}" for text in TENANTS])
    assert candidates(routes, tenant("t7")) == [7]


def test_of_keys_that_select_alike_the_one_that_needs_no_body_is_chosen():
    routes = endpoint([f"request.json['n'] == {number} and {text}" for number, text in enumerate(TENANTS)])
    broken = Request.from_body(b"{", headers={"X-Tenant": "nobody", "Content-Type": "application/json"})
    assert candidates(routes, broken) == []


def test_a_value_that_few_ask_for_is_not_looked_up():
    rare = "request.args['rare'] == '1'"
    assert candidates(endpoint([*TENANTS, *[rare] * (MIN_SHARING - 1)]), tenant("t0")) == [0, 16, 17, 18]
    assert candidates(endpoint([*TENANTS, *[rare] * MIN_SHARING]), tenant("t0")) == [0]


@pytest.mark.parametrize("condition", ["request.json['n'] == 1", "request.json['n'].startswith('a')"])
def test_the_body_is_not_read_before_a_route_that_asks_for_it_has_its_turn(condition: str):
    routes = endpoint([*TENANTS, *[condition] * MIN_INDEXED, None])
    broken = {"headers": {"X-Tenant": "t3", "Content-Type": "application/json"}}
    assert decide(routes, Request.from_body(b"{", **broken)).route == "3"
    broken["headers"]["X-Tenant"] = "nobody"
    with pytest.raises(MalformedBodyError):
        decide(routes, Request.from_body(b"{", **broken))


def test_a_malformed_body_does_not_matter_where_no_route_that_reads_it_can_match():
    routes = endpoint([*(f"request.json['n'] > 1 and {text}" for text in TENANTS), None])
    headers = {"X-Tenant": "nobody", "Content-Type": "application/json"}
    decision = decide(routes, Request.from_body(b"{", headers=headers))
    assert decision.route == str(MIN_INDEXED)
    assert "valid JSON" in decision.explanation()
    with pytest.raises(MalformedBodyError):
        decide(routes, Request.from_body(b"{", headers=headers | {"X-Tenant": "t3"}))


def test_a_condition_that_would_be_too_costly_does_not_matter_where_it_cannot_match():
    costly = "any(any(a < b for b in request.json) for a in request.json)"
    routes = endpoint([*(f"{costly} and {text}" for text in TENANTS), "request.method == 'POST'"])
    decision = decide(routes, tenant("nobody", json=[0] * 100_000))
    assert [attempt.outcome for attempt in decision.tried] == [Outcome.ERRED] * MIN_INDEXED + [Outcome.MATCHED]
    with pytest.raises(BudgetExceededError):
        decide(routes, tenant("t3", json=[0] * 100_000))


def test_where_none_of_thousands_matches_the_first_are_told_and_the_others_counted():
    with pytest.raises(NoRouteMatched) as caught:
        decide(endpoint(TENANTS * 5), tenant("nobody"))
    assert len(caught.value.tried) == MAX_TOLD
    assert caught.value.more == 5 * MIN_INDEXED - MAX_TOLD


@pytest.mark.parametrize(
    ("relation", "value", "expected"),
    [
        (">", 5, [0, 1, 2, 3, 4]),
        (">=", 5, [0, 1, 2, 3, 4, 5]),
        ("<", 13, [14, 15]),
        ("<=", 13, [13, 14, 15]),
        ("<", 13.5, [14, 15]),
        ("<", -1, [*range(16)]),
        ("<", 10**400, []),
        (">", 10**400, [*range(16)]),
        (">", True, [0]),
        *((sign, float("nan"), []) for sign in ("<", "<=", ">", ">=")),
        ("<=", float("-inf"), [*range(16)]),
        *((sign, value, []) for sign in ("<", ">=") for value in (None, "5", [5], {})),
    ],
)
def test_bounds_of_a_number_are_looked_up_in_their_order(relation: str, value: object, expected: list[int]):
    routes = endpoint(f"request.json['n'] {relation} {number}" for number in range(MIN_INDEXED))
    assert candidates(routes, Request(json={"n": value})) == expected
    backwards = endpoint(f"request.json['n'] {relation} {15 - number}" for number in range(MIN_INDEXED))
    assert candidates(backwards, Request(json={"n": value})) == sorted(15 - number for number in expected)


def test_bounds_that_are_numbers_and_bounds_that_are_texts_are_apart():
    routes = endpoint([*(f"request.json < {number}" for number in range(16)), *["request.json > 'b'"] * 4])
    assert candidates(routes, Request(json=14)) == [15]
    assert candidates(routes, Request(json="c")) == [16, 17, 18, 19]


def test_a_text_finds_the_routes_of_all_its_ends():
    suffixes = ["''", "'/b/c'", "('c', 'b', 'bc')", "'/b'"] * 4
    routes = endpoint([f"request.path.endswith({suffix})" for suffix in suffixes])
    assert candidates(routes, Request(path="/a/b/c")) == [number for number in range(16) if number % 4 != 3]
    assert candidates(routes, Request(path="/b")) == [number for number in range(16) if number % 4 != 1]
    assert candidates(routes, Request(path="")) == [0, 4, 8, 12]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a w0 or w13", [0, 1, 13]),
        (["w3", "w13", "w3", 3, [], "w"], [3, 13]),
        ({"w5": 1}, [5]),
        (["w1", *["x"] * MAX_ELEMENTS], [*range(MIN_INDEXED)]),
        (7, []),
        (None, []),
    ],
)
def test_texts_are_sought_in_a_text_a_list_or_an_object(value: object, expected: list[int]):
    routes = endpoint(f"'w{number}' in request.json" for number in range(MIN_INDEXED))
    assert candidates(routes, Request(json=value)) == expected


def test_a_match_among_the_first_does_not_wait_until_all_texts_were_sought():
    routes = endpoint([f"'w{number}' in request.json" for number in range(2 * MAX_SOUGHT)])
    request = Request(json="w0")
    assert decide(routes, request).route == "0"
    after_one_look_up = request.meter_aside().spent
    assert candidates(routes, request) == [0]
    assert request.meter_aside().spent == 3 * after_one_look_up


def test_what_would_cost_too_much_to_share_is_evaluated_by_each_condition():
    routes = endpoint(f"request.json.lower() == 'w{number}'" for number in range(MIN_INDEXED))
    assert candidates(routes, Request(json="W3")) == [3]
    assert candidates(routes, Request(json="W" * (SHARED_BUDGET + 1))) == [*range(MIN_INDEXED)]


def test_a_test_that_routes_share_is_made_once():
    asked = []
    services = frozenset({"risk"})
    shared = "any(r['amount'] > 1 for r in request.json)"
    texts = [f"{shared} and external['risk'] == {number}" for number in range(MIN_INDEXED)]
    routes = Endpoint(
        "e",
        tuple(
            Route(str(number), (Target("t", "models:/m/1"),), compile_condition(text, external=services))
            for number, text in enumerate([*texts, "request.method == 'POST'"])
        ),
    )
    request = Request(json=[{"amount": 1}] * 100, external=lambda name: asked.append(name))
    assert decide(routes, request).route == str(MIN_INDEXED)
    assert (asked, request.meter.spent) == ([], 0)
    assert decide(routes, Request(json=[{"amount": 2}], external={"risk": 3})).route == "3"


def test_the_coverage_says_by_what_routes_are_found_and_why_others_are_not():
    mixed = endpoint(
        [
            *TENANTS,
            TENANTS[0],
            *(f"request.json['n'] > {number}" for number in range(4)),
            "request.path == '/'",
            *["request.is_json"] * 4,
            *(f"request.json[{number}] != 1" for number in range(4)),
        ]
    )
    assert str(coverage(mixed)).splitlines() == [
        "endpoint `tenants`: 30 conditions, 21 found by a key, 4 by a shared test, 5 always tried",
        "  17 by `request.headers['x-tenant']` equal to one of 16 constants, at most 2 routes by each",
        "  4 by `request.json['n']` greater than one of 4 constants",
        "  4 share the test `request.is_json`",
        "  5 always tried: no part is shared by 4 routes, the same test or the same value held against constants: "
        "`21`, `26`, `27` and 2 more",
    ]


def test_the_coverage_tells_conditions_of_decision_services_alone():
    texts = [*TENANTS, "external['risk'] == 1"]
    routes = tuple(
        Route(str(number), (Target("t", "models:/m/1"),), compile_condition(text, external=frozenset({"risk"})))
        for number, text in enumerate(texts)
    )
    assert str(coverage(Endpoint("e", routes))).splitlines()[-1] == (
        "  1 always tried: every part that must be true asks a decision service: `16`"
    )


def test_the_coverage_tells_keys_that_an_error_makes_useless():
    hidden = [f"request.json[{number}] > 1 and {text}" for number, text in enumerate(TENANTS[:4])]
    lines = str(coverage(endpoint([*TENANTS, *hidden], OnError.FAIL))).splitlines()
    assert lines[-1] == (
        "  4 always tried: what it shares with others stands behind a part that may err, and then `on_error` decides: "
        "`16`, `17`, `18` and 1 more"
    )


def test_the_coverage_of_few_routes_is_one_line():
    assert str(coverage(endpoint([TENANTS[0], None]))) == (
        "endpoint `tenants`: 1 condition, tried one after the other: an index takes 16 routes with a key"
    )
