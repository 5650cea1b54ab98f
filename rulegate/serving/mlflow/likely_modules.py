"""Which modules a model will import, guessed from its files before it is loaded.

Whatever the warm parent has imported, a model's process has for nothing. So before a model is loaded, the parent is
taught what models of its kind import: what the model needs is listed in its ``requirements.txt``, and for the libraries
whose import takes long, this module knows which of their parts models use. A guess that is too large costs some memory
once, shared by all; one that is too small costs time, once: after a load, the parent is taught what the model imported.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

_PARTS = {
    "scikit-learn": (
        "mlflow.sklearn",
        "sklearn.compose",
        "sklearn.ensemble",
        "sklearn.feature_extraction.text",
        "sklearn.linear_model",
        "sklearn.neighbors",
        "sklearn.pipeline",
        "sklearn.preprocessing",
        "sklearn.svm",
        "sklearn.tree",
    ),
    "skops": ("skops.io",),
    "xgboost": ("mlflow.xgboost", "xgboost"),
    "lightgbm": ("mlflow.lightgbm", "lightgbm"),
    "catboost": ("mlflow.catboost", "catboost"),
    "statsmodels": ("mlflow.statsmodels", "statsmodels.api"),
    "scipy": ("scipy.sparse",),
}
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def likely_modules(folder: Path) -> list[str]:
    """Modules of installed distributions that loading the model in ``folder`` is likely to import; may be empty."""
    try:
        lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    names = (match[0] for line in lines if (match := _REQUIREMENT.match(line.strip())))
    distributions = {re.sub(r"[-_.]+", "-", name).lower() for name in names}
    return [
        module
        for distribution, modules in _PARTS.items()
        if distribution in distributions and _is_installed(modules[-1].partition(".")[0])
        for module in modules
    ]


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
