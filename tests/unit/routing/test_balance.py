"""Targets are picked in proportion to their weights, in turn, or by how busy they are; a drained one never is."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence

import pytest

from rulegate.condition import BudgetExceededError, MalformedBodyError, Request, compile_condition
from rulegate.routing import Balance, Deny, Endpoint, Route, Target, decide

DRAWS = 100_000

BEYOND_CHANCE = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47}
"""What chi-squared exceeds once in a thousand, by degrees of freedom; seeded draws do so always or never."""

POST = Request(json={"id": 7})


def targets(**weights: float) -> tuple[Target, ...]:
    return tuple(Target(alias, f"models:/{alias}/1", weight) for alias, weight in weights.items())


def endpoint(route: Route, *others: Route, **sources) -> Endpoint:
    return Endpoint("e", (route, *others), random=random.Random(20).random, **sources)


def picked(asked: Endpoint, requests: Sequence[Request]) -> Counter[str]:
    return Counter(asked.balancer.pick(asked.routes[0], request).alias for request in requests)


def assert_fits(counts: Counter[str], **weights: float) -> None:
    total, drawn = sum(weights.values()), sum(counts.values())
    assert counts.keys() <= {alias for alias, weight in weights.items() if weight}
    expected = {alias: drawn * weight / total for alias, weight in weights.items() if weight}
    statistic = sum((counts[alias] - number) ** 2 / number for alias, number in expected.items())
    assert statistic < BEYOND_CHANCE[len(expected) - 1], counts


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"stable": 95, "canary": 5}, {"stable": 95, "canary": 5}),
        ({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}),
        ({"a": 0.2, "b": 0.3, "drained": 0, "c": 0.5, "d": 1e-3}, {"a": 0.2, "b": 0.3, "c": 0.5, "d": 1e-3}),
        ({"a": 1e308, "b": 1e308, "c": 1.5e308}, {"a": 2, "b": 2, "c": 3}),
        ({"a": 5e-324, "b": 1e-323}, {"a": 1, "b": 2}),
    ],
    ids=str,
)
def test_targets_are_drawn_as_often_as_their_weights_say(weights: dict[str, float], shares: dict[str, float]):
    assert_fits(picked(endpoint(Route("r", targets(**weights))), [POST] * DRAWS), **shares)


def test_the_same_seed_draws_the_same_targets():
    route = Route("r", targets(a=1, b=1))
    one, other = endpoint(route), endpoint(route)
    assert [one.balancer.pick(route, POST) for _ in range(100)] == [
        other.balancer.pick(route, POST) for _ in range(100)
    ]


def test_targets_take_turns_exactly_whatever_their_weights_are():
    route = Route("r", targets(a=1, drained=0, b=7, c=0.1), balance=Balance.ROUND_ROBIN)
    asked = endpoint(route)
    turns = "".join(asked.balancer.pick(route, POST).alias for _ in range(7))
    assert turns in ("abcabca", "bcabcab", "cabcabc")
    assert sorted(picked(endpoint(route), [POST] * (DRAWS + 1)).values()) == [33333, 33334, 33334]


def test_turns_begin_with_each_target_as_often_so_that_reloads_favour_none():
    route = Route("r", targets(a=1, b=7, c=0.1), balance=Balance.ROUND_ROBIN)
    chance = random.Random(20).random
    begun = (Endpoint("e", (route,), random=chance) for _ in range(DRAWS // 10))
    assert_fits(Counter(asked.balancer.pick(route, POST).alias for asked in begun), a=1, b=1, c=1)


def test_turns_are_exact_between_threads_and_apart_for_each_route():
    routes = [Route(alias, targets(a=1, b=1, c=1), balance=Balance.ROUND_ROBIN) for alias in ("r", "s")]
    asked = endpoint(*routes)
    counts: list[Counter[str]] = []
    threads = [threading.Thread(target=lambda: counts.append(picked(asked, [POST] * 6_000))) for _ in range(8)]
    first = asked.balancer.pick(routes[1], POST).alias
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    others = [asked.balancer.pick(routes[1], POST).alias for _ in range(2)]
    assert "".join([first, *others]) in ("abc", "bca", "cab")
    assert sum(counts, Counter()) == {"a": 16_000, "b": 16_000, "c": 16_000}


def test_the_least_busy_target_is_picked_and_of_several_each_as_often_as_the_others():
    loads = {"models:/a/1": 2, "models:/b/1": 1, "models:/c/1": 1, "models:/d/1": 1, "models:/drained/1": 0}
    route = Route("r", targets(a=1, b=5, drained=0, c=1, d=1), balance=Balance.LEAST_BUSY)
    asked = endpoint(route, busy=loads.__getitem__)
    assert_fits(picked(asked, [POST] * DRAWS), b=1, c=1, d=1)
    loads["models:/a/1"] = 0
    assert picked(asked, [POST] * 100) == {"a": 100}


def test_the_least_busy_targets_fill_up_evenly():
    loads: Counter[str] = Counter()
    route = Route("r", targets(a=1, b=1, c=1), balance=Balance.LEAST_BUSY)
    asked = endpoint(route, busy=loads.__getitem__)
    for number in range(1, 301):
        loads[asked.balancer.pick(route, POST).model_uri] += 1
        assert max(loads.values()) - min(loads[f"models:/{alias}/1"] for alias in "abc") <= 1, number


STICKY = compile_condition("request.headers['X-User']")


def test_values_stick_and_are_spread_as_the_weights_say():
    weights = {"a": 70, "b": 25, "drained": 0, "c": 5}
    route = Route("r", targets(**weights), sticky_on=STICKY)
    requests = [Request(headers={"X-User": f"user-{number}"}) for number in range(DRAWS)]
    counts = picked(endpoint(route), requests)
    assert_fits(counts, **weights)
    assert picked(endpoint(route), requests) == counts
    one = decide(endpoint(route), requests[0]).target
    assert {decide(endpoint(route), requests[0]).target for _ in range(100)} == {one}


@pytest.mark.parametrize(
    ("expression", "errors"),
    [
        ("request.headers['X-User']", DRAWS // 10),
        ("request.json", DRAWS // 10),
        ("request.headers.get('X-User')", 0),
    ],
    ids=["errs", "an object", "nobody"],
)
def test_where_nothing_can_stick_targets_are_drawn_by_weight_and_errors_are_counted(expression: str, errors: int):
    weights = {"a": 3, "b": 1}
    asked = endpoint(Route("r", targets(**weights), sticky_on=compile_condition(expression)))
    assert_fits(picked(asked, [POST] * (DRAWS // 10)), **weights)
    assert list(asked.mishaps.sticky_errors.counts().values()) == ([errors] if errors else [])


def test_a_body_that_is_broken_or_too_large_for_the_sticky_expression_fails_the_request():
    asked = endpoint(Route("r", targets(a=1, b=1), sticky_on=compile_condition("request.json['id']")))
    with pytest.raises(MalformedBodyError):
        decide(asked, Request.from_body(b"{", content_type="application/json"))
    costly = "any(any(a == -b for b in request.json) for a in request.json)"
    asked = endpoint(Route("r", targets(a=1, b=1), sticky_on=compile_condition(costly)))
    with pytest.raises(BudgetExceededError):
        decide(asked, Request(json=[*range(1, 5_000)]))
    assert asked.mishaps.sticky_errors.counts() == {}


def test_a_decision_names_the_target_that_was_picked():
    decision = decide(endpoint(Route("r", targets(a=1, drained=0))), POST)
    assert (decision.route, decision.target, decision.model_uri, decision.deny) == ("r", "a", "models:/a/1", None)
    assert decision.chosen_target == Target("a", "models:/a/1")


def test_a_route_that_denies_has_no_target():
    deny = Deny(451, "not here")
    decision = decide(endpoint(Route("r", (), deny=deny)), POST)
    assert (decision.target, decision.model_uri, decision.chosen_target, decision.deny) == (None, None, None, deny)
    assert decision.explanation() == "endpoint `e`: route `r` denies: it has no condition"


@pytest.mark.parametrize(
    "made",
    [
        lambda: Route("r", ()),
        lambda: Route("r", targets(a=0, b=0)),
        lambda: Route("r", targets(a=1), deny=Deny()),
        lambda: Target("a", "models:/a/1", -1.0),
        lambda: Target("a", "models:/a/1", float("nan")),
        lambda: Target("a", "models:/a/1", float("inf")),
    ],
)
def test_a_route_either_denies_or_has_a_target_of_some_weight(made):
    with pytest.raises(ValueError, match=r"the (route|weight)"):
        made()


def test_fallbacks_come_in_order_each_with_its_own_behind_it_and_none_twice():
    def route(alias: str, *fallback: str) -> Route:
        return Route(alias, targets(a=1), fallback=fallback)

    routes = [route("a", "b", "c"), route("b", "d", "a"), route("c", "d", "e"), route("d"), route("e", "c", "e")]
    asked = Endpoint("e", tuple(routes))
    found = {route.alias: "".join(one.alias for one in asked.fallbacks(route)) for route in routes}
    assert found == {"a": "bdce", "b": "dace", "c": "de", "d": "", "e": "cd"}
