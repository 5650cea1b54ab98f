"""The MLflow registry, as the gateway uses it: calls to the registry process, and the folder of fetched models."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from rulegate.serving.channel import CallTimeout, Channel, ChannelClosed
from rulegate.serving.errors import ModelNotLoaded, ModelNotResolved, ModelUnavailable
from rulegate.serving.frames import Kind
from rulegate.serving.mlflow.warm_parent_client import Forked, ForkTimeout, WarmParent, WarmParentDied
from rulegate.serving.models import ModelVersion


def default_cache_folder() -> Path:
    """Where fetched models are kept: ``$RULEGATE_CACHE``, or ``rulegate`` in the user's cache folder (XDG)."""
    if named := os.environ.get("RULEGATE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rulegate" / "models"


class MlflowRegistry:
    """A `Registry` on MLflow. Starts its process with the first call, and again when it has died.

    Args:
        warm_parent: Forks the registry process.
        registry_uri: The model registry; None leaves the choice to MLflow and its environment variables.
        cache: The folder of fetched models, one sub-folder a version, made if missing. Gateways may share it.
    """

    def __init__(self, warm_parent: WarmParent, *, registry_uri: str | None, cache: Path) -> None:
        self._warm_parent = warm_parent
        self._registry_uri = registry_uri
        self._cache = cache
        self._lock = threading.Lock()
        self._process: tuple[Forked, Channel] | None = None

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        """See `Registry.resolve`."""
        facts = self._call(Kind.RESOLVE, {"model_uri": model_uri}, ModelNotResolved, timeout_s)
        return ModelVersion(facts["reference"], facts["artifact_uri"], facts["identity"])

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        """See `Registry.fetch`."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelNotLoaded(f"the cache folder cannot be made: {error.strerror}", detail=str(error)) from None
        arguments = {"artifact_uri": version.artifact_uri, "identity": version.identity, "cache": str(self._cache)}
        return Path(self._call(Kind.FETCH, arguments, ModelNotLoaded, timeout_s)["folder"])

    def discard(self, version: ModelVersion) -> None:
        """See `Registry.discard`."""
        folder = self._cache / version.identity
        try:
            # Out of the way under its name first: nobody may find it half removed.
            away = Path(tempfile.mkdtemp(prefix="discarded-", dir=self._cache))
            folder.rename(away / version.identity)
        except OSError:
            return
        shutil.rmtree(away, ignore_errors=True)

    def close(self) -> None:
        """Ends the registry process; calls in flight fail."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            forked, channel = process
            forked.kill()
            channel.close()

    def _call(
        self, kind: Kind, arguments: dict[str, Any], failure: type[ModelUnavailable], timeout_s: float
    ) -> dict[str, Any]:
        until = time.monotonic() + timeout_s
        try:
            channel = self._channel(timeout_s)
            answer = channel.call(
                kind, {**arguments, "registry_uri": self._registry_uri}, timeout_s=until - time.monotonic()
            )
        except (ChannelClosed, WarmParentDied):
            raise failure("the registry process ended; the next request starts another") from None
        except (CallTimeout, ForkTimeout):
            raise failure(f"the registry did not answer within {timeout_s:.0f} s") from None
        facts = answer.facts()
        if answer.kind is Kind.ERROR:
            raise failure(facts["message"], detail=facts["detail"])
        return facts

    def _channel(self, timeout_s: float) -> Channel:
        with self._lock:
            if self._process is None:
                forked = self._warm_parent.fork("registry", timeout_s=timeout_s)
                self._process = forked, Channel(forked.socket, name="registry", on_close=lambda: self._ended(forked))
            return self._process[1]

    def _ended(self, forked: Forked) -> None:
        forked.release()
        with self._lock:
            if self._process is not None and self._process[0] is forked:
                self._process = None
