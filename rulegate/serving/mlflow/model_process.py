"""The life of a model process: load one model, then answer frames until the gateway hangs up.

The main thread reads; predictions run in a few threads, as they do in MLflow's scoring server, so that a model that
waits for something else does not hold up its other requests. Answers go back in the order in which they are ready.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import sysconfig
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import mlflow.pyfunc
import numpy as np
from mlflow.environment_variables import _MLFLOW_IS_IN_SERVING_ENVIRONMENT

from rulegate.serving.errors import PredictionFailed, ResultNotEncodable, UnsupportedContentType
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.redaction import for_client
from rulegate.serving.mlflow.scoring import score

_KINDS = {UnsupportedContentType: "unsupported_content_type", ResultNotEncodable: "not_encodable"}


def run(sock: socket.socket) -> None:
    """Serves one model over ``sock``: the first frame says which, each later one is a request."""
    stream = open_stream(sock)
    first = read_frame(stream)
    if first is None:
        return
    before = set(sys.modules)
    try:
        model = _load(Path(first.facts()["folder"]))
    except BaseException as error:  # noqa: BLE001 - a model's code may raise anything, SystemExit included
        facts = {"message": _why(error), "detail": traceback.format_exc()}
        write_frame(sock, Frame(first.request_id, Kind.ERROR, json.dumps(facts)))
        return
    loaded = {"modules": _installed(set(sys.modules) - before)}
    write_frame(sock, Frame(first.request_id, Kind.RESULT, json.dumps(loaded)))
    _serve(model, sock, stream)


def _load(folder: Path) -> mlflow.pyfunc.PyFuncModel:
    # A fork inherits the state of the generators: without this, all models would draw the same numbers.
    np.random.seed()
    os.environ[_MLFLOW_IS_IN_SERVING_ENVIRONMENT.name] = "true"
    # The folder is shared between processes and is not ours to write to.
    sys.dont_write_bytecode = True
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)


def _why(error: BaseException) -> str:
    message = error.message if isinstance(error, mlflow.exceptions.MlflowException) else str(error)
    return for_client(f"{type(error).__name__}: {message}" if message else type(error).__name__)


def _installed(names: set[str]) -> list[str]:
    """The modules among ``names`` that belong to Python or to an installed distribution, not to the model."""
    roots = tuple(sysconfig.get_path(which) + os.sep for which in ("stdlib", "platstdlib", "purelib", "platlib"))

    def is_installed(name: str) -> bool:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        origin = getattr(spec, "origin", None)
        return isinstance(origin, str) and (origin in {"built-in", "frozen"} or origin.startswith(roots))

    return sorted(name for name in names if is_installed(name))


def _serve(model: mlflow.pyfunc.PyFuncModel, sock: socket.socket, stream: BinaryIO) -> None:
    write = threading.Lock()

    def answer(frame: Frame) -> None:
        reply = _answer(model, frame)
        with write:
            write_frame(sock, reply)

    # As many threads as asyncio.to_thread has, which is what runs predictions in MLflow's scoring server.
    threads = ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 4), thread_name_prefix="predict")
    while (frame := read_frame(stream)) is not None:
        threads.submit(answer, frame)
    # The gateway has hung up: nobody waits for what may still be running.
    os._exit(0)


def _answer(model: mlflow.pyfunc.PyFuncModel, frame: Frame) -> Frame:
    try:
        return Frame(frame.request_id, Kind.RESULT, "application/json", score(model, frame.body, frame.meta))
    except PredictionFailed as error:
        facts: dict[str, Any] = {
            "kind": _KINDS.get(type(error), "failed"),
            "message": error.message,
            "error_code": error.error_code,
            "detail": error.detail,
        }
    except BaseException as error:  # noqa: BLE001 - an answer is owed, even by a model that raises SystemExit
        facts = {
            "kind": "failed",
            "message": f"The model ended the request with {type(error).__name__}.",
            "error_code": "BAD_REQUEST",
            "detail": traceback.format_exc(),
        }
    return Frame(frame.request_id, Kind.ERROR, json.dumps(facts))
