"""What it takes to enter an environment without a shell: its Python, and the variables that activating it sets.

Activating is a shell's work, in which scripts of the environment's packages take part. It is done once, when the
environment is made, in a shell that has the variables of models' processes and no others. What it changed is kept with
the environment, and nothing of what was there before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rulegate.serving.exposure import listed

_FILE = "activation.json"

_OF_THE_SHELL = (
    *("_", "PWD", "OLDPWD", "SHLVL", "PS1", "__CONDA_SHLVL_*"),
    *("PIP_*", "CONDA_ENVS_PATH", "CONDA_PKGS_DIRS", "MLFLOW_EXPERIMENT_ID", "_MLFLOW_ACTIVE_MODEL_ID"),
)
"""What is other in the activated shell because it is a shell, or because MLflow says so to installers."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What entering an environment changes.

    Attributes:
        python: The path of its Python.
        values: Variables that it sets.
        fronts: What it puts in front of variables that list folders, as it does with ``PATH``.
    """

    python: str
    values: Mapping[str, str]
    fronts: Mapping[str, str]

    @classmethod
    def between(cls, before: Mapping[str, str], after: Mapping[str, str], *, python: str) -> Activation:
        """What an activation did that found the variables ``before`` and left those ``after``."""
        ignored = listed(after, _OF_THE_SHELL)
        changed = {n: value for n, value in after.items() if value != before.get(n) and n not in ignored}
        ends = {name: os.pathsep + before[name] for name in changed if before.get(name)}
        fronts = {name: changed[name].removesuffix(end) for name, end in ends.items() if changed[name].endswith(end)}
        return cls(python, {name: value for name, value in changed.items() if name not in fronts}, fronts)

    @classmethod
    def read(cls, made: Path) -> Activation:
        """What is kept in an environment's folder.

        Raises:
            OSError: If it is gone.
        """
        return cls(**json.loads((made / _FILE).read_text(encoding="utf-8")))

    def write(self, made: Path) -> None:
        """Keeps it in an environment's folder."""
        (made / _FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    def over(self, variables: Mapping[str, str]) -> dict[str, str]:
        """The variables of a process that enters the environment with these."""
        lists = {
            name: os.pathsep.join(filter(None, (front, variables.get(name)))) for name, front in self.fronts.items()
        }
        return {**variables, **self.values, **lists}
