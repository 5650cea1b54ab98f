"""MLflow's own scoring servers of all models in a folder, as one server: ``stock_server.py FOLDER`` prints its URL.

Each model is served by the application that ``mlflow models serve`` runs, mounted under the model's name.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import warnings
from pathlib import Path

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
warnings.simplefilter("ignore")

import mlflow.pyfunc  # noqa: E402 - after its switches are set
import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
from mlflow.pyfunc.scoring_server import init  # noqa: E402


def main() -> None:
    logging.disable(logging.WARNING)
    servers = FastAPI()
    for folder in Path(sys.argv[1]).iterdir():
        model = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
        servers.mount(f"/{folder.name}", init(model))
    sock = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
    uvicorn.Server(uvicorn.Config(servers, log_level="critical")).run([sock])


if __name__ == "__main__":
    main()
