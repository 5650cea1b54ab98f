"""Saves the models of the protocol's tests, in a process of its own: ``make_models.py FOLDER SEED``."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import drawn  # noqa: E402 - is beside this file
import mlflow.pyfunc  # noqa: E402 - after its switches are set
import mlflow.sklearn  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from mlflow.models import ModelSignature  # noqa: E402
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec  # noqa: E402
from mlflow.types.schema import AnyType, Array, Map, Object, Property  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import RandomForestRegressor  # noqa: E402
from sklearn.feature_extraction.text import CountVectorizer  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge  # noqa: E402
from sklearn.naive_bayes import GaussianNB, MultinomialNB  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer, StandardScaler  # noqa: E402

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
    "chat-like": ModelSignature(
        Schema(
            [
                ColSpec(
                    Array(Object([Property("role", DataType.string), Property("content", DataType.string)])), "messages"
                )
            ]
        ),
        params=ParamSchema(
            [
                ParamSpec("temperature", "double", 0.5),
                ParamSpec("max_tokens", "integer", 20),
                ParamSpec("top_p", "double", 0.9),
            ]
        ),
    ),
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


def save_dense(folder: Path) -> None:
    """Models that are given round numbers as an example, with which nothing is ever rounded."""
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(draw.normal(size=(200, 4)), columns=["a", "b", "c", "d"])
    number = rows.sum(axis=1)
    kind = number > 0
    found = (
        (LinearRegression(), number, "predict"),
        (LogisticRegression(), kind, "predict_proba"),
        (MLPClassifier((5,), max_iter=20, random_state=0), kind, "predict_proba"),
        (RandomForestRegressor(5, random_state=0), number, "predict"),
        (GaussianNB(), kind, "predict_proba"),
        (make_pipeline(StandardScaler(), PCA(2), Ridge()), number, "predict"),
    )
    for name, (estimator, target, answers) in zip(drawn.DENSE, found, strict=True):
        mlflow.sklearn.save_model(
            estimator.fit(rows, target),
            folder / name,
            input_example=rows.head(3).round(),
            pyfunc_predict_fn=answers,
            pip_requirements=["scikit-learn"],
            serialization_format="pickle",
        )


def save_drawn(folder: Path, seed: int) -> None:
    for name, known in drawn.signatures(seed).items():
        params = ParamSchema.from_json(json.dumps(known["params"])) if known["params"] else None
        signature = ModelSignature(Schema.from_json(json.dumps(known["inputs"])), params=params)
        save_code(folder / name, "describing", signature=signature)
    template = (CODE / "hinted.txt").read_text()
    with tempfile.TemporaryDirectory() as scripts:
        for hint in drawn.HINTS:
            script = Path(scripts) / "hinted.py"
            script.write_text(template.replace("HINT", hint))
            mlflow.pyfunc.save_model(
                path=folder / drawn.hint_model(hint), python_model=str(script), pip_requirements=["mlflow"]
            )


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    save_described(folder)
    save_sklearn(folder)
    save_dense(folder)
    for script in ("returning", "raising", "waiting", "speaking", "building", "responding", "agreeing"):
        save_code(folder / script, script)
    for script in ("hint_texts", "hint_objects", "hint_dicts", "chatting"):
        save_code(folder / script.replace("_", "-"), script)
    save_code(folder / "without-params", "without_params", signature=SIGNATURES["params"])
    save_drawn(folder, int(sys.argv[2]))


if __name__ == "__main__":
    main()
