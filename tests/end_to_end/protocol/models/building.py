"""A model that returns what a recipe tells it to make."""

import base64
import datetime
import decimal
import enum
import json
import pathlib

import numpy as np
import pandas as pd
import pydantic
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class Point(pydantic.BaseModel):
    x: float
    label: str | None = None


class Colour(enum.Enum):
    RED = "red"


def cells(dtype, values):
    return pd.Series(values, dtype=dtype)


def array(dtype, shape, values):
    flat = np.array(values).astype(dtype)
    return np.resize(flat, shape) if 0 not in shape else np.zeros(shape, dtype)


def odd(what):
    match what:
        case "set":
            return {1}
        case "decimal":
            return decimal.Decimal("1.5")
        case "timedelta":
            return datetime.timedelta(1)
        case "NA":
            return pd.NA
        case "NaT":
            return pd.NaT
        case "path":
            return pathlib.Path("p")
        case "enum":
            return Colour.RED
        case "sparse":
            import scipy.sparse

            return scipy.sparse.eye(2).tocsr()
    return object()


def build(recipe):
    match recipe:
        case ["json", value]:
            return value
        case ["array", dtype, shape, values]:
            return array(dtype, shape, values)
        case ["scalar", dtype, _, values]:
            return array(dtype, [2], values)[0]
        case ["times", dtype, values]:
            return np.array(values, dtype=dtype)
        case ["bytes", text]:
            return base64.b64decode(text)
        case ["texts", values]:
            return np.array(values)
        case ["byte array", values]:
            return np.array([value.encode() for value in values])
        case ["numpy text", values]:
            return np.str_(values[0])
        case ["series", column, name, index]:
            series = cells(*column).rename(name)
            return series if index is None else series.set_axis(index)
        case ["frame", columns, index]:
            frame = pd.DataFrame({name: cells(*column) for name, column in columns.items()})
            return frame if index is None or not columns else frame.set_axis(index)
        case ["stamp", text]:
            return pd.Timestamp(text)
        case ["date", text]:
            return datetime.datetime.fromisoformat(text).date()
        case ["model", number, label]:
            return Point(x=number, label=label)
        case ["odd", what]:
            return odd(what)
        case ["object array", items]:
            made = np.empty(len(items), dtype=object)
            for number, item in enumerate(items):
                made[number] = build(item)
            return made
        case ["dict", pairs]:
            return {build(key): build(value) for key, value in pairs}
        case ["list", items]:
            return [build(item) for item in items]
        case ["tuple", items]:
            return tuple(build(item) for item in items)
    raise ValueError(recipe)


class Building(PythonModel):
    def predict(self, context, model_input, params=None):
        asked = model_input["prompt"] if isinstance(model_input, dict) else model_input["recipe"].iloc[0]
        return build(json.loads(asked))


set_model(Building())
