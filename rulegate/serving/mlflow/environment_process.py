"""The life of a process that makes one environment of models, by MLflow's own preparation.

It is hidden and gets its variables over the socket, as the registry process does: what installers need to reach an
index may be a credential. It gets no others, since installing a package runs code of that package, and a requirement
may name any variable in an address.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import socket
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.environment_variables import MLFLOW_ENV_ROOT
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.utils.environment import Environment
from mlflow.utils.process import ShellCommandException

from rulegate.serving.exposure import for_models, hide_this_process, without_the_gateways_python
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.activation import Activation
from rulegate.serving.mlflow.environment_folders import making, prune
from rulegate.serving.mlflow.redaction import for_client, for_log, without_text

_FOR_CONDA = {
    # What is linked must stay when that which it is linked from goes.
    **dict.fromkeys(("CONDA_ALLOW_SOFTLINKS", "CONDA_ALWAYS_SOFTLINK"), "false"),
    **dict.fromkeys(("MAMBA_ALLOW_SOFTLINKS", "MAMBA_ALWAYS_SOFTLINK"), "false"),
}

# What the kernel was given: Python has its own say in the locale.
_TELL = """
import json, os, sys
variables = os.fsdecode(open("/proc/self/environ", "rb").read()).split("\\0")[:-1]
print(json.dumps([sys.executable, dict(variable.split("=", 1) for variable in variables)]))
"""


class _Unpreparable(Exception):
    """What is wrong with what the model asks for: a message for clients, and a detail for the log."""


def run(sock: socket.socket) -> None:
    """Answers one call over ``sock``."""
    hide_this_process()
    stream = open_stream(sock)
    frame = read_frame(stream)
    if frame is None:
        return
    facts = frame.facts()
    os.environ.clear()
    os.environ.update(facts["variables"])
    # What fails is told whole in the answer.
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        place = Path(facts["place"])
        with making(place) as made:
            _install(Path(facts["model"]), facts["manager"], made).write(made)
        with contextlib.suppress(OSError):
            prune(place, facts["limit_bytes"])
    except Exception as error:  # noqa: BLE001 - installers fail in many ways
        write_frame(sock, Frame(frame.request_id, Kind.ERROR, json.dumps(_failure(error))))
    else:
        write_frame(sock, Frame(frame.request_id, Kind.RESULT, "{}"))
    # The gateway ends this process; to leave of itself would look like an accident.
    read_frame(stream)


def _install(model: Path, manager: str, made: Path) -> Activation:
    """Has MLflow make the environment below ``made``, where nothing else stays."""
    # Its import takes a moment, which only this process has to spend.
    from mlflow.pyfunc.backend import PyFuncBackend

    config: dict[str, Any] = Model.load(str(model)).flavors[mlflow.pyfunc.FLAVOR_NAME]
    if manager == "conda":
        _check_for_conda(config, model)
        os.environ.pop("CONDA_ENVS_DIRS", None)
        os.environ.update(_FOR_CONDA)
        backend = PyFuncBackend(config, env_manager=manager, env_root_dir=str(made))
        # conda writes beside what it reads.
        model = _links_to(model, made / "model")
    else:
        MLFLOW_ENV_ROOT.set(str(made))
        backend = PyFuncBackend(config, env_manager=manager)
    activation = _activate(backend.prepare_env(str(model), capture_output=True))
    programs = Path(activation.python).parent.resolve()
    if not programs.is_relative_to(made.resolve()):
        message = "no Python was installed in it; name `python` among the `dependencies` of its `conda.yaml`"
        raise _Unpreparable(message, f"activating it leads to {activation.python}")
    for child in made.iterdir():
        # What was downloaded, in most cases: packages are linked from it or copied, and never need it again.
        if not programs.is_relative_to(child.resolve()):
            shutil.rmtree(child, ignore_errors=True)
    return activation


def _check_for_conda(config: Mapping[str, Any], model: Path) -> None:
    """Raises `_Unpreparable` unless the model says what conda is to install."""
    match config.get(mlflow.pyfunc.ENV):
        case str(name) | {"conda": str(name)} if (model / name).is_file():
            return
    raise _Unpreparable("it has no `conda.yaml`; log it again with one, or write `environment: uv`", "")


def _links_to(model: Path, folder: Path) -> Path:
    folder.mkdir()
    for file in model.resolve().iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def _activate(environment: Environment) -> Activation:
    """What activating the environment changes, for a process that knows what models may know."""
    before = without_the_gateways_python(for_models(os.environ, ()))
    answer = environment.execute(f"python -I -c '{_TELL}'", command_env=before, capture_output=True)
    # Scripts that take part may print.
    python, after = json.loads(answer.stdout.splitlines()[-1])
    return Activation.between(before, after, python=python)


def _failure(error: Exception) -> dict[str, str]:
    match error:
        case _Unpreparable(args=(message, detail)):
            return {"message": message, "detail": detail}
        case ShellCommandException():
            # Its text is the installer's whole output.
            message = "a package that it needs cannot be installed; the log tells why"
            return {"message": message, "detail": for_log(str(error))}
        case MlflowException():
            return {"message": for_client(error.message), "detail": for_log(traceback.format_exc())}
        case FileNotFoundError() if os.sep not in str(error.filename):
            return {"message": f"the program `{error.filename}` is not installed", "detail": ""}
    return {"message": without_text(error), "detail": for_log(traceback.format_exc())}
