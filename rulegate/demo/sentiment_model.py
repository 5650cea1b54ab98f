"""The code of both demo models: MLflow copies this file into each model and runs it when the model is loaded.

Nothing of rulegate is imported here, so the models load wherever MLflow, scikit-learn and skops are installed.
"""

from __future__ import annotations

from typing import Any

import mlflow
import pandas as pd
import skops.io
from mlflow.exceptions import MlflowException

HIGH_CONFIDENCE = 0.7
"""From this probability of being domain text on, inclusive, the confidence is high."""

MEDIUM_CONFIDENCE = 0.4
"""From this probability of being domain text on, inclusive, the confidence is medium; below it, low."""


class SentimentModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow is not typed
    """Says of each text whether it is positive or negative, and how probable that is.

    The artifact ``sentiment`` holds the classifier. Where there is an artifact ``domain``, a second classifier says how
    surely the text is from one of the domains that the first was trained for. Safe to share between threads: predicting
    changes nothing.
    """

    def load_context(self, context: Any) -> None:
        """Loads the classifiers; skops builds only the types of scikit-learn and numpy that it knows to be safe."""
        self._sentiment = skops.io.load(context.artifacts["sentiment"])
        domain = context.artifacts.get("domain")
        self._domain = skops.io.load(domain) if domain else None

    def predict(
        self,
        context: Any,  # noqa: ARG002 - the signature is MLflow's
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> list[dict[str, Any]]:
        """One answer a row of the column ``text``.

        Each has the ``label`` (``positive`` or ``negative``), its probability as ``score`` (0.5 to 1, four digits) and,
        from the model with a domain classifier, ``domain_confidence`` (``high``, ``medium`` or ``low``).

        Raises:
            MlflowException: If a row of the column is not a string; nothing is answered then.
        """
        texts = model_input["text"].tolist()
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                # Of all errors, only MLflow's own reach the sender with their message.
                raise MlflowException.invalid_parameter_value(f"row {number} of column `text` is not a string")
        if not texts:
            return []
        probabilities = self._sentiment.predict_proba(texts)
        answers: list[dict[str, Any]] = [
            {"label": str(self._sentiment.classes_[row.argmax()]), "score": round(float(row.max()), 4)}
            for row in probabilities
        ]
        if self._domain is not None:
            for answer, (_, domain) in zip(answers, self._domain.predict_proba(texts), strict=True):
                answer["domain_confidence"] = _confidence(domain)
        return answers


def _confidence(probability: float) -> str:
    if probability >= HIGH_CONFIDENCE:
        return "high"
    return "medium" if probability >= MEDIUM_CONFIDENCE else "low"


mlflow.models.set_model(SentimentModel())
