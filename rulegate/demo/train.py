"""Trains the demo's two models and registers them; run in a process of its own, which alone imports MLflow.

``python -m rulegate.demo.train DATABASE ARTIFACTS`` writes a registry into the SQLite file ``DATABASE`` and the models
into the folder ``ARTIFACTS``. Each line on standard output is one step of progress; exit code 0 means all is done.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import mlflow
import pandas as pd
import skops.io
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, Schema
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from rulegate.demo.sentences import Sentence, read_sentences, split

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_MODEL_CODE = Path(__file__).with_name("sentiment_model.py")
_DISTRIBUTIONS = ("mlflow", "pandas", "scikit-learn", "skops")
_STAGE = "Production"
_ALIAS = "champion"


@dataclass(frozen=True, slots=True)
class _Trained:
    """A model ready to be logged: its name in the registry, its classifiers by artifact name, what it scored."""

    name: str
    classifiers: dict[str, Pipeline]
    metrics: dict[str, float]
    example: str


def main(database: Path, artifacts: Path) -> None:
    """Trains, measures on held-out sentences, logs and registers both models, and puts them into stage Production."""
    mlflow.set_tracking_uri(f"sqlite:///{database}")
    mlflow.set_registry_uri(f"sqlite:///{database}")
    _say("creating the registry …")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("rulegate-demo", artifacts.as_uri()))
    for train in (_train_fast, _train_accurate):
        _register(train())


def _train_fast() -> _Trained:
    """Words and pairs of words, learnt from everyday sentences only: small, quick, lost among experts."""
    _say("training sentiment-model-fast …")
    parts = split(read_sentences())
    held_out = [sentence for sentence in parts.held_out if not sentence.is_domain]
    classifier = make_pipeline(_words(), _regression())
    _fit_label(classifier, [sentence for sentence in parts.train if not sentence.is_domain])
    accuracy = _accuracy(classifier, held_out)
    _say(f"sentiment-model-fast is right on {accuracy:.0%} of {len(held_out)} held-out everyday sentences")
    return _Trained(
        name="sentiment-model-fast",
        classifiers={"sentiment": classifier},
        metrics={"held_out_accuracy": accuracy},
        example="I love this product, it works great",
    )


def _train_accurate() -> _Trained:
    """Words and parts of words, learnt from all sentences, beside a classifier that tells domain text."""
    _say("training sentiment-model-accurate …")
    parts = split(read_sentences())
    classifier = make_pipeline(make_union(_words(), _parts_of_words()), _regression())
    _fit_label(classifier, parts.train)
    domain = make_pipeline(_parts_of_words(), _regression())
    domain.fit([sentence.text for sentence in parts.train], [sentence.is_domain for sentence in parts.train])
    experts = [sentence for sentence in parts.held_out if sentence.is_domain]
    accuracy, expert_accuracy = _accuracy(classifier, parts.held_out), _accuracy(classifier, experts)
    _say(
        f"sentiment-model-accurate is right on {accuracy:.0%} of {len(parts.held_out)} held-out sentences, "
        f"{expert_accuracy:.0%} of the {len(experts)} domain specific ones"
    )
    return _Trained(
        name="sentiment-model-accurate",
        classifiers={"sentiment": classifier, "domain": domain},
        metrics={"held_out_accuracy": accuracy, "held_out_domain_accuracy": expert_accuracy},
        example="Domain specific text: the settlement was excellent",
    )


def _register(trained: _Trained) -> None:
    _say(f"registering {trained.name} …")
    outputs = [ColSpec("string", "label"), ColSpec("double", "score")]
    if "domain" in trained.classifiers:
        outputs.append(ColSpec("string", "domain_confidence"))
    with tempfile.TemporaryDirectory() as folder, mlflow.start_run(run_name=trained.name):
        files = {name: Path(folder, f"{name}.skops") for name in trained.classifiers}
        for name, classifier in trained.classifiers.items():
            skops.io.dump(classifier, files[name])
        logged = mlflow.pyfunc.log_model(
            name=trained.name,
            python_model=str(_MODEL_CODE),
            artifacts={name: str(file) for name, file in files.items()},
            signature=ModelSignature(inputs=Schema([ColSpec("string", "text")]), outputs=Schema(outputs)),
            input_example=pd.DataFrame({"text": [trained.example]}),
            # Given in full, for otherwise MLflow loads the model in one more process to see what it imports.
            pip_requirements=[f"{name}=={version(name)}" for name in _DISTRIBUTIONS],
            registered_model_name=trained.name,
        )
        mlflow.log_metrics(trained.metrics)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(trained.name, _ALIAS, logged.registered_model_version)
    with warnings.catch_warnings():
        # Stages are deprecated, and they are what the demo's configuration shows.
        warnings.simplefilter("ignore", FutureWarning)
        client.transition_model_version_stage(trained.name, str(logged.registered_model_version), _STAGE)


def _words() -> Pipeline:
    return _hashed(analyzer="word", ngram_range=(1, 2))


def _parts_of_words() -> Pipeline:
    return _hashed(analyzer="char_wb", ngram_range=(3, 5))


def _hashed(*, analyzer: str, ngram_range: tuple[int, int]) -> Pipeline:
    # Hashed, not counted in a vocabulary: skops takes seconds to write ten thousand entries, and a model process a
    # fifth of a second to read them before its first answer.
    counts = HashingVectorizer(
        analyzer=analyzer, ngram_range=ngram_range, n_features=2**16, alternate_sign=False, norm=None
    )
    return make_pipeline(counts, TfidfTransformer(sublinear_tf=True))


def _regression() -> LogisticRegression:
    # Short texts have few words each: weak regularisation lets one telling word move the probability far enough.
    return LogisticRegression(C=20, class_weight="balanced", max_iter=1000)


def _fit_label(classifier: Pipeline, sentences: Sequence[Sentence]) -> None:
    classifier.fit([sentence.text for sentence in sentences], [sentence.label for sentence in sentences])


def _accuracy(classifier: Pipeline, sentences: Sequence[Sentence]) -> float:
    """The share of ``sentences`` whose label the classifier finds, 0 to 1."""
    texts, labels = [sentence.text for sentence in sentences], [sentence.label for sentence in sentences]
    return float(classifier.score(texts, labels))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _run() -> None:
    try:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent quotes the last line
        traceback.print_exc()
        first_line = str(error).partition("\n")[0]
        sys.exit(f"{type(error).__name__}: {first_line}")


if __name__ == "__main__":
    _run()
