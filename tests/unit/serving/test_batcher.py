"""Answers are owed, whatever a model raises while it has several requests at once."""

from __future__ import annotations

import json
import queue
import types
from collections.abc import Callable

import pytest

from rulegate.serving.frames import Frame, Kind
from rulegate.serving.models import Batching

# MLflow's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")


def request(number: int, value: float = 1.0) -> Frame:
    body = {"dataframe_split": {"columns": ["a"], "data": [[value]]}}
    return Frame(number, Kind.PREDICT, "application/json", json.dumps(body).encode())


def model(predict: Callable[[list[float]], object]) -> types.SimpleNamespace:
    """As much of a loaded model as answers frames of one column."""
    import mlflow.models

    return types.SimpleNamespace(
        metadata=mlflow.models.Model(), predict=lambda data, params: predict(data["a"].tolist())
    )


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_a_batch_that_fails_by_whatever_is_answered_one_by_one_and_so_is_what_comes_then(error):
    from rulegate.serving.mlflow import model_process
    from rulegate.serving.mlflow.batching import Batcher

    def predict(cells: list[float]) -> list[float]:
        if 0.0 in cells:
            raise error
        return cells

    answers: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    bad = model(predict)
    batcher = Batcher(
        bad,
        Batching(max_size=3, max_delay_s=30, any_flavor=False),
        lambda frame: model_process._answer(bad, frame),
        lambda frames: [answers.put(frame) for frame in frames],
    )
    for number in range(9):
        batcher.submit(request(number, value=float(number % 4)))
    answered = [answers.get(timeout=30) for _ in range(9)]
    assert {frame.request_id: frame.kind for frame in answered} == {
        number: Kind.ERROR if number % 4 == 0 else Kind.RESULT for number in range(9)
    }
