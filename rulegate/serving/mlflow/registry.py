"""The MLflow registry, as the gateway uses it: calls to the registry process, and the folder of fetched models."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rulegate.serving.channel import CallTimeout, Channel, ChannelClosed
from rulegate.serving.errors import ModelNotLoaded, ModelNotResolved, ModelUnavailable, RegistryUnreachable
from rulegate.serving.frames import Frame, Kind, write_frame
from rulegate.serving.mlflow.forked import Forked
from rulegate.serving.mlflow.warm_parent_client import ForkTimeout, WarmParent, WarmParentDied
from rulegate.serving.models import ModelDescription, ModelVersion

_log = logging.getLogger("rulegate.serving")

STUCK_AFTER_S = 60.0
"""A registry process that owes an answer and says nothing for so long is replaced when the next one times out."""

# A version, a logged model and a run's artifacts are what they are for ever; anything else may be led elsewhere.
_FIXED = re.compile(r"models:/(.*/[0-9]+|m-[0-9a-f]+)$|runs:|[a-z][a-z0-9+.-]*://(?<!file://)")


def default_cache_folder() -> Path:
    """Where fetched models are kept: ``$RULEGATE_CACHE``, or ``rulegate`` in the user's cache folder (XDG)."""
    if named := os.environ.get("RULEGATE_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rulegate" / "models"


def unusable(folder: Path) -> str | None:
    """Why models cannot be fetched into a folder, which is made if missing; None if they can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A disk that is full now may have room later; it is the right to write that is looked for.
        with tempfile.TemporaryDirectory(prefix="trying-", dir=folder):
            return None
    except OSError as error:
        return f"models cannot be kept in the folder `{folder}`: {(error.strerror or str(error)).lower()}"


class MlflowRegistry:
    """A `Registry` on MLflow. Starts its process with the first call, and again when it has died.

    Args:
        warm_parent: Forks the registry process.
        environment: The environment variables of that process, credentials included.
        registry_uri: The model registry; None leaves the choice to MLflow and its environment variables.
        cache: The folder of fetched models, one sub-folder a version, made if missing. Gateways may share it.
        cache_limit_bytes: What the folder may hold, but for what is in memory.
        stuck_after_s: For how long the process may owe an answer and say nothing.
    """

    def __init__(
        self,
        warm_parent: WarmParent,
        *,
        environment: Mapping[str, str],
        registry_uri: str | None,
        cache: Path,
        cache_limit_bytes: int,
        stuck_after_s: float = STUCK_AFTER_S,
    ) -> None:
        self._stuck_after_s = stuck_after_s
        self._warm_parent = warm_parent
        self._environment = json.dumps(dict(environment))
        self._registry_uri = registry_uri
        self._cache = cache
        self._cache_limit_bytes = cache_limit_bytes
        # How often each version is in use; those are not removed from the cache.
        self._kept: Counter[str] = Counter()
        self._lock = threading.Lock()
        # Another lock: it is held while the process is forked, and to release a version is not to wait.
        self._process_lock = threading.Lock()
        self._process: tuple[Forked, Channel] | None = None

    def change(self, *, cache_limit_bytes: int) -> None:
        """Bounds the folder otherwise, from the next model on that is fetched."""
        self._cache_limit_bytes = cache_limit_bytes

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        """See `Registry.resolve`."""
        return _version(self._call(Kind.RESOLVE, {"model_uri": model_uri}, _not_resolved, timeout_s))

    def may_move(self, model_uri: str) -> bool:
        """See `Registry.may_move`."""
        return not _FIXED.match(model_uri)

    def resolve_all(
        self, model_uris: Sequence[str], *, timeout_s: float
    ) -> Mapping[str, ModelVersion | ModelUnavailable]:
        """See `Registry.resolve_all`."""
        try:
            arguments = {"model_uris": list(model_uris), "patience_s": timeout_s / 2}
            facts = self._call(Kind.RESOLVE_ALL, arguments, _not_resolved, timeout_s)
        except ModelUnavailable as error:
            return dict.fromkeys(model_uris, error)
        return {uri: _not_resolved(f) if "message" in f else _version(f) for uri, f in facts.items()}

    def describe_all(
        self, model_uris: Sequence[str], *, timeout_s: float
    ) -> Mapping[str, ModelDescription | ModelUnavailable]:
        """See `Registry.describe_all`."""
        try:
            arguments = {"model_uris": list(model_uris), "patience_s": timeout_s / 2}
            facts = self._call(Kind.DESCRIBE_ALL, arguments, _not_resolved, timeout_s)
        except ModelUnavailable as error:
            return dict.fromkeys(model_uris, error)
        return {uri: _not_resolved(f) if "message" in f else _description(f) for uri, f in facts.items()}

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        """See `Registry.fetch`."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelNotLoaded(f"the cache folder cannot be made: {error.strerror}", detail=str(error)) from None
        with self._lock:
            self._kept[version.identity] += 1
            keep = list(self._kept)
        folder = self._cache / version.identity
        # What has been brought needs no registry.
        with contextlib.suppress(OSError):
            os.utime(folder)
            return folder
        arguments = {
            "artifact_uri": version.artifact_uri,
            "identity": version.identity,
            "cache": str(self._cache),
            "cache_limit_bytes": self._cache_limit_bytes,
            "keep": keep,
        }
        try:
            return Path(self._call(Kind.FETCH, arguments, _not_fetched, timeout_s)["folder"])
        except BaseException:
            self.release(version)
            raise

    def release(self, version: ModelVersion) -> None:
        """See `Registry.release`."""
        with self._lock:
            self._kept[version.identity] -= 1
            if self._kept[version.identity] <= 0:
                del self._kept[version.identity]

    def discard(self, version: ModelVersion) -> None:
        """See `Registry.discard`."""
        with self._lock:
            if self._kept[version.identity] > 1:
                return
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
        with self._process_lock:
            process, self._process = self._process, None
        if process is not None:
            _end(*process)

    def _call(
        self,
        kind: Kind,
        arguments: dict[str, Any],
        failure: Callable[[Mapping[str, Any]], ModelUnavailable],
        timeout_s: float,
    ) -> dict[str, Any]:
        until = time.monotonic() + timeout_s
        facts = {**arguments, "registry_uri": self._registry_uri}

        def ask() -> Frame:
            forked, channel = self._current(until)
            try:
                return channel.call(kind, facts, timeout_s=until - time.monotonic())
            except CallTimeout:
                # To bring files may take as long as it likes.
                if kind is not Kind.FETCH and channel.silent_s() >= self._stuck_after_s:
                    _log.warning("the registry process says nothing any more; it is given up")
                    _end(forked, channel)
                raise

        try:
            try:
                answer = ask()
            except (ChannelClosed, WarmParentDied):
                # Asking changes nothing, so who asked a process that has just ended asks the next one.
                answer = ask()
        except (ChannelClosed, WarmParentDied):
            raise failure({"message": "the registry process ended; the next request starts another"}) from None
        except (CallTimeout, ForkTimeout):
            raise failure({"message": f"the registry did not answer within {timeout_s:.0f} s"}) from None
        except OSError as error:
            message = f"no process could be started that asks the registry: {error.strerror}"
            raise failure({"message": message, "detail": str(error)}) from None
        if answer.kind is Kind.ERROR:
            raise failure(answer.facts())
        return answer.facts()

    def _current(self, until_s: float) -> tuple[Forked, Channel]:
        if not self._process_lock.acquire(timeout=max(0.0, until_s - time.monotonic())):
            raise ForkTimeout
        try:
            if self._process is None:
                forked = self._warm_parent.fork("registry", timeout_s=until_s - time.monotonic())
                # The warm parent must not have what models must not see, so the new process gets it from here.
                with contextlib.suppress(OSError):
                    write_frame(forked.socket, Frame(0, Kind.ENVIRONMENT, self._environment))
                self._process = forked, Channel(forked.socket, name="registry", on_close=lambda: self._ended(forked))
            return self._process
        finally:
            self._process_lock.release()

    def _ended(self, forked: Forked) -> None:
        forked.release()
        with self._process_lock:
            if self._process is not None and self._process[0] is forked:
                self._process = None


def _end(forked: Forked, channel: Channel) -> None:
    forked.kill()
    channel.close()


def _version(facts: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(facts["reference"], facts["artifact_uri"], facts["identity"])


def _description(facts: Mapping[str, Any]) -> ModelDescription:
    columns = facts["columns"]
    return ModelDescription(
        _version(facts), facts["stage"], tuple(facts["aliases"]), None if columns is None else tuple(columns)
    )


def _not_resolved(facts: Mapping[str, Any]) -> ModelNotResolved:
    kind = ModelNotResolved if facts.get("known") else RegistryUnreachable
    return kind(facts["message"], detail=facts.get("detail", ""))


def _not_fetched(facts: Mapping[str, Any]) -> ModelNotLoaded:
    return ModelNotLoaded(facts["message"], detail=facts.get("detail", ""))
