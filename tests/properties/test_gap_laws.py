"""What a request may lack: an expression errs only in one of its gaps, and what is ensured is there."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import example, given, settings

from rulegate.condition import EvaluationError, Request, compile_condition, compile_expression
from rulegate.condition.vocabulary import MAX_GENERATORS

LOOK_UPS = ["request.headers['X-A']", "request.headers['x-b']", "request.args['a']", "request.json['a']"]
LEAVES = [
    *(f"{look_up} == '1'" for look_up in LOOK_UPS),
    "request.json['b']['a'] != '1'",
    "request.headers['X-A'] == request.args['a'] == '1'",
    "'X-A' in request.headers",
    "'X-B' in request.headers",
    "'a' in request.args",
    "'a' in request.json",
    "'b' in request.json",
    "'a' not in request.json",
    "request.json.get('a') is None",
    "request.method == 'POST'",
    "bool(request.headers['X-A'])",
    "any(request.json['a'] == x for x in request.json['l'])",
    "all(request.headers['X-B'] == x for x in request.json['l'])",
    "any(x == '1' for x in request.json['l'] if request.args['a'] == x)",
]
texts = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda three: f"({''.join(three)})"),
        inner.map(lambda one: f"(not {one})"),
        st.tuples(inner, inner, inner).map(lambda three: "({} if {} else {})".format(*three)),
    ),
    max_leaves=5,
).filter(lambda text: text.count(" for ") <= MAX_GENERATORS)
values = st.sampled_from(["1", "2"])
requests = st.builds(
    Request,
    json=st.fixed_dictionaries(
        {},
        optional={"a": values, "b": st.fixed_dictionaries({}, optional={"a": values}), "l": st.lists(values)},
    ),
    args=st.fixed_dictionaries({}, optional={"a": values}),
    headers=st.fixed_dictionaries({}, optional={"X-A": values, "X-B": values}),
    method=st.sampled_from(["POST", "PUT"]),
)


def errs(text: str, request: Request) -> bool:
    try:
        compile_expression(text).value(request)
    except EvaluationError:
        return True
    return False


@settings(max_examples=1000)
@given(texts, requests)
@example("'X-A' in request.headers and request.headers['X-B'] == '1'", Request(headers={"X-A": "1", "X-B": "1"}))
def test_what_a_true_condition_ensures_is_there(text: str, request: Request):
    condition = compile_condition(text)
    if not errs(text, request) and condition.matches(request):
        assert not [look_up for look_up in condition.ensures() if errs(look_up, request)]


@settings(max_examples=1000)
@given(texts, requests)
def test_an_expression_errs_only_in_one_of_its_gaps(text: str, request: Request):
    gaps = [gap.text for gap in compile_expression(text).gaps()]
    if errs(text, request):
        assert [gap for gap in gaps if errs(gap, request)]


def test_a_condition_ensures_what_it_reads_and_tests():
    def ensured(text: str) -> set[str]:
        return set(compile_condition(text).ensures())

    assert ensured("'X-A' in request.headers and request.args['a'] == '1'") == {
        "request.headers['x-a']",
        "request.args['a']",
    }
    assert ensured("request.json['a']['b'] != 1") == {"request.json['a']", "request.json['a']['b']"}
    assert ensured("request.args['a'] == '1' or request.args['b'] == '1'") == {"request.args['a']"}
    assert ensured("any(x == request.args['a'] for x in request.json['l'])") == {"request.json['l']"}
    assert ensured("not 'X-A' in request.headers") == set()
