"""A model that tells what it was given, so that any difference in decoding shows in the answer."""

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


def describe(value):
    match value:
        case pd.DataFrame():
            columns = [
                [describe(name), str(value[name].dtype), [describe(cell) for cell in value[name]]] for name in value
            ]
            return {"DataFrame": columns, "index": [describe(label) for label in value.index]}
        case np.ndarray():
            return {"ndarray": str(value.dtype), "shape": list(value.shape), "data": repr(value.tolist())}
        case dict():
            return {"dict": [[describe(key), describe(item)] for key, item in value.items()]}
        case list():
            return {"list": [describe(item) for item in value]}
    return f"{type(value).__name__} {value!r}"


class Describing(PythonModel):
    def predict(self, context, model_input, params=None):
        return {"input": describe(model_input), "params": describe(params)}


set_model(Describing())
