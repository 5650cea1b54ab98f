"""Tries out whether a model answers rows together as it answers them apart, to the last digit.

The numbers of a dense model come from a library of linear algebra, which adds up in another order for one row than for
several, so that now and then the last digit differs. It does for some rows and not for others: a round number rounds to
itself, and an input example has few rows. So where answers hold such numbers, the example's rows are varied and tried
in batches of many sizes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, Final

import pandas as pd
from mlflow.pyfunc import PyFuncModel
from mlflow.types import DataType

from rulegate.serving.errors import PredictionFailed
from rulegate.serving.frames import Frame, Kind
from rulegate.serving.mlflow.batching import Rows, predict_merged, rows_of
from rulegate.serving.protocol import JSON

SIZES: Final = (2, 3, 8, 33)
"""Sizes of the batches that are tried out: small and odd ones, and one past what vector units take at once."""

MORE_SIZES: Final = (2, 3, 4, 5, 8, 16, 33, 128)
"""The same where answers hold numbers that could differ. What a larger batch touches stays in the process's memory."""

_VARIED_ROWS: Final = 32
"""How many rows are tried out apart, of which each costs a prediction when the model is loaded."""

_EXAMPLE_ROWS: Final = 16
"""How many rows of the example are, where answers hold no numbers that could differ."""

_Row = list[Any]


def answers_row_by_row(model: PyFuncModel) -> bool:
    """Whether rows like those of the model's input example are answered together as they are apart."""
    # An older MLflow in a model's own environment may not know the example.
    example = getattr(model, "input_example", None)
    if not isinstance(example, pd.DataFrame) or example.empty or _has_times(model):
        return False
    body = json.loads(example.head(_VARIED_ROWS).to_json(orient="split", index=False))
    columns, rows = body["columns"], body["data"]
    trial = _Trial(model, columns, rows[:_EXAMPLE_ROWS])
    if not trial.succeeds(SIZES):
        return False
    if not trial.has_fractions():
        return True
    for vary in (_vary_all, _vary_fractions, _vary_nothing):
        varied = _Trial(model, columns, _varied(rows, vary))
        if varied.is_answered():
            return varied.succeeds(MORE_SIZES)
    return False


def _has_times(model: PyFuncModel) -> bool:
    """Whether the input has columns of times, which are all read as what the first of them looks like."""
    schema = model.metadata.get_input_schema()
    return schema is not None and DataType.datetime in schema.input_types()


class _Trial:
    """Rows, answered apart and together. What is answered once is kept."""

    def __init__(self, model: PyFuncModel, columns: Sequence[Any], rows: Sequence[_Row]) -> None:
        self._model = model
        self._requests = [_request(columns, row) for row in rows]
        self._apart: dict[int, bytes] = {}

    def succeeds(self, sizes: Sequence[int]) -> bool:
        """Whether batches of all these sizes are answered as their rows are."""
        if None in self._requests:
            return False
        try:
            return all(self._agrees(size) for size in sizes)
        except PredictionFailed:
            return False

    def is_answered(self) -> bool:
        """Whether the model answers the rows at all."""
        try:
            self._together(range(len(self._requests)))
        except PredictionFailed:
            return False
        return True

    def has_fractions(self) -> bool:
        """Whether there are numbers in the answers so far that have been rounded, or might have been."""
        return any(_has_fraction(json.loads(answer)) for answer in self._apart.values())

    def _agrees(self, size: int) -> bool:
        # In each size the rows come in another order: where in a batch a row is may tell how it is added up.
        numbers = [(number * 5 + size) % len(self._requests) for number in range(size)]
        together = self._together(numbers)
        return all(answer == self._alone(number) for answer, number in zip(together, numbers, strict=True))

    def _alone(self, number: int) -> bytes:
        if number not in self._apart:
            (self._apart[number],) = self._together([number])
        return self._apart[number]

    def _together(self, numbers: Sequence[int]) -> list[bytes]:
        return predict_merged(self._model, [request for n in numbers if (request := self._requests[n]) is not None])


def _request(columns: Sequence[Any], row: _Row) -> Rows | None:
    body = {"dataframe_split": {"columns": columns, "data": [row]}}
    return rows_of(Frame(0, Kind.PREDICT, JSON, json.dumps(body).encode()))


def _has_fraction(answer: Any) -> bool:
    match answer:
        case float():
            return True
        case list():
            return any(map(_has_fraction, answer))
        case dict():
            return any(map(_has_fraction, answer.values()))
    return False


def _varied(rows: Sequence[_Row], vary: Callable[[random.Random, Any], Any]) -> list[_Row]:
    """Rows of which each cell is like one of the same column; the same ones for the same rows."""
    draw = random.Random(0)  # noqa: S311 - chosen, not secret
    columns = list(zip(*rows, strict=True))
    return [[vary(draw, draw.choice(column)) for column in columns] for _ in range(_VARIED_ROWS)]


def _vary_all(draw: random.Random, cell: Any) -> Any:
    match cell:
        case bool():
            return cell
        case int():
            return cell + draw.randrange(10)
        case str():
            words = cell.split(" ")
            return " ".join(draw.sample(words, len(words)))
    return _vary_fractions(draw, cell)


def _vary_fractions(draw: random.Random, cell: Any) -> Any:
    return (cell or 1.0) * draw.uniform(0.5, 1.5) if isinstance(cell, float) else cell


def _vary_nothing(_: random.Random, cell: Any) -> Any:
    return cell
