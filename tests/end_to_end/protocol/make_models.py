"""Saves the models of the protocol's tests, in a process of its own: ``make_models.py FOLDER``."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow.pyfunc  # noqa: E402 - after its switches are set
import mlflow.sklearn  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow.models import ModelSignature  # noqa: E402
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec  # noqa: E402
from mlflow.types.schema import AnyType, Array, Map, Object, Property  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression  # noqa: E402
from sklearn.naive_bayes import MultinomialNB  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402

CODE = Path(__file__).parent / "models"

SCALARS = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")

SIGNATURES = {
    "bare": None,
    "columns": ModelSignature(
        Schema(
            [
                *(ColSpec(name, name) for name in SCALARS),
                *(ColSpec(name, f"{name}?", required=False) for name in ("long", "double", "string", "datetime")),
            ]
        )
    ),
    **{f"column-{name}": ModelSignature(Schema([ColSpec(name, "x")])) for name in SCALARS},
    "optional": ModelSignature(Schema([ColSpec("double", "x", required=False), ColSpec("string", "y")])),
    "unnamed-columns": ModelSignature(Schema([ColSpec("double"), ColSpec("string")])),
    "unnamed-column": ModelSignature(Schema([ColSpec("long")])),
    "nested": ModelSignature(
        Schema(
            [
                ColSpec(Array(DataType.long), "numbers"),
                ColSpec(
                    Object([Property("name", DataType.string), Property("size", DataType.double, required=False)]),
                    "thing",
                ),
                ColSpec(Map(Array(DataType.string)), "groups", required=False),
                ColSpec(AnyType(), "anything", required=False),
            ]
        )
    ),
    "tensor": ModelSignature(Schema([TensorSpec(np.dtype("float32"), (-1, 2))])),
    "tensor-3d": ModelSignature(Schema([TensorSpec(np.dtype("int64"), (-1, 2, 2))])),
    "tensors": ModelSignature(
        Schema([TensorSpec(np.dtype("float64"), (-1, 2), "a"), TensorSpec(np.dtype("int32"), (-1,), "b")])
    ),
    "tensor-of-texts": ModelSignature(Schema([TensorSpec(np.dtype("str"), (-1,))])),
    "params": ModelSignature(
        Schema([ColSpec("string", "text")]),
        params=ParamSchema(
            [
                *(ParamSpec(name, name, default) for name, default in (
                    ("boolean", True), ("integer", 1), ("long", 2), ("float", 0.5), ("double", 1.5), ("string", "s"),
                )),
                ParamSpec("datetime", "datetime", np.datetime64("2024-01-02")),
                ParamSpec("list", "long", [1, 2], shape=(-1,)),
                ParamSpec("maybe", "string", None),
            ]
        ),
    ),
}  # fmt: skip


def save_described(folder: Path) -> None:
    for name, signature in SIGNATURES.items():
        save_code(folder / name, "describing", signature=signature)


def save_code(path: Path, script: str, **arguments: object) -> None:
    mlflow.pyfunc.save_model(
        path=path, python_model=str(CODE / f"{script}.py"), pip_requirements=["mlflow"], **arguments
    )


def save_sklearn(folder: Path) -> None:
    rows = pd.DataFrame({"a": [float(i) for i in range(70)], "b": [i % 7 for i in range(70)]})
    classifier = LogisticRegression(max_iter=10_000).fit(rows, rows["b"])
    signature = ModelSignature(Schema([ColSpec("double", "a"), ColSpec("long", "b")]))
    known = {"signature": signature, "input_example": rows.head(5), "pip_requirements": ["scikit-learn"]}
    mlflow.sklearn.save_model(classifier, folder / "classifier", **known)
    mlflow.sklearn.save_model(classifier, folder / "probabilities", pyfunc_predict_fn="predict_proba", **known)
    regressor = LinearRegression().fit(rows.to_numpy(), rows["a"] * 2 + rows["b"])
    mlflow.sklearn.save_model(regressor, folder / "regressor", pip_requirements=["scikit-learn"])
    texts = pd.DataFrame({"text": ["good fine great", "bad poor awful", "fine great", "poor bad"]})
    sentiment = make_pipeline(FunctionTransformer(np.ravel), CountVectorizer(), MultinomialNB())
    sentiment.fit(texts, ["positive", "negative", "positive", "negative"])
    mlflow.sklearn.save_model(
        sentiment,
        folder / "sentiment",
        signature=ModelSignature(Schema([ColSpec("string", "text")])),
        input_example=texts.head(3),
        pip_requirements=["scikit-learn"],
        skops_trusted_types=["numpy.ravel"],
    )


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    save_described(folder)
    save_sklearn(folder)
    for script in ("returning", "raising", "waiting", "speaking"):
        save_code(folder / script, script)
    for script in ("hint_texts", "hint_objects", "hint_dicts", "chatting"):
        save_code(folder / script.replace("_", "-"), script)
    save_code(folder / "without-params", "without_params", signature=SIGNATURES["params"])


if __name__ == "__main__":
    main()
