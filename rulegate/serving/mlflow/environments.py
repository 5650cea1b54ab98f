"""Environments of models: made once for all models that need the same, and entered by those models' processes.

This is the gateway's side. `environment_process` makes them by the programs of `installers`, `environment_folders` says
where and how they are kept, and `apart_process` is how a process enters one, by its `activation`. Gateways may share
the folder: of two that make one environment at once, one's work is thrown away.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path

from rulegate.serving.channel import CallTimeout, Channel, ChannelClosed
from rulegate.serving.errors import ModelNotLoaded, ModelStillLoading, ModelUnavailable
from rulegate.serving.frames import Kind
from rulegate.serving.mlflow import installers
from rulegate.serving.mlflow.environment_folders import NAME_CHARACTERS
from rulegate.serving.mlflow.forked import Forked
from rulegate.serving.mlflow.warm_parent_client import ForkTimeout, WarmParent, WarmParentDied
from rulegate.serving.models import Manager, ModelVersion

PREPARATION_LIMIT_S = 3600.0
"""After so long a preparation is given up, in seconds."""

# All that MLflow reads when it makes an environment for a model; the model says which YAML file it is.
_SOURCES = (
    "*.yaml",
    "*.yml",
    "requirements.txt",
    "constraints.txt",
    "uv.lock",
    "pyproject.toml",
    ".python-version",
    "wheels/*.whl",
)

_log = logging.getLogger("rulegate.serving")


class Environments:
    """Starts processes in the environments that models ask for. Safe to use from many threads.

    Args:
        warm_parent: Forks the processes.
        manager: Makes the environments.
        folder: Where they are kept, made if missing.
        limit_bytes: What the folder may hold, but for what is in use.
        variables: The environment variables that installers may know.
    """

    def __init__(
        self,
        warm_parent: WarmParent,
        *,
        manager: Manager,
        folder: Path,
        limit_bytes: int,
        variables: Mapping[str, str],
    ) -> None:
        self._warm_parent = warm_parent
        self._manager = manager
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._variables = installers.variables(manager, variables)
        self._lock = threading.Lock()
        self._preparing: dict[str, Future[None]] = {}

    def change(self, *, limit_bytes: int) -> None:
        """Bounds the folder otherwise, from the next environment on that is made."""
        self._limit_bytes = limit_bytes

    def start(self, version: ModelVersion, model: Path, *, timeout_s: float) -> Forked:
        """A process in the model's environment, made now if there is none, that waits to be told what to load.

        Args:
            version: Whose environment.
            model: The local folder of its files.
            timeout_s: How long it may take. A preparation that takes longer goes on, and later calls find its result.

        Raises:
            ModelStillLoading: If the preparation takes longer.
            ModelNotLoaded: If it fails.
            WarmParentDied: If the process cannot be forked.
            ForkTimeout: If it is not forked in time.
        """
        until_s = time.monotonic() + timeout_s
        try:
            package = self._package()
            place = self._folder / self._name(model)
        except OSError as error:
            message = f"the folder of environments cannot be used: {error.strerror}"
            raise ModelNotLoaded(message, detail=str(error)) from None
        if not place.exists():
            self._prepare(version, model, place, timeout_s)
        # The link may be led elsewhere meanwhile, but what the process holds stays.
        arguments = {"environment": os.path.realpath(place), "package": str(package), "reference": version.reference}
        left_s = until_s - time.monotonic()
        return self._warm_parent.fork("apart", arguments, model=version.reference, timeout_s=left_s)

    def _name(self, model: Path) -> str:
        # What is kept with an environment is part of what it is: older ones have no activation.
        digest = hashlib.sha256(f"activation {self._manager}".encode())
        for pattern in _SOURCES:
            for file in sorted(model.glob(pattern)):
                digest.update(f"\0{file.relative_to(model)}\0".encode() + file.read_bytes())
        return digest.hexdigest()[:NAME_CHARACTERS]

    def _package(self) -> Path:
        """A folder to import this package from: it holds a link to it, and nothing of what is installed beside it."""
        target = Path(__file__).resolve().parents[2]
        folder = self._folder / f"package-{hashlib.sha256(bytes(target)).hexdigest()[:NAME_CHARACTERS]}"
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (folder / target.name).symlink_to(target, target_is_directory=True)
        return folder

    def _prepare(self, version: ModelVersion, model: Path, place: Path, timeout_s: float) -> None:
        """Makes an environment, or waits for whoever makes it already."""
        with self._lock:
            preparing = self._preparing.get(place.name)
            if preparing is None:
                preparing = self._preparing[place.name] = Future()
                arguments = (version.reference, model, place, preparing)
                threading.Thread(target=self._run, args=arguments, name=f"prepare {place.name}", daemon=True).start()
        try:
            preparing.result(timeout=max(0.0, timeout_s))
        except FutureTimeout:
            raise ModelStillLoading(
                f"its environment is not ready after {timeout_s:.0f} s; it goes on being prepared"
            ) from None
        except ModelUnavailable as error:
            # One error for all who wait, but each raises its own.
            raise copy.copy(error) from None

    def _run(self, reference: str, model: Path, place: Path, preparing: Future[None]) -> None:
        _log.info("the environment of %s is being prepared with %s, which may take minutes", reference, self._manager)
        begin_s = time.monotonic()
        failure: ModelUnavailable | None = None
        try:
            self._make(reference, model, place)
            _log.info("the environment of %s is ready after %.1f s", reference, time.monotonic() - begin_s)
        except ModelUnavailable as error:
            failure = error
        except Exception:  # noqa: BLE001 - logged whole, and told to whoever waits
            _log.exception("the environment of %s cannot be prepared", reference)
            failure = ModelNotLoaded("the gateway failed to prepare its environment; its log tells why")
        with self._lock:
            del self._preparing[place.name]
        if failure is None:
            preparing.set_result(None)
        else:
            preparing.set_exception(failure)

    def _make(self, reference: str, model: Path, place: Path) -> None:
        arguments = {
            "model": str(model),
            "manager": self._manager,
            "place": str(place),
            "limit_bytes": self._limit_bytes,
            "variables": self._variables,
        }
        try:
            forked = self._warm_parent.fork("environment", model=reference, timeout_s=PREPARATION_LIMIT_S)
            channel = Channel(forked.socket, name=f"environment {place.name}", on_close=forked.release)
            try:
                answer = channel.call(Kind.PREPARE, arguments, timeout_s=PREPARATION_LIMIT_S)
            finally:
                forked.kill()
                channel.close()
        except (ChannelClosed, WarmParentDied):
            raise ModelNotLoaded("the process that prepares its environment ended") from None
        except (CallTimeout, ForkTimeout):
            raise ModelNotLoaded(f"its environment was not ready after {PREPARATION_LIMIT_S:.0f} s") from None
        if answer.kind is Kind.ERROR:
            facts = answer.facts()
            raise ModelNotLoaded(f"its environment cannot be prepared: {facts['message']}", detail=facts["detail"])
