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
import socket
import traceback
import warnings
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.environment_variables import MLFLOW_ENV_ROOT
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.utils.process import ShellCommandException

from rulegate.serving.exposure import hide_this_process
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.environment_folders import INTERPRETER, making, prune
from rulegate.serving.mlflow.redaction import for_client, for_log, without_text


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
            (made / INTERPRETER).write_text(_install(Path(facts["model"]), facts["manager"], made), encoding="utf-8")
        with contextlib.suppress(OSError):
            prune(place, facts["limit_bytes"])
    except Exception as error:  # noqa: BLE001 - installers fail in many ways
        write_frame(sock, Frame(frame.request_id, Kind.ERROR, json.dumps(_failure(error))))
    else:
        write_frame(sock, Frame(frame.request_id, Kind.RESULT, "{}"))
    # The gateway ends this process; to leave of itself would look like an accident.
    read_frame(stream)


def _install(model: Path, manager: str, root: Path) -> str:
    """Has MLflow make the environment below ``root``; the path of its Python."""
    # Its import takes a moment, which only this process has to spend.
    from mlflow.pyfunc.backend import PyFuncBackend

    MLFLOW_ENV_ROOT.set(str(root))
    config: dict[str, Any] = Model.load(str(model)).flavors[mlflow.pyfunc.FLAVOR_NAME]
    environment = PyFuncBackend(config, env_manager=manager).prepare_env(str(model), capture_output=True)
    answer = environment.execute('python -c "import sys; print(sys.executable)"', capture_output=True)
    return str(answer.stdout.strip())


def _failure(error: Exception) -> dict[str, str]:
    match error:
        case ShellCommandException():
            # Its text is the installer's whole output.
            message = "a package that it needs cannot be installed; the log tells why"
            return {"message": message, "detail": for_log(str(error))}
        case MlflowException():
            return {"message": for_client(error.message), "detail": for_log(traceback.format_exc())}
        case FileNotFoundError() if os.sep not in str(error.filename):
            return {"message": f"the program `{error.filename}` is not installed", "detail": ""}
    return {"message": without_text(error), "detail": for_log(traceback.format_exc())}
