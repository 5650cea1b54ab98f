"""A model that returns what it is told to: a value of each type that a prediction may have."""

import dataclasses
import datetime
import decimal
import math

import numpy as np
import pandas as pd
import pydantic
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Point(pydantic.BaseModel):
    x: int
    y: float


@dataclasses.dataclass
class Pair:
    left: int
    right: int


def circular():
    value = []
    value.append(value)
    return value


RESULTS = {
    "none": lambda: None,
    "text": lambda: 'plain "text" é 漢 😀 \x00 </script>',
    "surrogate": lambda: "\ud800",
    "integer": lambda: 3,
    "large integer": lambda: 2**70,
    "float": lambda: 0.1 + 0.2,
    "whole float": lambda: 1e22,
    "boolean": lambda: True,
    "list": lambda: [1, "two", None, 3.5, False],
    "tuple": lambda: (1, (2, 3)),
    "dict": lambda: {"a": [1, 2], "b": {"c": None}},
    "dict of ndarrays": lambda: {"a": np.arange(3), "b": np.array(["x", "y"])},
    "integer keys": lambda: {1: "one", None: "none", False: "false", 2.5: "float"},
    "numpy keys": lambda: {np.int64(1): "one"},
    "tuple keys": lambda: {(1, 2): "pair"},
    "nested": lambda: {"rows": [{"a": np.float32(0.1), "b": [np.array([1, 2]), {"c": np.bool_(True)}]}]},
    "empty list": list,
    "empty dict": dict,
    "series": lambda: pd.Series([1, 2, 3], name="answer"),
    "nameless series": lambda: pd.Series(["a", "b"]),
    "series with an index": lambda: pd.Series([0.5, 1.5], index=["x", "y"]),
    "data frame": lambda: pd.DataFrame({"n": [1, 2], "f": [0.5, 1.5], "s": ["a", None], "b": [True, False]}),
    "data frame of datetimes": lambda: pd.DataFrame({"t": pd.to_datetime(["2024-01-02 03:04:05.678", None])}),
    "data frame of categories": lambda: pd.DataFrame({"c": pd.Categorical(["x", "y", "x"])}),
    "data frame of nullable integers": lambda: pd.DataFrame({"n": pd.array([1, None], dtype="Int64")}),
    "data frame of lists": lambda: pd.DataFrame({"l": [[1, 2], [3]], "d": [{"a": 1}, {}]}),
    "empty data frame": lambda: pd.DataFrame({"a": []}),
    "double columns": lambda: pd.DataFrame([[1, 2]], columns=["a", "b"]).rename(columns={"b": "c"}),
    "ndarray": lambda: np.array([1.5, 2.5]),
    "2-d ndarray": lambda: np.arange(6).reshape(2, 3),
    "3-d ndarray": lambda: np.zeros((2, 1, 2)),
    "0-d ndarray": lambda: np.array(7),
    "float32 ndarray": lambda: np.array([0.1, 1e-7, 16777217], dtype=np.float32),
    "ndarray of texts": lambda: np.array(["a", "bc"]),
    "ndarray of bytes": lambda: np.array([b"a", b"bc"]),
    "nested ndarray of bytes": lambda: {"b": np.array([b"a", b"bc"])},
    "ndarray of objects": lambda: np.array([1, "a", None, {"k": [1]}], dtype=object),
    "nested ndarray of objects": lambda: [np.array([b"x", np.int8(1), "a"], dtype=object)],
    "ndarray of datetimes": lambda: np.array(["2024-01-02", "2024-01-03T04:05"], dtype="datetime64[s]"),
    "nested ndarray of datetimes": lambda: {"t": np.array(["2024-01-02"], dtype="datetime64[D]")},
    "ndarray of nanoseconds": lambda: np.array(["2024-01-02"], dtype="datetime64[ns]"),
    "complex ndarray": lambda: np.array([1 + 2j]),
    "numpy integer": lambda: np.int64(5),
    "numpy float": lambda: np.float32(0.1),
    "numpy boolean": lambda: np.bool_(False),
    "numpy text": lambda: np.str_("text"),
    "numpy datetime": lambda: np.datetime64("2024-01-02T03:04:05"),
    "numpy nanoseconds": lambda: np.datetime64("2024-01-02T03:04:05.123456789"),
    "bytes": lambda: b"\x00\xffbytes" * 20,
    "bytearray": lambda: [bytearray(b"abc")],
    "timestamp": lambda: pd.Timestamp("2024-01-02 03:04:05.6", tz="Europe/Berlin"),
    "no timestamp": lambda: [pd.NaT],
    "datetime": lambda: datetime.datetime(2024, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC),
    "date": lambda: [datetime.date(2024, 1, 2), datetime.time(3, 4)],
    "pydantic model": lambda: Point(x=1, y=2),
    "list of pydantic models": lambda: [Point(x=1, y=2), Point(x=3, y=4.5)],
    "nan": lambda: [1.0, math.nan, math.inf, -math.inf],
    "nan alone": lambda: math.nan,
    "nan in a data frame": lambda: pd.DataFrame({"x": [1.0, None], "t": ["NaN", "Infinity"]}),
    "nan in an ndarray": lambda: np.array([[np.nan, 1], [np.inf, -np.inf]]),
    "nan in an object": lambda: {"a": {"b": (np.float64("nan"), "NaN")}},
    "nan as a key": lambda: {math.nan: 1, math.inf: [math.nan]},
    "set": lambda: {1},
    "decimal": lambda: decimal.Decimal("1.5"),
    "dataclass": lambda: Pair(1, 2),
    "missing": lambda: pd.NA,
    "timedelta": lambda: datetime.timedelta(seconds=1),
    "function": lambda: len,
    "iterator": lambda: iter([1, 2]),
    "circular": circular,
}


class Returning(PythonModel):
    def predict(self, context, model_input, params=None):
        value = model_input["prompt"] if isinstance(model_input, dict) else model_input.iloc[0, 0]
        return RESULTS[value]()


set_model(Returning())
