"""Makes a model that needs other packages than the gateway has, and some like it: ``make_models_apart.py FOLDER``."""

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
import yaml  # noqa: E402

NEEDS = [f"mlflow-skinny=={importlib.metadata.version('mlflow')}", "pandas", "cachetools==5.5.2"]


def main() -> None:
    logging.disable(logging.WARNING)
    folder = Path(sys.argv[1])
    script = Path(__file__).parent / "models" / "versions.py"
    mlflow.pyfunc.save_model(path=folder / "old", python_model=str(script), pip_requirements=NEEDS)
    for name, needs in {"impossible": "cachetools==999.0", "without-mlflow": "cachetools==5.5.2"}.items():
        shutil.copytree(folder / "old", folder / name)
        (folder / name / "requirements.txt").write_text(f"{needs}\n")
    of_conda = yaml.safe_load((folder / "old" / "conda.yaml").read_text())
    *of_channels, of_pip = of_conda["dependencies"]
    variants = {
        "greeting": {"dependencies": [*of_channels, "greeting", of_pip], "variables": {"COLOUR": "green"}},
        "conda-impossible": {"dependencies": [*of_channels, "greeting=99", of_pip]},
        "without-python": {"dependencies": ["greeting"]},
    }
    for name, changes in variants.items():
        shutil.copytree(folder / "old", folder / name)
        (folder / name / "conda.yaml").write_text(yaml.safe_dump(of_conda | changes))
    shutil.copytree(folder / "old", folder / "without-conda", ignore=shutil.ignore_patterns("conda.yaml"))


if __name__ == "__main__":
    main()
