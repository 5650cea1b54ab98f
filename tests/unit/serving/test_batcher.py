"""Answers are owed, whatever a model raises while it has several requests at once."""

from __future__ import annotations

import itertools
import json
import queue
import threading
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


@pytest.fixture
def answered() -> Callable[[Callable[[list[float]], object], list[float]], dict[int, Frame]]:
    """The answers of a model to requests of one cell each that came three at a time, by the request's number."""
    from rulegate.serving.mlflow import model_process
    from rulegate.serving.mlflow.batching import Batcher

    def answered(predict: Callable[[list[float]], object], cells: list[float]) -> dict[int, Frame]:
        answers: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        tried = model(predict)
        batcher = Batcher(
            tried,
            Batching(max_size=3, max_delay_s=30, any_flavor=False),
            lambda frame: model_process._answer(tried, frame),
            lambda frames: [answers.put(frame) for frame in frames],
        )
        requests: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        for number, cell in enumerate(cells):
            requests.put(request(number, cell))
        threading.Thread(target=batcher.run, args=(requests.get,), daemon=True).start()
        return {frame.request_id: frame for frame in (answers.get(timeout=30) for _ in cells)}

    return answered


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_a_batch_that_fails_by_whatever_is_answered_one_by_one_and_so_is_what_comes_then(answered, error):
    def predict(cells: list[float]) -> list[float]:
        if 0.0 in cells:
            raise error
        return cells

    kinds = {number: frame.kind for number, frame in answered(predict, [0.0, 1.0, 2.0] * 3).items()}
    assert kinds == {number: Kind.RESULT if number % 3 else Kind.ERROR for number in range(9)}


def test_a_model_that_no_longer_answers_row_by_row_is_asked_one_by_one(answered):
    """It has passed the trial, and has changed its mind since."""
    bodies = [json.loads(frame.body) for _, frame in sorted(answered(lambda cells: cells[:1], [5.0, 6.0, 7.0]).items())]
    assert bodies == [{"predictions": [5.0]}, {"predictions": [6.0]}, {"predictions": [7.0]}]


def centred(cells: list[float]) -> list[float]:
    return [cell - sum(cells) / len(cells) for cell in cells]


def numbered() -> Callable[[list[float]], list[float]]:
    numbers = itertools.count()
    return lambda cells: [next(numbers) for _ in cells]


def refuse(cells: list[float]) -> list[float]:
    raise ValueError


@pytest.mark.parametrize(
    ("predict", "example", "expected"),
    [
        (lambda cells: [2 * cell for cell in cells], [1.0, 2.0, 3.0], True),
        (lambda cells: [2 * cell for cell in cells], [1.0], True),
        (lambda cells: [{"label": cell} for cell in cells], [1.0, 2.0], True),
        (centred, [1.0, 2.0, 3.0], False),
        (lambda cells: [max(cells)] * len(cells), [1.0, 2.0], False),
        (lambda cells: sorted(cells), [3.0, 1.0, 2.0], False),
        (lambda cells: [sum(cells)], [1.0, 2.0], False),
        (lambda cells: {"labels": cells}, [1.0, 2.0], False),
        # Differs in the last digit only, and from some size on.
        (lambda cells: [cell + (1e-15 if len(cells) > 32 else 0.0) for cell in cells], [1.0, 2.0], False),
        (numbered(), [1.0, 1.0], False),
        (refuse, [1.0, 2.0], False),
        (lambda cells: cells, [], False),
        (lambda cells: cells, None, False),
    ],
)
def test_only_a_model_that_answers_its_example_together_as_apart_has_its_requests_merged(predict, example, expected):
    import pandas as pd

    from rulegate.serving.mlflow.row_by_row import answers_row_by_row

    tried = model(predict)
    tried.input_example = None if example is None else pd.DataFrame({"a": example})
    assert answers_row_by_row(tried) is expected
