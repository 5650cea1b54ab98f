"""What decision services answer: asked when a condition needs it and at most once, and an error where they cannot."""

import pytest

from rulegate.condition import (
    ConditionError,
    EvaluationError,
    ExternalUnavailableError,
    MalformedBodyError,
    Request,
    compile_condition,
    compile_expression,
)

SERVICES = frozenset({"risk", "fraud"})


def compiled(text):
    return compile_condition(text, external=SERVICES)


class Services:
    """Answers by name, and which were asked for, in order."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def __call__(self, name):
        self.asked.append(name)
        if name not in self.answers:
            raise ExternalUnavailableError(name, "no answer within 50 ms")
        return self.answers[name]


@pytest.mark.parametrize("answer", [None, True, 0, 1.5, "", "gold", [], [1, ["a"]], {}, {"tier": {"name": "gold"}}])
def test_an_answer_is_any_json_value(answer):
    assert compiled("external['risk']").value(Request(external={"risk": answer})) == answer
    assert compiled("external['risk']").value(Request(external=lambda _: answer)) == answer


def test_a_service_is_asked_by_the_first_condition_that_comes_to_it_and_once():
    services = Services(risk={"score": 1}, fraud=[])
    request = Request(external=services, json={"rows": [1, 1, 1]})
    assert not compiled("request.method == 'GET' and external['risk']['score'] > 0").matches(request)
    assert services.asked == []
    for _ in range(2):
        assert compiled("all(row == external['risk']['score'] for row in request.json['rows'])").matches(request)
        assert compiled("external['risk'].get('tier') is None and external['risk'] == {'x'}").matches(request) is False
    assert services.asked == ["risk"]
    # An empty answer is an answer too.
    assert [compiled("external['fraud'] == []").matches(request) for _ in range(2)] == [True, True]
    assert services.asked == ["risk", "fraud"]


def test_what_is_evaluated_again_to_be_explained_asks_no_more():
    services = Services(risk=1)
    request = Request(external=services)
    again = request.afresh()
    for each in (request, again, request.afresh(), again.afresh()):
        assert compiled("external['risk'] == 1").explain(each).matches
        assert compiled("external['fraud'] == 1").verdict(each) is None
    assert services.asked == ["risk", "fraud"]


def test_a_service_without_an_answer_makes_the_whole_condition_err_and_is_not_asked_again():
    services = Services()
    request = Request(external=services)
    condition = compiled("not (external['risk'] == 'evil') or request.is_json")
    for _ in range(2):
        assert condition.verdict(request) is None
        with pytest.raises(EvaluationError) as erred:
            condition.value(request)
        assert str(erred.value) == (
            "`external['risk']`: the decision service `risk` has no answer: no answer within 50 ms"
        )
        assert condition.explain(request).error.message == erred.value.message
    assert services.asked == ["risk"]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (None, "the request was given none"),
        ({"fraud": 1}, "the request was given none"),
        ({"risk": {1: 2}}, "the keys of a JSON object are text"),
        ({"risk": {"a": object()}}, "object is not a type of JSON"),
        (lambda _: (), "tuple is not a type of JSON"),
        (lambda _: eval("[" * 65 + "]" * 65), "it is nested more than 64 levels deep"),
    ],
)
def test_what_is_no_json_value_of_bounded_depth_is_no_answer(answers, reason):
    with pytest.raises(EvaluationError) as erred:
        compiled("external['risk'] == 1").value(Request(external=answers))
    assert erred.value.message == f"the decision service `risk` has no answer: {reason}"
    assert (erred.value.span.start, erred.value.span.end) == (0, len("external['risk']"))


def test_a_body_that_is_broken_fails_the_request_also_where_a_service_is_asked_about_it():
    request = Request.from_body(
        b"{", content_type="application/json", external=lambda _: compile_condition("request.json").value(request)
    )
    with pytest.raises(MalformedBodyError):
        compiled("external['risk'] == 1").matches(request)


def test_an_explanation_shows_the_answer_and_no_name():
    explanation = compiled("external[ 'risk' ]['tier'] == 'gold'").explain(
        Request(external={"risk": {"tier": "silver"}})
    )
    assert str(explanation).splitlines() == [
        "external[ 'risk' ]['tier'] == 'gold'  = False",
        "  external[ 'risk' ]['tier']          = 'silver'",
        "    external[ 'risk' ]                = {'tier': 'silver'}",
    ]


def test_each_condition_of_one_shape_can_be_explained():
    request = Request(path="/b", external={"risk": 1})
    for path, truth in (("/a", False), ("/b", True), ("/c", False)):
        condition = compiled(f"external['risk'] == 1 and request.path == '{path}'")
        assert condition.explain(request).matches is truth


def test_no_answer_is_a_key_of_the_rule_index():
    condition = compiled("external['risk'] == 'gold' and external['risk']['a'].startswith('b')")
    assert condition.keys(errors_count=False) == ()
    behind = compiled("external['risk'] == 'gold' and request.headers['X'] == 'a'")
    assert [str(key.subject) for key in behind.keys(errors_count=False)] == ["request.headers['x']"]
    assert behind.keys(errors_count=True) == ()


@pytest.mark.parametrize("text", ["external['risk'] == 1", "external[ 'risk' ] == 1"])
def test_a_shape_that_is_known_does_not_let_a_service_pass_that_is_not_defined(text):
    assert compiled(text).matches(Request(external={"risk": 1}))
    for services in (frozenset(), frozenset({"fraud"})):
        with pytest.raises(ConditionError):
            compile_condition(text, external=services)
    assert compiled(text.replace("risk", "fraud")).matches(Request(external={"fraud": 1}))
    with pytest.raises(ConditionError) as refused:
        compiled(text.replace("risk", "fruad"))
    assert refused.value.diagnostics[0].hint == "did you mean `fraud`?"


def test_reading_an_answer_costs_no_less_in_a_loop_than_a_call():
    request = Request(json=list(range(100)), external={"risk": 5})
    compile_condition("any(x == 500 for x in request.json)").matches(request)
    plain = request.meter.spent
    compiled("any(x == external['risk'] * 100 for x in request.json)").matches(request)
    assert request.meter.spent - plain - plain >= 100 * 100


# ---- expressions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["request.headers['X-User']", "len(request.path)", "request.json or 'x'", "now_date()", "external['risk']"]
)
def test_an_expression_need_not_be_a_truth(text):
    assert compile_expression(text, external=SERVICES).warnings == ()


@pytest.mark.parametrize("text", ["'a'", "1 + 1", "bucket('a', 10)", "[1, 'a']", "any(x for x in [1])", "1 / 0"])
def test_an_expression_that_is_the_same_for_every_request_is_doubted(text):
    assert [warning.code for warning in compile_expression(text).warnings] == ["RG224"]


@pytest.mark.parametrize(("text", "other"), [("request.headers['X']", "request.args['X']"), ("request.path", "1")])
def test_what_is_doubted_in_a_condition_is_so_whether_it_was_an_expression_before_or_not(text, other):
    for _ in range(2):
        for each in (text, other):
            assert [warning.code for warning in compile_condition(each).warnings] in (["RG225"], ["RG224"])
        assert compile_expression(text).warnings == ()


def test_an_expression_has_the_value_that_a_condition_has():
    request = Request(headers={"X-User": "ann"})
    assert compile_expression("request.headers['X-User']").value(request) == "ann"
    with pytest.raises(EvaluationError):
        compile_expression("request.headers['X-Other']").value(request)
    with pytest.raises(ConditionError):
        compile_expression("request.headers[")


@pytest.mark.parametrize("text", ["request.json['a'] == 1 or request.json['b']", "external['risk']['a']"])
def test_a_condition_that_errs_costs_the_same_whether_its_truth_is_asked_for_or_its_value(text):
    looped = f"any(x for x in request.headers['A'].split(',')) and {text}"
    spent = []
    for ask in ("verdict", "matches", "value"):
        request = Request(json={}, headers={"A": "a,b"})
        try:
            assert not getattr(compiled(looped), ask)(request)
        except EvaluationError:
            assert ask == "value"
        spent.append(request.meter.spent)
    assert spent[0] == spent[1] == spent[2] > 0
