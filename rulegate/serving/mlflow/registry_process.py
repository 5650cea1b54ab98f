"""The life of the registry process: resolves model URIs and brings models' files for the gateway.

It is a process of its own so that the gateway imports nothing of MLflow, and apart from the model processes so that
what reads credentials runs no model's code. It is forked from the warm parent, which never had the credentials, so they
come over the socket: the first frame is the gateway's environment. Several calls run at once, in threads.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import socket
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.models import get_model_info
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.store.artifact.utils.models import ParsedModelUri, _parse_model_uri, get_model_name_and_version

from rulegate.serving.exposure import hide_this_process
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.redaction import for_client, for_log

MAX_CALLS = 16
"""Calls that run at once; more wait."""

REMAINS_AFTER_S = 24 * 60 * 60.0
"""The age in seconds from which nobody can still be at work on a folder."""

_MODEL_FILE = "MLmodel"
_IDENTITY_CHARACTERS = 40

# With these the registry says that there is no such thing; with any other, that it could not look.
_NO_CODES = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "ENDPOINT_NOT_FOUND", "PERMISSION_DENIED"}


_FULL = (errno.ENOSPC, errno.EDQUOT)


class CacheFull(Exception):
    """There is no room for a model's files, however many others are removed."""


def run(sock: socket.socket) -> None:
    """Takes the gateway's environment over ``sock``, then answers its calls until it hangs up."""
    hide_this_process()
    stream = open_stream(sock)
    first = read_frame(stream)
    if first is None:
        return
    os.environ.clear()
    os.environ.update(first.facts())
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.simplefilter("ignore")  # stages are deprecated, and still what people have
    # The gateway has time limits of its own, and asks again: minutes of retries would only hide that nobody answers.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    write = threading.Lock()

    def answer(frame: Frame) -> None:
        reply = _answer(frame)
        with write:
            write_frame(sock, reply)

    threads = ThreadPoolExecutor(MAX_CALLS, thread_name_prefix="registry")
    while (frame := read_frame(stream)) is not None:
        threads.submit(answer, frame)
    os._exit(0)


def _answer(frame: Frame) -> Frame:
    try:
        answer = _VERBS[frame.kind](**frame.facts())
    except Exception as error:  # noqa: BLE001 - stores and their drivers raise what they like
        return Frame(frame.request_id, Kind.ERROR, json.dumps(_failure(error)))
    return Frame(frame.request_id, Kind.RESULT, json.dumps(answer))


def _failure(error: Exception) -> dict[str, Any]:
    """What is told of an error; ``known`` if the registry answered, and the answer was no."""
    detail = for_log(traceback.format_exc())
    if isinstance(error, CacheFull):
        return {"message": "the disk of the cache of models is full", "detail": detail, "known": False}
    if not isinstance(error, MlflowException):
        message = for_client(f"{type(error).__name__}: {_words(error)}")
        return {"message": message, "detail": detail, "known": isinstance(error, FileNotFoundError)}
    if error.error_code in _NO_CODES or "No versions of model" in error.message:
        return {"message": for_client(error.message), "detail": "", "known": True}
    # What a store or its network says of itself names hosts and, in addresses, passwords.
    return {"message": "the registry, or the store behind it, does not answer", "detail": detail, "known": False}


def _words(error: Exception) -> str:
    """What an error says, without the folder of the file that it may name."""
    if isinstance(error, OSError) and error.strerror is not None:
        named = f": '{Path(os.fsdecode(error.filename)).name}'" if isinstance(error.filename, str | bytes) else ""
        return error.strerror + named
    return str(error)


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
    return _registered(client.get_model_version(name, str(number)))


