"""The life of the registry process: resolves model URIs and brings models' files for the gateway.

It is a process of its own so that the gateway imports nothing of MLflow, and apart from the model processes so that
what reads credentials runs no model's code. Several calls run at once, in threads.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import socket
import tempfile
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.utils.models import _parse_model_uri, get_model_name_and_version

from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.redaction import for_client

MAX_CALLS = 16
"""Calls that run at once; more wait."""

_MODEL_FILE = "MLmodel"


def run(sock: socket.socket) -> None:
    """Answers the gateway's calls over ``sock`` until it hangs up."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.simplefilter("ignore")  # stages are deprecated, and still what people have
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    write = threading.Lock()

    def answer(frame: Frame) -> None:
        reply = _answer(frame)
        with write:
            write_frame(sock, reply)

    threads = ThreadPoolExecutor(MAX_CALLS, thread_name_prefix="registry")
    stream = open_stream(sock)
    while (frame := read_frame(stream)) is not None:
        threads.submit(answer, frame)
    os._exit(0)


def _answer(frame: Frame) -> Frame:
    try:
        facts = frame.facts()
        answer = resolve(**facts) if frame.kind is Kind.RESOLVE else fetch(**facts)
        return Frame(frame.request_id, Kind.RESULT, json.dumps(answer))
    except MlflowException as error:
        facts = {"message": for_client(error.message), "detail": ""}
    except Exception as error:  # noqa: BLE001 - stores and their drivers raise what they like
        facts = {"message": for_client(f"{type(error).__name__}: {error}"), "detail": traceback.format_exc()}
    return Frame(frame.request_id, Kind.ERROR, json.dumps(facts))


def resolve(model_uri: str, registry_uri: str | None) -> dict[str, Any]:
    """What ``model_uri`` means now, as the fields of a ``ModelVersion``."""
    _use(registry_uri)
    if not model_uri.startswith("models:"):
        folder = _local_folder(model_uri)
        if folder is not None:
            return _resolve_folder(folder)
        # A run's artifacts and a bucket's objects are addressed by what does not move.
        return _version(model_uri, model_uri, mlflow.get_tracking_uri())
    client = MlflowClient(registry_uri=registry_uri)
    model_id = _parse_model_uri(model_uri).model_id
    if model_id is not None:
        model = client.get_logged_model(model_id)
        return _version(model_uri, model_uri, model.artifact_location)
    name, number = get_model_name_and_version(client, model_uri)
    version = client.get_model_version(name, str(number))
    if version.status != "READY":
        raise MlflowException(f"Version {number} of model '{name}' is not ready: {version.status}")
    reference = f"models:/{name}/{version.version}"
    return _version(reference, reference, mlflow.get_registry_uri(), version.creation_timestamp, version.source)


def fetch(artifact_uri: str, identity: str, cache: str, registry_uri: str | None) -> dict[str, Any]:
    """Brings a version's files into the cache and says where they are.

    The folder appears under its name at once and whole, so that neither an interrupted download nor another gateway
    that brings the same version can be mistaken for a model.
    """
    _use(registry_uri)
    folder = Path(cache) / identity
    if folder.is_dir():
        return {"folder": str(folder)}
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=cache) as partial:
        brought = Path(mlflow.artifacts.download_artifacts(artifact_uri=artifact_uri, dst_path=partial))
        if not (brought / _MODEL_FILE).is_file():
            raise MlflowException(f"It is no MLflow model: it has no {_MODEL_FILE} file")
        with contextlib.suppress(OSError):
            brought.rename(folder)
        if not folder.is_dir():
            shutil.copytree(brought, folder)
        # TemporaryDirectory wants to find what it made.
        Path(partial).mkdir(exist_ok=True)
    return {"folder": str(folder)}


def _use(registry_uri: str | None) -> None:
    if registry_uri is None:
        return
    mlflow.set_registry_uri(registry_uri)
    # Runs and logged models are found through the tracking store; whoever names only a registry has both in one.
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        mlflow.set_tracking_uri(registry_uri)


def _version(reference: str, artifact_uri: str, *facts: object) -> dict[str, Any]:
    text = "\n".join(str(fact) for fact in (reference, *facts))
    return {
        "reference": reference,
        "artifact_uri": artifact_uri,
        "identity": hashlib.sha256(text.encode()).hexdigest()[:40],
    }


def _local_folder(model_uri: str) -> Path | None:
    parsed = urlparse(model_uri)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return None if parsed.scheme else Path(model_uri)


def _resolve_folder(folder: Path) -> dict[str, Any]:
    model_file = folder / _MODEL_FILE
    if not model_file.is_file():
        raise MlflowException(f"The folder '{folder.name}' is no MLflow model: it has no {_MODEL_FILE} file")
    # A folder may be written anew; its MLmodel file, which names the model's id and time, tells one from the other.
    digest = hashlib.sha256(model_file.read_bytes()).hexdigest()
    return _version(f"local:{folder.name}@{digest[:12]}", str(folder.resolve()), folder.resolve(), digest)
