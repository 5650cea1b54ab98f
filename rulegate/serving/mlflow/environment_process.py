"""The life of a process that makes one environment of models, by MLflow's own preparation.

It is hidden and gets its variables over the socket, as the registry process does: what installers need to reach an
index may be a credential. It gets no others, since installing a package runs code of that package, and a requirement
may name any variable in an address.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import socket
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
from mlflow.environment_variables import MLFLOW_ENV_ROOT
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.utils.process import ShellCommandException

from rulegate.serving.exposure import hide_this_process
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.apart_process import INTERPRETER
from rulegate.serving.mlflow.redaction import for_client, for_log

_TRY = re.compile(r"[0-9a-f]{40}-.+")


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
        prepare(Path(facts["model"]), facts["manager"], Path(facts["place"]))
        with contextlib.suppress(OSError):
            prune(Path(facts["place"]), facts["limit_bytes"])
    except Exception as error:  # noqa: BLE001 - installers fail in many ways
        write_frame(sock, Frame(frame.request_id, Kind.ERROR, json.dumps(_failure(error))))
    else:
        write_frame(sock, Frame(frame.request_id, Kind.RESULT, "{}"))
    # The gateway ends this process; to leave of itself would look like an accident.
    read_frame(stream)


def prepare(model: Path, manager: str, place: Path) -> None:
    """Makes the environment that the model in ``model`` asks for, and leads the link ``place`` to it.

    Raises:
        Exception: Whatever MLflow and the installers raise; nothing is left behind.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    with _locked(made):
        try:
            (made / INTERPRETER).write_text(_install(model, manager, made), encoding="utf-8")
            link = made / "link"
            link.symlink_to(made, target_is_directory=True)
            link.rename(place)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise


def prune(place: Path, limit_bytes: int) -> None:
    """Removes tries that came to nothing, and what goes beyond the limit, least recently entered first.

    What ``place`` means stays, and so does whatever is locked: it is in use, or being made.
    """
    links = {link.resolve(): link for link in place.parent.iterdir() if link.is_symlink()}
    made = sorted((p for p in place.parent.iterdir() if _TRY.fullmatch(p.name)), key=lambda path: path.stat().st_mtime)
    sizes = {path: _size_bytes(path) for path in made}
    excess_bytes = sum(sizes.values()) - limit_bytes
    for path in made:
        link = links.get(path)
        if link == place or (link is not None and excess_bytes <= 0):
            continue
        with contextlib.suppress(OSError), _locked(path):
            if link is not None:
                link.unlink()
            shutil.rmtree(path, ignore_errors=True)
            excess_bytes -= sizes[path]


def _install(model: Path, manager: str, root: Path) -> str:
    """Has MLflow make the environment below ``root``; the path of its Python."""
    # Its import takes a moment, which only this process has to spend.
    from mlflow.pyfunc.backend import PyFuncBackend

    MLFLOW_ENV_ROOT.set(str(root))
    config: dict[str, Any] = Model.load(str(model)).flavors[mlflow.pyfunc.FLAVOR_NAME]
    environment = PyFuncBackend(config, env_manager=manager).prepare_env(str(model), capture_output=True)
    answer = environment.execute('python -c "import sys; print(sys.executable)"', capture_output=True)
    return str(answer.stdout.strip())


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder alone.

    Raises:
        OSError: If somebody else holds it, or it is gone.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _size_bytes(folder: Path) -> int:
    return sum(file.lstat().st_blocks * 512 for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


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
    return {"message": for_client(f"{type(error).__name__}: {error}"), "detail": for_log(traceback.format_exc())}
