"""The way of a model's process into an environment of its own.

    warm parent ──fork──► run(): holds the environment ──exec──► main(): another Python serves the model

The process stays what it was for the gateway and the kernel: its number, its socket, its process group, the pipe that
ends it with the gateway. All else is new: it has the packages of the environment, of the gateway's this package alone,
and nothing in memory of what it was forked from.

Below ``main`` runs whatever Python and MLflow the model asks for: Python 3.10 or newer and MLflow 2.15 or newer.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import socket
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import cast

from rulegate.serving.exposure import without_the_gateways_python
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.activation import Activation
from rulegate.serving.mlflow.environment_folders import hold

# A program given by `-c` has the working directory in front of its path; here that place is this package's.
_PROGRAM = """
import sys
sys.path[0] = sys.argv[1]
from rulegate.serving.mlflow.apart_process import main
main()
"""


def run(sock: socket.socket, *, environment: str, package: str, reference: str) -> None:
    """Becomes a process of the environment that serves one model over ``sock``; returns only by raising.

    Args:
        sock: The connection to the gateway.
        environment: The environment's folder.
        package: A folder that holds this package and no other.
        reference: The model's name, which is only there for who lists processes.

    Raises:
        OSError: If the environment is gone, or is being removed.
    """
    # Held as long as the process lives, whatever it becomes.
    held = hold(Path(environment))
    activation = Activation.read(Path(environment))
    # The warm parent's second argument is the pipe by which the kernel ends this process with the gateway. It does so
    # as long as somebody holds the pipe, and the warm parent may be gone by then.
    lifeline = int(sys.argv[2])
    for descriptor in (held, lifeline, sock.fileno()):
        os.set_inheritable(descriptor, True)
    variables = activation.over(without_the_gateways_python(os.environ))
    arguments = (package, *(str(descriptor) for descriptor in (sock.fileno(), held, lifeline)), reference)
    os.execve(activation.python, [activation.python, "-c", _PROGRAM, *arguments], variables)  # noqa: S606 - no shell is wanted


def main() -> None:
    """Serves a model by the environment's MLflow, over the inherited socket that the arguments name."""
    number, *kept = map(int, sys.argv[2:-1])
    sock = socket.socket(fileno=number)
    for descriptor in (number, *kept):
        # What the model starts has no use for them.
        os.set_inheritable(descriptor, False)
    sys.argv = sys.argv[:1]
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(line_buffering=True)
    try:
        from rulegate.serving.mlflow import model_process
    except Exception:  # noqa: BLE001 - whatever is wrong with the environment, the gateway is to hear of it
        _refuse(sock)
        return
    model_process.run(sock)


def _refuse(sock: socket.socket) -> None:
    """Answers that this environment cannot serve any model."""
    frame = read_frame(open_stream(sock))
    if frame is None:
        return
    try:
        message = f"its environment has MLflow {importlib.metadata.version('mlflow-skinny')}, which cannot be used here"
    except importlib.metadata.PackageNotFoundError:
        message = "its environment has no MLflow; name `mlflow` among the model's requirements"
    facts = {"message": message, "detail": traceback.format_exc()}
    write_frame(sock, Frame(frame.request_id, Kind.ERROR, json.dumps(facts)))
