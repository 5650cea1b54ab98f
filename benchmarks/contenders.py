"""rulegate and the servers beside it, each started on a free port of 127.0.0.1 and ended with all its processes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.harness import ROOT
from benchmarks.servers import Server, free_port

MLSERVER_ENVIRONMENT = ROOT / "build" / "bench-mlserver"
"""Where ``make bench-serving`` installs MLServer, whose requirements do not go together with rulegate's."""

MLSERVER_MODEL = "bench"

BIN = Path(sys.executable).parent
"""Where the commands of this environment are."""

_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}


@contextlib.contextmanager
def rulegate(config: Path, folder: Path) -> Iterator[Server]:
    """`rulegate serve`, with its cache of models in ``folder``."""
    port = free_port()
    command = [BIN / "rulegate", "serve", config, "--port", str(port)]
    with running(command, port, {"RULEGATE_CACHE": str(folder / "cache")}, folder) as server:
        yield server


def parts(server: Server) -> dict[str, list[int]]:
    """The ids of rulegate's processes by what they do, once it has answered: one ``main``, ``gateway``, ``parent`` of
    the model processes and ``registry``, and as many ``models`` as are loaded.
    """
    main, gateway, parent, forked, *_ = server.generations()
    # The first process that is forked is the one that talks to the registry.
    return {"main": main, "gateway": gateway, "parent": parent, "registry": forked[:1], "models": forked[1:]}


@contextlib.contextmanager
def mlflow(model_uri: str, registry_uri: str, folder: Path) -> Iterator[Server]:
    """`mlflow models serve` with one worker, in the environment that rulegate runs in."""
    port = free_port()
    command = [BIN / "mlflow", "models", "serve", "--model-uri", model_uri, "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    # It starts uvicorn by its bare name.
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    with running(command, port, {"MLFLOW_TRACKING_URI": registry_uri, "PATH": path}, folder) as server:
        yield server


@contextlib.contextmanager
def mlserver(files: Path, folder: Path) -> Iterator[Server]:
    """MLServer with its MLflow runtime, one worker and adaptive batching: of up to 128, after a millisecond at most.

    Raises:
        FileNotFoundError: If it is not installed.
    """
    port = free_port()
    home = folder / "mlserver"
    home.mkdir(exist_ok=True)
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    (home / "settings.json").write_text(json.dumps(settings | {"parallel_workers": 1, "debug": False}))
    model = {
        "name": MLSERVER_MODEL,
        "implementation": "mlserver_mlflow.MLflowRuntime",
        "max_batch_size": 128,
        "max_batch_time": 0.001,
        "parameters": {"uri": str(files)},
    }
    (home / "model-settings.json").write_text(json.dumps(model))
    command: list[str | Path] = [MLSERVER_ENVIRONMENT / "bin" / "mlserver", "start", home]
    with running(command, port, {}, folder) as server:
        yield server


@contextlib.contextmanager
def running(command: list[str | Path], port: int, environment: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """Any other server, whose output goes to a file in ``folder``."""
    server = Server(
        command, port=port, environment={**_QUIET, **environment}, log=folder / f"{port}.log", folder=folder
    )
    try:
        yield server
    finally:
        server.stop()


def write_config(path: Path, registry_uri: str, routes: list[Mapping[str, str]], **models: object) -> Path:
    """Writes a configuration with one endpoint; ``models`` are the settings of that name. JSON is YAML, too."""
    config = {
        "registry_uri": registry_uri,
        "models": models,
        "model_endpoints": [{"name": "bench", "routes": routes}],
    }
    path.write_text(json.dumps({key: value for key, value in config.items() if value}))
    return path
