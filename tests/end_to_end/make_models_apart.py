"""Makes models that need other packages than the gateway has: ``make_models_apart.py FOLDER``."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import sys
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow  # noqa: E402 - after its switches are set

NEEDS = [f"mlflow-skinny=={importlib.metadata.version('mlflow')}", "pandas"]


def main() -> None:
    logging.disable(logging.WARNING)
    for name, needs in {
        "old": [*NEEDS, "cachetools==5.5.2"],
        "impossible": [*NEEDS, "cachetools==0.0.0"],
        "without-mlflow": ["cachetools==5.5.2"],
    }.items():
        script = Path(__file__).parent / "models" / "versions.py"
        mlflow.pyfunc.save_model(path=Path(sys.argv[1]) / name, python_model=str(script), pip_requirements=needs)
    # MLflow adds itself to what it is told.
    (Path(sys.argv[1]) / "without-mlflow" / "requirements.txt").write_text("cachetools==5.5.2\n")


if __name__ == "__main__":
    main()