def resolve_all(model_uris: list[str], patience_s: float, registry_uri: str | None) -> dict[str, Any]:
    """What each URI means now, or why that is not known, with one call to the registry for each model name.

    A registered model comes with its aliases and with the latest version of each stage, which answers for all its URIs
    but the aliases of other versions; those versions are asked for one by one. After ``patience_s`` nothing more is
    asked: a registry that does not answer must not be asked for everything by ever more threads.
    """
    until = time.monotonic() + patience_s
    _use(registry_uri)
    client = MlflowClient(registry_uri=registry_uri)
    models: dict[str, RegisteredModel] = {}
    answers: dict[str, Any] = {}
    for model_uri in model_uris:
        try:
            if time.monotonic() > until:
                raise TimeoutError("the registry is too slow to be asked for all models")
            parsed = _parse_model_uri(model_uri) if model_uri.startswith("models:") else None
            if parsed is None or parsed.name is None or parsed.version is not None:
                answers[model_uri] = resolve(model_uri, registry_uri)
                continue
            name = parsed.name
            if name not in models:
                models[name] = client.get_registered_model(name)
            answers[model_uri] = _registered(_meant(client, models[name], parsed))
        except Exception as error:  # noqa: BLE001 - as above; one model's trouble is not another's
            answers[model_uri] = _failure(error)
    return answers


def describe_all(model_uris: list[str], patience_s: float, registry_uri: str | None) -> dict[str, Any]:
    """What each URI means now, as `resolve_all`, with what the registry and the model's MLmodel file say of it."""
    until = time.monotonic() + patience_s
    answers = resolve_all(model_uris, patience_s, registry_uri)
    client = MlflowClient(registry_uri=registry_uri)
    for model_uri, version in answers.items():
        if "message" in version:
            continue
        try:
            if time.monotonic() > until:
                raise TimeoutError("the registry is too slow to be asked for all models")
            answers[model_uri] = version | _described(client, model_uri, version["artifact_uri"])
        except Exception as error:  # noqa: BLE001 - as above
            answers[model_uri] = _failure(error)
    return answers


def _described(client: MlflowClient, model_uri: str, artifact_uri: str) -> dict[str, Any]:
    stage, aliases = None, []
    if model_uri.startswith("models:") and (name := _parse_model_uri(model_uri).name) is not None:
        number = artifact_uri.rpartition("/")[2]
        stage = _parse_model_uri(model_uri).stage and client.get_model_version(name, number).current_stage
        leading = client.get_registered_model(name).aliases
        aliases = sorted(alias for alias, version in leading.items() if str(version) == number)
    signature = get_model_info(artifact_uri).signature
    inputs = signature and signature.inputs
    return {"stage": stage, "aliases": aliases, "columns": inputs and [column.name for column in inputs.inputs]}


def _meant(client: MlflowClient, model: RegisteredModel, parsed: ParsedModelUri) -> ModelVersion:
    latest = {version.version: version for version in model.latest_versions}
    if parsed.alias is not None:
        number = model.aliases.get(parsed.alias)
        if number is None:
            raise MlflowException(f"Registered model alias {parsed.alias} not found.", INVALID_PARAMETER_VALUE)
        known = latest.get(str(number)) or latest.get(number)
        return known or client.get_model_version(model.name, str(number))
    stage = parsed.stage
    fitting = [v for v in latest.values() if stage is None or v.current_stage.lower() == stage.lower()]
    if not fitting:
        raise MlflowException(f"No versions of model with name '{model.name}' and stage '{stage}' found")
    return max(fitting, key=lambda version: int(version.version))


def _registered(version: ModelVersion) -> dict[str, Any]:
    if version.status != "READY":
        raise MlflowException(
            f"Version {version.version} of model '{version.name}' is not ready: {version.status}",
            INVALID_PARAMETER_VALUE,
        )
    reference = f"models:/{version.name}/{version.version}"
    return _version(reference, reference, mlflow.get_registry_uri(), version.creation_timestamp, version.source)


