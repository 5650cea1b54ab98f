"""The first route whose condition matches answers; one without a condition answers when none does."""

from __future__ import annotations

import pytest

from rulegate.condition import MalformedBodyError, Request, compile_condition
from rulegate.routing import ConditionFailed, Endpoint, NoRouteMatched, OnError, Outcome, Route, Target, decide

GOLD = "request.headers['X-Tier'] == 'gold'"
POST = "request.method == 'POST'"
BODY = "request.json['tier'] == 'gold'"


def route(alias: str, condition: str | None = None, on_error: OnError = OnError.NO_MATCH) -> Route:
    return Route(alias, (Target(alias, f"models:/{alias}/1"),), condition and compile_condition(condition), on_error)


def endpoint(*routes: Route) -> Endpoint:
    return Endpoint("sentiment", routes)


def test_the_first_match_answers_even_if_a_later_one_matches_too():
    decision = decide(
        endpoint(route("a", GOLD), route("b", POST), route("c", POST)), Request(headers={"x-tier": "gold"})
    )
    assert (decision.endpoint, decision.route, decision.target) == ("sentiment", "a", "a")
    assert decision.model_uri == "models:/a/1"
    assert [(attempt.route, attempt.outcome) for attempt in decision.tried] == [("a", Outcome.MATCHED)]


def test_a_route_without_a_condition_answers_only_when_no_condition_matches_wherever_it_is_listed():
    routes = endpoint(route("rest"), route("gold", GOLD), route("never"))
    assert decide(routes, Request(headers={"X-Tier": "gold"})).route == "gold"
    assert decide(routes, Request(headers={"X-Tier": "free"})).route == "rest"


def test_without_such_a_route_it_is_told_what_was_tried():
    with pytest.raises(NoRouteMatched) as caught:
        decide(endpoint(route("get", "request.method == 'GET'"), route("gold", GOLD)), Request())
    assert caught.value.endpoint == "sentiment"
    assert [(attempt.route, attempt.outcome) for attempt in caught.value.tried] == [
        ("get", Outcome.NOT_MATCHED),
        ("gold", Outcome.ERRED),
    ]


def test_an_error_is_no_match_unless_the_route_says_otherwise():
    decision = decide(endpoint(route("gold", GOLD), route("rest")), Request())
    assert decision.route == "rest"
    assert [(attempt.route, attempt.outcome) for attempt in decision.tried] == [("gold", Outcome.ERRED)]
    assert "X-Tier" in str(decision.tried[0].why)


def test_an_error_is_a_match_where_the_route_says_match():
    decision = decide(endpoint(route("gold", GOLD, OnError.MATCH), route("post", POST)), Request())
    assert decision.route == "gold"
    assert [attempt.outcome for attempt in decision.tried] == [Outcome.ERRED]


def test_an_error_fails_the_request_where_the_route_says_fail():
    with pytest.raises(ConditionFailed, match="`gold`") as caught:
        decide(endpoint(route("gold", GOLD, OnError.FAIL), route("rest")), Request())
    assert (caught.value.endpoint, caught.value.route) == ("sentiment", "gold")
    assert caught.value.error.text == GOLD


def test_a_condition_that_is_not_reached_cannot_fail_the_request():
    routes = endpoint(route("post", POST), route("gold", GOLD, OnError.FAIL))
    assert decide(routes, Request()).route == "post"


@pytest.mark.parametrize("on_error", OnError)
def test_a_broken_body_fails_the_request_whatever_on_error_says(on_error: OnError):
    request = Request.from_body(b'{"tier": ', content_type="application/json")
    with pytest.raises(MalformedBodyError):
        decide(endpoint(route("gold", BODY, on_error), route("rest")), request)


def test_a_broken_body_that_no_condition_reads_is_of_no_concern():
    request = Request.from_body(b'{"tier": ', content_type="application/json")
    assert decide(endpoint(route("post", POST), route("gold", BODY)), request).route == "post"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (Request(headers={"X-Tier": "gold"}), "its condition matched first"),
        (Request(headers={"X-Tier": "free"}), "no condition matched, and it has none"),
    ],
)
def test_an_explanation_says_who_answers_and_why(request_: Request, reason: str):
    explanation = decide(endpoint(route("gold", GOLD), route("rest")), request_).explanation().splitlines()
    assert explanation[0].startswith("endpoint `sentiment`: route `")
    assert explanation[0].endswith(reason)
    assert explanation[1].startswith("  route `gold` ")
    assert "free" not in "\n".join(explanation)


def test_an_explanation_tells_an_error_that_counts_as_a_match():
    explanation = decide(endpoint(route("gold", GOLD, OnError.MATCH)), Request()).explanation()
    assert "its condition erred, and its `on_error` is `match`" in explanation
    assert "\n  route `gold` erred: " in explanation


def test_an_endpoint_with_one_plain_route_needs_no_more_explanation():
    assert decide(endpoint(route("only")), Request()).explanation() == (
        "endpoint `sentiment`: route `only` answers with `models:/only/1`: it has no condition"
    )


@pytest.mark.parametrize("on_error", OnError)
def test_a_condition_that_errs_is_counted_once_whatever_it_means(on_error: OnError):
    routes = endpoint(route("erring", GOLD, on_error), route("rest"))
    for _ in range(3):
        try:
            decide(routes, Request()).explanation()
        except ConditionFailed as error:
            assert error.error.message  # noqa: PT017 - whether it is raised depends on the case
    assert routes.mishaps.condition_errors.counts() == {("sentiment", "erring", on_error.value): 3}


def test_conditions_that_are_not_reached_are_not_counted_as_erring():
    routes = endpoint(route("first", POST), route("erring", GOLD))
    decide(routes, Request(method="POST"))
    assert routes.mishaps.condition_errors.counts() == {}
