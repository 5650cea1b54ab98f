"""Requests of a model merge only where rows together are answered as they are apart, to the last digit."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

# MLflow's own, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")

ROUND = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 7.0]})


class Model:
    """As much of a loaded model as is asked of one, and how often it has predicted."""

    def __init__(self, answer, example=ROUND, schema=None):
        self.answer = answer
        self.input_example = example
        self.metadata = SimpleNamespace(get_input_schema=lambda: schema)
        self.predictions = 0

    def predict(self, frame, params=None):
        self.predictions += 1
        return self.answer(frame)


@pytest.fixture
def answers_row_by_row():
    from rulegate.serving.mlflow.row_by_row import answers_row_by_row

    return answers_row_by_row


def added_forwards(frame):
    return (frame["a"] + frame["b"]) + frame["c"]


def added_backwards(frame):
    return (frame["c"] + frame["b"]) + frame["a"]


def test_numbers_that_are_computed_row_by_row_may_merge(answers_row_by_row):
    assert answers_row_by_row(Model(lambda frame: added_forwards(frame).to_numpy()))


@pytest.mark.parametrize("size", [2, 3, 4, 5, 8, 16, 33, 128])
def test_a_sum_in_another_order_is_noticed_though_the_example_is_of_round_numbers(answers_row_by_row, size):
    """Whatever the size of the batch is, from which on the model adds up in another order."""

    def answer(frame):
        return (added_forwards if len(frame) < size else added_backwards)(frame).to_numpy()

    assert answer(ROUND).tolist() == added_backwards(ROUND).tolist()
    assert not answers_row_by_row(Model(answer))


@pytest.mark.parametrize(
    "answer",
    [
        lambda frame: frame["a"].rank().to_numpy(),
        lambda frame: [str(frame["a"].mean())] * len(frame),
        lambda frame: [1.5],
        lambda frame: {"sum": 1.5},
    ],
    ids=["ranks", "means as texts", "one answer for all", "no list"],
)
def test_what_depends_on_the_other_rows_does_not_merge(answers_row_by_row, answer):
    assert not answers_row_by_row(Model(answer))


def test_where_answers_have_no_fractions_a_load_costs_few_predictions(answers_row_by_row):
    many = pd.concat([ROUND] * 100)
    model = Model(lambda frame: ["yes"] * len(frame), many)
    assert answers_row_by_row(model)
    assert model.predictions <= 24


def test_where_they_have_a_load_costs_a_bounded_number(answers_row_by_row):
    model = Model(lambda frame: frame["a"].to_numpy(), pd.concat([ROUND] * 100))
    assert answers_row_by_row(model)
    assert model.predictions <= 80


def test_a_model_that_answers_nothing_but_what_it_knows_is_tried_on_that(answers_row_by_row):
    example = pd.DataFrame({"colour": ["deep blue", "red"], "a": [1.0, 2.0], "n": [1, 2]})

    def known(frame):
        if not (set(frame["colour"]) <= {"deep blue", "red"} and set(frame["a"]) <= {1.0, 2.0}):
            raise ValueError
        return frame["a"] / np.where(frame["n"] > 1, 3, 7)

    assert answers_row_by_row(Model(lambda frame: known(frame).to_numpy(), example))
    assert not answers_row_by_row(Model(lambda frame: (known(frame) + len(frame)).to_numpy(), example))


def test_columns_of_times_do_not_merge_since_all_are_read_as_the_first_one(answers_row_by_row):
    from mlflow.types import ColSpec, Schema

    schema = Schema([ColSpec("datetime", "t"), ColSpec("double", "a")])
    example = pd.DataFrame({"t": ["2024-01-02"], "a": [1.0]})
    assert not answers_row_by_row(Model(lambda frame: frame["a"].to_numpy(), example, schema))


@pytest.mark.parametrize("example", [None, ROUND.head(0), {"a": 1}], ids=["none", "empty", "no frame"])
def test_without_an_example_there_is_nothing_to_try(answers_row_by_row, example):
    assert not answers_row_by_row(Model(lambda frame: frame["a"].to_numpy(), example))
