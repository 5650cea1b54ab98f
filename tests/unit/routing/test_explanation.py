"""An explanation tells who answers without taking turns, drawing chances or asking twice."""

from __future__ import annotations

import pytest

from rulegate.condition import Request, compile_condition
from rulegate.routing import Balance, Deny, Endpoint, Route, Target, decide
from rulegate.routing.explanation import Answered, Failed, WhyNot, explain
from rulegate.routing.explanation_json import as_json
from rulegate.routing.explanation_text import told

TARGETS = (Target("a", "models:/a/1", 3.0), Target("b", "models:/b/1", 1.0), Target("c", "models:/c/1", 0.0))


def endpoint(*routes: Route, **sources) -> Endpoint:
    return Endpoint("e", routes, **sources)


def choice(asked: Endpoint, request: Request):
    end = explain(asked, request).end
    assert isinstance(end, Answered)
    return end.choice


def test_it_takes_no_turn():
    asked = endpoint(Route("r", TARGETS, balance=Balance.ROUND_ROBIN), random=lambda: 0.0)
    assert decide(asked, Request()).target == "a"
    assert choice(asked, Request()).picked is None
    assert [chance.share for chance in choice(asked, Request()).chances] == [0.5, 0.5, 0.0]
    assert decide(asked, Request()).target == "b"


def test_it_draws_no_chance_and_tells_shares_instead():
    def never() -> float:
        raise AssertionError("drawn")

    found = choice(endpoint(Route("r", TARGETS), random=never), Request())
    assert (found.picked, [chance.share for chance in found.chances]) == (None, [0.75, 0.25, 0.0])


def test_of_the_least_busy_targets_it_tells_the_one_or_none_where_several_are():
    loads = {"models:/a/1": 2, "models:/b/1": 1, "models:/c/1": 0}
    asked = endpoint(Route("r", TARGETS, balance=Balance.LEAST_BUSY), busy=loads.__getitem__)
    assert choice(asked, Request()).picked == TARGETS[1]
    assert [chance.busy for chance in choice(asked, Request()).chances] == [2, 1, 0]
    loads["models:/b/1"] = 2
    assert choice(asked, Request()).picked is None


def test_where_nobody_knows_how_busy_targets_are_it_says_nothing_of_it():
    found = choice(endpoint(Route("r", TARGETS, balance=Balance.LEAST_BUSY)), Request())
    assert (found.picked, [chance.busy for chance in found.chances]) == (None, [None, None, None])


@pytest.mark.parametrize("user", ["ada", "grace", "7", ""])
def test_the_target_of_a_sticky_value_is_the_decision_s(user: str):
    asked = endpoint(Route("r", TARGETS, sticky_on=compile_condition("request.headers['X-User']")))
    request = Request(headers={"X-User": user})
    found = choice(asked, request)
    assert found.picked == decide(asked, request).chosen_target
    assert (
        min((chance for chance in found.chances if chance.draw), key=lambda one: one.draw.score).target == found.picked
    )


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("request.headers['X-User']", "`request.headers['X-User']`: there is no header `X-User`"),
        ("request.headers.get('X-User')", None),
        ("request.json", "its value is no text, number or truth, or too long"),
    ],
)
def test_without_a_sticky_value_it_says_why_the_weights_decide(expression: str, error: str | None):
    asked = endpoint(Route("r", TARGETS, sticky_on=compile_condition(expression)))
    found = choice(asked, Request(json=[]))
    assert (found.picked, found.stuck.error) == (None, error)
    assert asked.mishaps.sticky_errors.counts() == {}


def test_a_sticky_expression_that_cannot_be_evaluated_fails_the_request():
    asked = endpoint(Route("r", TARGETS, sticky_on=compile_condition("request.json")))
    end = explain(asked, Request.from_body(b"{", content_type="application/json")).end
    assert isinstance(end, Failed)
    assert end.reason.startswith("its sticky expression cannot be evaluated: Ensure that input is a valid JSON")


def test_a_request_that_is_too_large_for_a_condition_fails_there():
    costly = compile_condition("any(any(a == -b for b in request.json) for a in request.json)")
    asked = endpoint(Route("r", TARGETS, costly), Route("rest", TARGETS))
    end = explain(asked, Request(json=[*range(1, 5_000)])).end
    assert end == Failed(asked.routes[0], "the request is too large for the conditions of its routes")


def test_decision_services_are_asked_no_more_than_the_decision_asks_them():
    questions: list[str] = []

    def answer(name: str) -> object:
        questions.append(name)
        return {"score": 1}

    services = frozenset({"risk", "fraud"})
    routes = [
        Route(name, TARGETS, compile_condition(f"external['{name}']['score'] > 2", external=services))
        for name in ("risk", "fraud")
    ]
    request = Request(external=answer)
    asked = endpoint(*routes, Route("rest", TARGETS))
    assert decide(asked, request).route == "rest"
    explain(asked, request)
    assert questions == ["risk", "fraud"]


def test_json_says_of_each_target_whether_its_model_is_loaded():
    explanation = explain(endpoint(Route("r", TARGETS)), Request())
    told = as_json(explanation, is_loaded=lambda model_uri: model_uri == "models:/b/1")
    assert [target["loaded"] for target in told["answer"]["targets"]] == [False, True, False]
    assert "loaded" not in as_json(explanation)["answer"]["targets"][0]


@pytest.mark.parametrize(
    ("condition", "needs", "told_needs"),
    [
        ("request.json['v'] == {0}", "value", "another value: `request.json['v']` is -1"),
        (
            "str(request.json['v']).startswith('{0}')",
            "beginning",
            "another beginning: `str(request.json['v'])` is '-1'",
        ),
        ("str(request.json['v']).endswith('{0}0')", "end", "another end: `str(request.json['v'])` is '-1'"),
        ("'{0}.' in str(request.json['v'])", "content", "another content: `str(request.json['v'])` is '-1'"),
        ("request.json['v'] < -5 - {0}", "truth", "it to be true: `request.json['v'] < -5 - 3` is False"),
        ("request.json['v'] <= -9{0}", "less", "a smaller value: `request.json['v']` is -1"),
        ("request.json['v'] > {0}", "more", "a larger value: `request.json['v']` is -1"),
        ("request.json['w'] > {0}", "more", "a larger value: the request has no `request.json['w']`"),
    ],
)
def test_what_is_ruled_out_says_what_its_condition_needs(condition: str, needs: str, told_needs: str):
    routes = [Route(str(n), TARGETS, compile_condition(condition.format(n % 4))) for n in range(16)]
    explanation = explain(endpoint(*routes, Route("rest", TARGETS)), Request(json={"v": -1}), why_not="3")
    assert {step["needs"] for step in as_json(explanation)["steps"]} == {needs}
    assert told_needs in told(explanation)


def test_json_of_a_refusal():
    explanation = explain(endpoint(Route("r", (), deny=Deny(451, "no"))), Request())
    assert as_json(explanation)["answer"] == {"route": "r", "deny": {"status": 451, "message": "no"}}


def test_why_not_asks_for_a_route_that_is_there():
    asked = endpoint(Route("r", TARGETS), Route("s", TARGETS))
    assert explain(asked, Request(), why_not="s").absence.why is WhyNot.NOT_THE_FIRST
    with pytest.raises(KeyError):
        explain(asked, Request(), why_not="t")
