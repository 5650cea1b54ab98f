"""Fills a registry for the tests, in a process of its own: ``make_registry.py FOLDER``; prints facts as JSON."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow  # noqa: E402 - after its switches are set
import mlflow.sklearn  # noqa: E402
from mlflow.models import ModelSignature  # noqa: E402
from mlflow.types import ColSpec, Schema  # noqa: E402

MODELS = Path(__file__).parent / "models"


def log_row_by_row() -> None:
    """A scikit-learn model with an input example, whose answers tell each row apart."""
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rows = pd.DataFrame({"a": [float(i) for i in range(70)], "b": [i % 7 for i in range(70)]})
    classifier = LogisticRegression(max_iter=10_000).fit(rows, rows["b"])
    mlflow.sklearn.log_model(
        classifier,
        name="rows",
        registered_model_name="rows",
        input_example=rows.head(5),
        signature=ModelSignature(inputs=Schema([ColSpec("double", "a"), ColSpec("long", "b")])),
        pip_requirements=["scikit-learn"],
    )


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.create_experiment("tests", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    client = mlflow.MlflowClient()

    def log(name: str, script: str, column: str, **arguments: object) -> mlflow.models.model.ModelInfo:
        signature = ModelSignature(inputs=Schema([ColSpec("string", column)]))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mlflow.pyfunc.log_model(
                name=name,
                python_model=str(MODELS / f"{script}.py"),
                signature=signature,
                pip_requirements=["mlflow"],
                registered_model_name=name,
                **arguments,
            )

    log("obedient", "obedient", "command")
    log("counting", "counting", "text")
    log("stubborn", "stubborn", "text")
    log("dying", "dying", "text")
    log("wild", "wild", "command")
    for name in ("first", "second"):
        log(name, "addressed", "command", model_config={"name": name})
    moody = log("moody", "moody", "command")
    client.create_registered_model("many")
    for _ in range(50):
        client.create_model_version("many", moody.model_uri, model_id=moody.model_id)
    broken = log("broken", "obedient", "command")
    log_row_by_row()
    with mlflow.start_run() as run:
        versions = [log("versioned", "versioned", "text", model_config={"number": n}) for n in (1, 2, 3)]
    client.transition_model_version_stage("versioned", "1", "Production")
    client.transition_model_version_stage("versioned", "2", "Staging")
    client.set_registered_model_alias("versioned", "champion", "2")
    client.set_registered_model_alias("versioned", "Champion", "3")

    for file in (folder / "artifacts").rglob("MLmodel"):
        if f"model_id: {broken.model_id}" in file.read_text():
            file.write_text("flavors: {python_function: {loader_module: [")
    local = folder / "local-model"
    mlflow.pyfunc.save_model(
        path=local,
        python_model=str(MODELS / "versioned.py"),
        model_config={"number": 4},
        pip_requirements=["mlflow"],
        signature=ModelSignature(inputs=Schema([ColSpec("string", "text")])),
    )
    json.dump(
        {
            "uri": uri,
            "model_id": versions[1].model_id,
            "run_id": run.info.run_id,
            "local": str(local),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
