"""Whether a request failed by its own fault or by the model's is told apart: only the latter has a fallback answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rulegate.serving.errors import PredictionFailed

CASES = sys.modules["protocol_cases"].cases()

# Models that never raise by themselves, so that all that fails is a request at fault: body, columns, types, parameters.
PATIENT = ("columns", "nested", "optional", "params", "tensor", "tensors", "hint-texts", "hint-objects", "hint-dicts")


# MLflow says much about type hints when it is imported and when it loads such models.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def load(models: Path) -> Any:
    import mlflow.pyfunc

    return lambda name: mlflow.pyfunc.load_model(str(models / name), suppress_warnings=True)


@pytest.fixture
def scoring() -> Any:
    from rulegate.serving.mlflow import scoring

    return scoring


@pytest.fixture
def failures(load: Any, scoring: Any) -> Callable[[str], dict[str, bool]]:
    """By the name of each case of a model that fails, whether the model is at fault."""
    return lambda model: _failures(scoring, load(model), model)


def _failures(scoring: Any, loaded: Any, model: str) -> dict[str, bool]:
    found = {}
    for case in CASES:
        if case.model == model:
            try:
                scoring.score(loaded, case.body, case.content_type)
            except PredictionFailed as failure:
                found[case.name] = failure.by_model
    return found


@pytest.mark.parametrize("model", PATIENT)
def test_what_does_not_fit_the_models_input_is_the_requests_fault(failures, model):
    found = failures(model)
    assert found
    assert [name for name, by_model in found.items() if by_model] == []


def test_what_the_models_own_code_raises_is_the_models_fault_whatever_it_raises(failures):
    found = failures("raising")
    assert len(found) > 20
    assert [name for name, by_model in found.items() if not by_model] == []


def test_what_a_library_raises_that_the_model_calls_is_the_models_fault(failures):
    found = failures("classifier")
    assert {name for name, by_model in found.items() if by_model} == {"null", "nan", "no rows"}
    assert {"a word", "a column missing"} <= {name for name, by_model in found.items() if not by_model}


@pytest.mark.parametrize(
    ("messages", "by_model"),
    [("text", False), ([{"content": "no role"}], False), ([{"role": "user", "content": "fail"}], True)],
    ids=["no messages", "no role", "it raises"],
)
def test_the_same_holds_for_answers_in_parts(load, scoring, messages, by_model):
    body = json.dumps({"messages": messages, "stream": True}).encode()
    with pytest.raises(PredictionFailed) as failed:
        next(scoring.stream(load("chatting"), body, "application/json"))
    assert failed.value.by_model is by_model
