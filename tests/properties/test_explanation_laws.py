"""Whatever the routes and the request: an explanation ends where the decision does, and leaves no route out."""

from __future__ import annotations

import json

import hypothesis.strategies as st
from hypothesis import given

from rulegate.condition import Request
from rulegate.routing import Endpoint, OnError, Outcome
from rulegate.routing.explanation import Answered, RuledOut, Tried, WhyNot, explain
from rulegate.routing.explanation_json import as_json
from rulegate.routing.explanation_text import told
from tests.properties.test_index_is_a_scan import bodies, decided, endpoint, others, routes

requests = st.one_of(
    st.builds(lambda body, other: Request(json=body, **other), bodies, others),
    others.map(lambda other: Request.from_body(b'{"v": ', content_type="application/json", **other)),
)


def explained(many: Endpoint, request: Request) -> str:
    """How `decided` of the index's laws names an end."""
    end = explain(many, request).end
    if isinstance(end, Answered):
        return end.route.alias
    if end.route is None:
        return "nobody"
    return f"{end.route.alias} failed" if "`on_error` is `fail`" in end.reason else "malformed"


@given(routes(), requests, st.booleans())
def test_an_explanation_ends_where_the_decision_does(listed, request, otherwise) -> None:
    many = endpoint(listed, otherwise=otherwise)
    assert explained(many, request) == decided(many, request)


@given(routes(), requests, st.booleans(), st.data())
def test_an_explanation_has_every_condition_up_to_its_end_once_and_in_order(listed, request, otherwise, data) -> None:
    many = endpoint(listed, otherwise=otherwise)
    asked = data.draw(st.sampled_from(many.routes))
    explanation = explain(many, request, why_not=asked.alias)
    passed = [
        route.alias
        for step in explanation.steps
        for route in (step.routes if isinstance(step, RuledOut) else [step.route])
    ]
    conditional = [route.alias for route, _ in many.conditional]
    assert passed == conditional[: len(passed)]
    last = explanation.end.route
    assert passed[-1] == (last.alias if last is not None and last.condition is not None else conditional[-1])
    for step in explanation.steps:
        if isinstance(step, Tried) and step.route is not last:
            assert step.outcome is Outcome.NOT_MATCHED or step.route.on_error is OnError.NO_MATCH
    why = explanation.absence.why
    assert (why is WhyNot.IT_DOES) == (isinstance(explanation.end, Answered) and last is asked)
    assert told(explanation)
    assert json.loads(json.dumps(as_json(explanation)))["endpoint"] == "any"