def fetch(
    *, artifact_uri: str, identity: str, cache: str, cache_limit_bytes: int, keep: list[str], registry_uri: str | None
) -> dict[str, Any]:
    """Brings a version's files into the cache and says where they are.

    The folder appears under its name at once and whole, so that neither an interrupted download nor another gateway
    that brings the same version can be mistaken for a model. Whatever the cache holds beyond its limit goes, least
    recently fetched first, but for what is to be kept; all of that goes where the disk is full.

    Raises:
        CacheFull: If the disk is full all the same.
    """
    _use(registry_uri)
    folder = Path(cache) / identity
    if folder.exists() and not folder.is_dir():
        folder.unlink()
    if folder.is_dir():
        with contextlib.suppress(OSError):
            os.utime(folder)
        return {"folder": str(folder)}
    try:
        _bring(artifact_uri, folder)
    except Exception as error:
        if not _is_full(error):
            raise
        _prune(Path(cache), 0, {*keep, identity})
        _bring_at_last(artifact_uri, folder)
    _remove_remains(Path(cache))
    _prune(Path(cache), cache_limit_bytes, {*keep, identity})
    return {"folder": str(folder)}


def _bring(artifact_uri: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=folder.parent) as partial:
        brought = Path(mlflow.artifacts.download_artifacts(artifact_uri=artifact_uri, dst_path=partial))
        if not (brought / _MODEL_FILE).is_file():
            raise MlflowException(f"It is no MLflow model: it has no {_MODEL_FILE} file", INVALID_PARAMETER_VALUE)
        try:
            brought.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        # TemporaryDirectory wants to find what it made.
        Path(partial).mkdir(exist_ok=True)


def _bring_at_last(artifact_uri: str, folder: Path) -> None:
    try:
        _bring(artifact_uri, folder)
    except Exception as error:
        if _is_full(error):
            hint = "make room there, or name another folder by RULEGATE_CACHE"
            raise CacheFull(f"no space is left in {folder.parent}; {hint}") from error
        raise


def _is_full(error: BaseException | None) -> bool:
    """Whether it was for want of space; stores wrap what the system says in errors of their own, or quote its words."""
    while error is not None:
        if getattr(error, "errno", None) in _FULL or any(os.strerror(number) in str(error) for number in _FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _prune(cache: Path, limit_bytes: int, keep: set[str]) -> None:
    with contextlib.suppress(OSError):
        # What is being fetched has a name of another form, and is left alone.
        entries = [path for path in cache.iterdir() if len(path.name) == _IDENTITY_CHARACTERS and path.is_dir()]
        entries.sort(key=lambda path: path.stat().st_mtime)
        sizes = {path: sum(f.stat().st_size for f in path.rglob("*") if f.is_file()) for path in entries}
        excess = sum(sizes.values()) - limit_bytes
        for path in entries:
            if excess <= 0:
                return
            if path.name not in keep:
                excess -= sizes[path]
                shutil.rmtree(path, ignore_errors=True)


def _remove_remains(cache: Path) -> None:
    """Removes what a process that was killed had begun to fetch or to remove."""
    for path in [*cache.glob("fetching-*"), *cache.glob("discarded-*")]:
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > REMAINS_AFTER_S:
                shutil.rmtree(path, ignore_errors=True)


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
        "identity": hashlib.sha256(text.encode()).hexdigest()[:_IDENTITY_CHARACTERS],
    }


def _local_folder(model_uri: str) -> Path | None:
    parsed = urlparse(model_uri)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return None if parsed.scheme else Path(model_uri)


def _resolve_folder(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise MlflowException(f"There is no folder '{folder.name}'", INVALID_PARAMETER_VALUE)
    model_file = folder / _MODEL_FILE
    if not model_file.is_file():
        message = f"The folder '{folder.name}' is no MLflow model: it has no {_MODEL_FILE} file"
        raise MlflowException(message, INVALID_PARAMETER_VALUE)
    # A folder may be written anew; its MLmodel file, which names the model's id and time, tells one from the other.
    digest = hashlib.sha256(model_file.read_bytes()).hexdigest()
    return _version(f"local:{folder.name}@{digest[:12]}", str(folder.resolve()), folder.resolve(), digest)


_VERBS: dict[Kind, Callable[..., dict[str, Any]]] = {
    Kind.RESOLVE: resolve,
    Kind.RESOLVE_ALL: resolve_all,
    Kind.DESCRIBE_ALL: describe_all,
    Kind.FETCH: fetch,
}
