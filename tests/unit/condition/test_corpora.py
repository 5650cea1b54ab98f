"""The corpora that every version of the condition language must satisfy."""

import json
import time
from pathlib import Path

import pytest

from rulegate.condition import ConditionError, EvaluationError, Request, compile_condition

CORPORA = Path(__file__).parents[2] / "corpora"
NIGHT = "2025-01-01T03:00:00+00:00"
"""The clock of entries that read it and do not say what it shows."""


def corpus(name):
    entries = json.loads((CORPORA / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(entry, id=entry["id"]) for entry in entries]


def request_of(entry):
    return Request(**{"now": NIGHT, **entry["request"]})


@pytest.mark.parametrize("entry", corpus("accepted"))
def test_a_valid_condition_has_the_value_that_python_gives_it(entry):
    condition = compile_condition(entry["expr"])
    assert condition.matches(request_of(entry)) is entry["expect"]
    assert condition.explain(request_of(entry)).matches is entry["expect"]


@pytest.mark.parametrize("entry", corpus("errors"))
def test_where_python_raises_the_condition_errs_and_does_not_match(entry):
    condition, request = compile_condition(entry["expr"]), request_of(entry)
    assert condition.matches(request) is False
    assert condition.verdict(request) is None
    with pytest.raises(EvaluationError):
        condition.value(request)


@pytest.mark.parametrize("entry", corpus("rejected"))
def test_what_is_no_condition_is_refused_with_diagnostics(entry):
    with pytest.raises(ConditionError) as caught:
        compile_condition(entry["expr"])
    assert caught.value.diagnostics
    assert str(caught.value)


def test_refusing_is_quick():
    """Each within 50 ms of processor time, the best of three: the machine may be busy."""
    compile_condition("request.is_json")  # loads the grammar, once
    for entry in corpus("rejected"):
        best = min(refusal_s(entry.values[0]["expr"]) for _ in range(3))
        assert best < 0.05, entry.id


def refusal_s(text):
    begin = time.thread_time()
    with pytest.raises(ConditionError):
        compile_condition(text)
    return time.thread_time() - begin
