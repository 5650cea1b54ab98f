"""Batching: requests that came while the model was busy are merged, predicted once, and split again.

What has queued is the batch: unless `Batching.max_delay_s` says so, no request waits for others. Requests merge before
they are decoded, so that MLflow's parsing, its schema enforcement and the model run once for all of them.

Merging must not show. So only requests of one shape merge, whose columns hold one and the same type in every row: then
the merged frame has the types that each would have had alone. And only models merge that answer row by row, which is
tried out when they are loaded, see `row_by_row`. A batch that fails is answered one by one, so that a bad row fails its
own request only.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import math
import queue
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mlflow.pyfunc import PyFuncModel
from mlflow.utils.proto_json_utils import _get_jsonable_obj

from rulegate.serving.errors import PredictionFailed
from rulegate.serving.frames import Frame, Kind
from rulegate.serving.mlflow.scoring import encode, parse, predict
from rulegate.serving.models import Batching
from rulegate.serving.protocol import JSON, check_content_type

_log = logging.getLogger("rulegate.model")

ROW_BY_ROW = frozenset({"mlflow.sklearn", "mlflow.xgboost", "mlflow.lightgbm", "mlflow.catboost"})
"""The loader modules of the flavors whose predictors answer each row for itself."""

MAX_MERGED_BYTES = 64 * 1024
"""A larger body is a batch of its own, and looking at each of its cells would cost more than merging saves."""

_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Rows:
    """A request that may merge with others of the same key.

    Attributes:
        key: What must be equal: the form, the columns, the type of each, and the parameters.
        body: The parsed JSON.
        rows: The list in it that holds the rows.
    """

    key: tuple[object, ...]
    body: dict[str, Any]
    rows: list[Any]


def rows_of(frame: Frame) -> Rows | None:
    """The request's rows; None for a request that is to be answered alone."""
    if len(frame.body) > MAX_MERGED_BYTES:
        return None
    try:
        is_json = check_content_type(frame.meta) == JSON
        body = json.loads(frame.body) if is_json else None
        params = None
        if isinstance(body, dict) and "params" in body:
            params = json.dumps(body["params"], sort_keys=True)
    except (PredictionFailed, ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    match [key for key in body if key != "params"], body:
        case ["dataframe_split"], {"dataframe_split": {"columns": list(columns), "data": [_, *_] as rows, **rest}}:
            if rest:
                return None
            cells = rows
        case ["dataframe_records"], {"dataframe_records": [dict(first), *_] as rows}:
            columns = list(first)
            if not all(isinstance(row, dict) and list(row) == columns for row in rows):
                return None
            cells = [list(row.values()) for row in rows]
        case _:
            return None
    types = _types(cells, len(columns))
    if types is None or not all(isinstance(column, str) for column in columns):
        return None
    key = ("dataframe_split" in body, tuple(columns), types, params)
    return Rows(key, body, rows)


def _types(rows: Sequence[Any], width: int) -> tuple[type, ...] | None:
    """The type of each column, if each row has a plain cell for each column, of the same type as in the row before."""
    types: tuple[type, ...] | None = None
    for row in rows:
        if not isinstance(row, list) or len(row) != width or not all(map(_is_plain, row)):
            return None
        found = tuple(map(type, row))
        if types is not None and found != types:
            return None
        types = found
    return types


def _is_plain(cell: object) -> bool:
    """Whether the cell's column has the cell's type, whatever other cells of that type are in it."""
    match cell:
        case str() | bool():
            return True
        case int():
            return -_INT64 <= cell < _INT64
        case float():
            return math.isfinite(cell)
    return False


def predict_merged(model: PyFuncModel, requests: Sequence[Rows]) -> list[bytes]:
    """The encoded answers to requests of one key, in their order.

    Raises:
        PredictionFailed: If the batch fails, or the model does not return a list with one prediction a row.
    """
    first = requests[0].body
    rows = [row for request in requests for row in request.rows]
    form = "dataframe_split" if "dataframe_split" in first else "dataframe_records"
    value = {**first[form], "data": rows} if form == "dataframe_split" else rows
    parsed = parse(model, {**first, form: value}, JSON)
    predictions = _get_jsonable_obj(predict(model, parsed), pandas_orient="records")
    if not isinstance(predictions, list) or len(predictions) != len(rows):
        raise PredictionFailed("The model does not return one prediction a row.", error_code="INTERNAL_ERROR")
    ends = list(itertools.accumulate(len(request.rows) for request in requests))
    return [
        encode(predictions[begin:end], wrapped=parsed.wrapped) for begin, end in zip([0, *ends], ends, strict=False)
    ]


class Take(Protocol):
    """Takes requests from where they queue."""

    def __call__(self, *, timeout: float | None = ...) -> Frame:
        """The next request, waited for at most ``timeout`` seconds; None waits for ever.

        Raises:
            queue.Empty: If none has come by then.
            EOFError: If no more will come.
        """
        ...


class Batcher:
    """Answers requests in batches. For one thread.

    Args:
        model: Answers row by row.
        batching: How requests are merged.
        alone: Answers a request that does not merge.
        send: Sends answers back, all at once.
    """

    def __init__(
        self,
        model: PyFuncModel,
        batching: Batching,
        alone: Callable[[Frame], Frame],
        send: Callable[[Sequence[Frame]], None],
    ) -> None:
        self._model = model
        self._batching = batching
        self._alone = alone
        self._send = send

    def run(self, take: Take) -> None:
        """Answers what there is to take, until no more will come."""
        while frames := self._waiting(take):
            groups: dict[object, list[tuple[Frame, Rows]]] = {}
            for frame in frames:
                rows = rows_of(frame)
                if rows is None:
                    self._send([self._alone(frame)])
                else:
                    groups.setdefault(rows.key, []).append((frame, rows))
            for group in groups.values():
                self._answer(group)

    def _waiting(self, take: Take) -> list[Frame]:
        """What has queued; waits for the first request, and for others only as long as it may. Empty at the end."""
        frames: list[Frame] = []
        with contextlib.suppress(queue.Empty, EOFError):
            frames.append(take())
            until_s = time.monotonic() + self._batching.max_delay_s
            while len(frames) < self._batching.max_size:
                frames.append(take(timeout=max(0.0, until_s - time.monotonic())))
        return frames

    def _answer(self, group: list[tuple[Frame, Rows]]) -> None:
        frames = [frame for frame, _ in group]
        if len(group) > 1:
            try:
                bodies = predict_merged(self._model, [rows for _, rows in group])
            except BaseException as error:  # noqa: BLE001 - answers are owed, even by a model that raises SystemExit
                # One request of them is at fault; apart, each gets its own answer.
                _log.debug("a batch of %d is answered one by one: %s", len(group), type(error).__name__)
            else:
                sizes = itertools.chain([len(group)], itertools.repeat(0))
                answers = zip(frames, bodies, sizes, strict=False)
                self._send([Frame(frame.request_id, Kind.RESULT, JSON, body, size) for frame, body, size in answers])
                return
        for frame in frames:
            self._send([self._alone(frame)])
