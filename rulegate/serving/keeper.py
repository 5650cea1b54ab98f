"""The keeper: one thread that tidies the pool up and follows the registry."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from rulegate.serving.errors import ModelUnavailable
from rulegate.serving.models import ModelVersion, Registry
from rulegate.serving.pool import ModelPool

TIDY_INTERVAL_S = 1.0
"""Seconds between two looks at what is idle and what it holds."""

REFRESH_TIMEOUT_S = 10.0
"""How long the registry may take to answer one round of questions."""

FOLLOWED_AT_ONCE = 2
"""New versions that are loaded side by side; the others wait, and what they replace goes on serving."""

_log = logging.getLogger("rulegate.serving")


class Keeper:
    """Calls `ModelPool.tidy`, and resolves again what is bound to a stage, an alias or ``latest``.

    A URI that means another version now is led there once that version is ready; until then, and if it cannot be loaded
    or the registry does not answer, what was known goes on serving.

    Args:
        pool: What to keep.
        registry: What to follow.
        refresh_interval_s: Seconds between two rounds; None follows nothing.
    """

    def __init__(self, pool: ModelPool, registry: Registry, *, refresh_interval_s: float | None) -> None:
        self._pool = pool
        self._registry = registry
        self._refresh_interval_s = refresh_interval_s
        self._followers = ThreadPoolExecutor(FOLLOWED_AT_ONCE, thread_name_prefix="follow")
        self._lock = threading.Lock()
        self._following: set[str] = set()
        # What went wrong for each URI, so that it is said once and not in every round.
        self._said: dict[str, str] = {}
        self._closed = threading.Event()

    def start(self) -> None:
        """Begins, in a thread of its own."""
        threading.Thread(target=self._run, name="keeper", daemon=True).start()

    def close(self) -> None:
        """Ends it; a load that is under way goes on. Safe to call again."""
        self._closed.set()
        self._followers.shutdown(wait=False, cancel_futures=True)

    def change(self, *, refresh_interval_s: float | None) -> None:
        """Asks the registry at another interval."""
        self._refresh_interval_s = refresh_interval_s

    def refresh(self) -> None:
        """Asks the registry once for all that may have moved, and begins to follow what has."""
        bound = {uri: version for uri, version in self._pool.bound().items() if self._registry.may_move(uri)}
        if not bound:
            return
        for model_uri, answer in self._registry.resolve_all(tuple(bound), timeout_s=REFRESH_TIMEOUT_S).items():
            if isinstance(answer, ModelUnavailable):
                self._say(model_uri, f"{model_uri} cannot be resolved any more: {answer.message}")
            elif answer != bound[model_uri]:
                self._begin_to_follow(model_uri, bound[model_uri], answer)
            else:
                self._said.pop(model_uri, None)

    def _begin_to_follow(self, model_uri: str, old: ModelVersion, new: ModelVersion) -> None:
        with self._lock:
            if model_uri in self._following or self._closed.is_set():
                return
            self._following.add(model_uri)
        self._followers.submit(self._follow, model_uri, old, new)

    def _follow(self, model_uri: str, old: ModelVersion, new: ModelVersion) -> None:
        try:
            self._pool.follow(model_uri, old, new)
            self._said.pop(model_uri, None)
            _log.info("%s is %s now; it was %s", model_uri, new.reference, old.reference)
        except ModelUnavailable as error:
            self._say(
                model_uri, f"{model_uri} stays {old.reference}: {new.reference} cannot be loaded: {error.message}"
            )
        finally:
            with self._lock:
                self._following.discard(model_uri)

    def _say(self, model_uri: str, message: str) -> None:
        if self._said.get(model_uri) != message:
            self._said[model_uri] = message
            _log.warning(message)

    def _run(self) -> None:
        refresh_s = time.monotonic()
        while not self._closed.wait(TIDY_INTERVAL_S):
            try:
                self._pool.tidy()
                interval_s = self._refresh_interval_s
                if interval_s is not None and time.monotonic() - refresh_s >= interval_s:
                    self.refresh()
                    refresh_s = time.monotonic()
            except Exception:  # noqa: BLE001 - logged whole
                # Whatever it was, idle models must not stay for ever because of it.
                _log.exception("a round of the keeper failed")
