"""The programs that make environments: where each is found, what it is told, and what may stand in its way."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from rulegate.serving.models import Manager

PROGRAMS: Mapping[Manager, str] = {"uv": "uv", "virtualenv": "pyenv", "conda": "conda"}
"""The program that each manager needs; MLflow's `virtualenv` is Python's own `venv` on a Python that pyenv brings."""

_TOLD = {
    # Models' processes write no compiled code, so what uv does not compile now is compiled at each load.
    "UV_COMPILE_BYTECODE": "1",
    # Nobody is there to be asked.
    "CONDA_ALWAYS_YES": "true",
    "MAMBA_ALWAYS_YES": "true",
}

# Packages of conda's have room for a path of this length, and MLflow's names below the folder take up the rest.
_CONDA_PATH_CHARACTERS = 255
_CONDA_NAMES_CHARACTERS = 150

_Obstacle = tuple[str, str]


def search_path(environment: Mapping[str, str]) -> str:
    """Where programs are looked for: the ``PATH``, then beside the gateway's own Python, where pip puts them."""
    return os.pathsep.join(part for part in (environment.get("PATH"), str(Path(sys.executable).parent)) if part)


def variables(manager: Manager, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment variables with which MLflow runs the manager's program, and finds it where `obstacle` does.

    Args:
        manager: Makes environments.
        environment: What installers may know of the gateway's variables.
    """
    found = {**_TOLD, **environment, "PATH": search_path(environment)}
    if manager != "conda":
        return found
    folder = _conda_folder(environment)
    # Given a folder, MLflow activates by conda's script for shells that is there; else by a program on the PATH.
    for name in ("MLFLOW_CONDA_HOME", "CONDA_EXE"):
        found.pop(name, None)
    return found if folder is None else {**found, "CONDA_EXE": str(folder / "conda")}


def obstacle(manager: Manager, folder: Path, environment: Mapping[str, str]) -> _Obstacle | None:
    """Why no environment can be made in ``folder`` on this machine, and what to do about it; None if one can."""
    if shlex.quote(str(folder)) != str(folder):
        # MLflow writes the path into commands as it is.
        return (
            f"environments cannot be made in the folder `{folder}`: its path has a blank or a sign of the shell's",
            "name another folder in RULEGATE_CACHE",
        )
    return _obstacle_of_conda(folder, environment) if manager == "conda" else _missing(manager, environment)


def _missing(manager: Manager, environment: Mapping[str, str]) -> _Obstacle | None:
    program = PROGRAMS[manager]
    if shutil.which(program, path=search_path(environment)):
        return None
    return (
        f"`environment: {manager}` needs the program `{program}`, which is not found",
        "install it on the PATH or beside this gateway's Python, or remove the key",
    )


def _obstacle_of_conda(folder: Path, environment: Mapping[str, str]) -> _Obstacle | None:
    where = _conda_folder(environment)
    maker = environment.get("MLFLOW_CONDA_CREATE_ENV_CMD") or "conda"
    programs = ("conda", maker, "activate") if where is None else (str(where / "conda"), str(where / maker))
    for program in programs:
        if not shutil.which(program, path=search_path(environment)):
            return (
                f"`environment: conda` needs the program `{program}`, which is not found",
                "install conda, or name its folder in MLFLOW_CONDA_HOME; or write `uv`, which needs no conda",
            )
    if where is not None and (
        not (script := _shell_script(where)).is_file() or shlex.quote(str(script)) != str(script)
    ):
        return (
            f"`environment: conda` needs the file `{script}`, "
            + ("which has a blank or a sign of the shell's in its path" if script.is_file() else "which is not there"),
            "name the folder that conda was installed into in MLFLOW_CONDA_HOME",
        )
    if len(str(folder)) > (limit := _CONDA_PATH_CHARACTERS - _CONDA_NAMES_CHARACTERS):
        return (
            f"conda cannot install packages below the folder `{folder}`, whose path has more than {limit} characters",
            "name another folder in RULEGATE_CACHE",
        )
    return None


def _conda_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder of conda's programs, as MLflow finds it or as it is told to; None: they are looked up by name."""
    if home := environment.get("MLFLOW_CONDA_HOME"):
        return Path(home, "bin")
    if program := environment.get("CONDA_EXE"):
        return Path(program).parent
    if program := shutil.which("conda", path=search_path(environment)):
        folder = Path(program).resolve().parent
        return folder if _shell_script(folder).is_file() else None
    return None


def _shell_script(folder: Path) -> Path:
    """The script by which shells activate environments, given the folder of conda's programs."""
    return folder.parent / "etc" / "profile.d" / "conda.sh"
