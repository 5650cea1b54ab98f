"""Makes a model that needs other packages than the gateway has, and two like it: ``make_models_apart.py FOLDER``."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import shutil
import sys
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow  # noqa: E402 - after its switches are set

NEEDS = [f"mlflow-skinny=={importlib.metadata.version('mlflow')}", "pandas", "cachetools==5.5.2"]


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    script = Path(__file__).parent / "models" / "versions.py"
    mlflow.pyfunc.save_model(path=folder / "old", python_model=str(script), pip_requirements=NEEDS)
    for name, needs in {"impossible": "cachetools==999.0", "without-mlflow": "cachetools==5.5.2"}.items():
        shutil.copytree(folder / "old", folder / name)
        (folder / name / "requirements.txt").write_text(f"{needs}\n")


if __name__ == "__main__":
    main()
