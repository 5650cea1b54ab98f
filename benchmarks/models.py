"""The models that benchmarks serve, in a registry of their own, made by a process of its own that alone imports MLflow.

``python -m benchmarks.models DATABASE ARTIFACTS VERSIONS`` makes them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rulegate.demo.sentences import read_sentences

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

TEXT = "bench-text"
"""A scikit-learn pipeline from a text to its sentiment, as the article's models are, logged by ``mlflow.sklearn``."""

CONSTANT = "bench-constant"
"""A scikit-learn classifier that answers the same whatever it is asked."""

_ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


@dataclass(frozen=True, slots=True)
class Models:
    """A registry with ``TEXT`` in as many versions as were asked for, all alike, and ``CONSTANT`` in one.

    Attributes:
        registry_uri: For MLflow.
        files: The folder of the logged text model.
    """

    registry_uri: str
    files: Path


def prepare(folder: Path, *, versions: int = 1) -> Models:
    """Makes the registry in ``folder``; takes about ten seconds, and ten more for each thousand versions."""
    folder.mkdir(parents=True)
    database, artifacts = folder / "mlflow.db", folder / "artifacts"
    command = [sys.executable, "-m", "benchmarks.models", str(database), str(artifacts), str(versions)]
    made = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | _ENVIRONMENT
    )
    return Models(f"sqlite:///{database}", artifacts / "models" / made.stdout.split()[-1] / "artifacts")


def _main(database: Path, artifacts: Path, versions: int) -> None:
    import mlflow
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.dummy import DummyClassifier

    mlflow.set_tracking_uri(f"sqlite:///{database}")
    mlflow.set_registry_uri(f"sqlite:///{database}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("benchmarks", artifacts.as_uri()))
    sentences = read_sentences()
    texts = pd.DataFrame({"text": [sentence.text for sentence in sentences]})
    labels = [sentence.label for sentence in sentences]
    with mlflow.start_run():
        for name, model in ((TEXT, _pipeline()), (CONSTANT, DummyClassifier(strategy="prior"))):
            model.fit(texts, labels)
            logged = mlflow.sklearn.log_model(
                model,
                name=name,
                signature=infer_signature(texts, model.predict(texts)),
                input_example=texts[:3],
                registered_model_name=name,
                # Given in full, for otherwise MLflow loads the model in one more process to see what it imports.
                pip_requirements=["scikit-learn", "skops", "pandas"],
            )
            if name == TEXT:
                client = mlflow.MlflowClient()
                for _ in range(1, versions):
                    client.create_model_version(name, logged.model_uri, model_id=logged.model_id)
                text_id = logged.model_id
    print(text_id)


def _pipeline() -> Pipeline:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    # As the demo's fast model: words and pairs of words, hashed.
    counts = HashingVectorizer(ngram_range=(1, 2), n_features=2**16, alternate_sign=False, norm=None)
    words = make_pipeline(counts, TfidfTransformer(sublinear_tf=True))
    regression = LogisticRegression(C=20, class_weight="balanced", max_iter=1000)
    return make_pipeline(ColumnTransformer([("text", words, "text")]), regression)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
