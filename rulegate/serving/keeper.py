"""The keeper: one thread that tidies the pool up and follows the registry."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from rulegate.serving.errors import ModelUnavailable
from rulegate.serving.models import ModelVersion, Registry, Terms
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

    A URI that means another version now, or whose version is to be run in another way, is led there once that is ready;
    until then, and if it cannot be loaded or the registry does not answer, what was known goes on serving.

    Args:
        pool: What to keep.
        registry: What to follow.
    """

    def __init__(self, pool: ModelPool, registry: Registry) -> None:
        self._pool = pool
        self._registry = registry
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

    def refresh(self, is_due: Callable[[Terms], bool] = lambda _: True) -> None:
        """Asks the registry once for all that may have moved and whose turn it is, and begins to follow what has."""
        bound = {uri: version for uri, version in self._pool.bound().items() if self._registry.may_move(uri)}
        due = [model_uri for model_uri in bound if is_due(self._pool.terms_of(model_uri))]
        if not due:
            return
        for model_uri, answer in self._registry.resolve_all(due, timeout_s=REFRESH_TIMEOUT_S).items():
            if isinstance(answer, ModelUnavailable):
                self._say(model_uri, f"{model_uri} cannot be resolved any more: {answer.message}")
                continue
            old = bound[model_uri]
            new = replace(answer, setup=old.setup)
            if new != old:
                self._begin_to_follow(model_uri, old, new)
            else:
                self._said.pop(model_uri, None)

    def set_up_anew(self) -> None:
        """Begins to lead each URI whose version is to be run in another way to one that is."""
        for model_uri, version in self._pool.bound().items():
            setup = self._pool.terms_of(model_uri).setup
            if setup != version.setup:
                self._begin_to_follow(model_uri, version, replace(version, setup=setup))

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
            if new.reference == old.reference:
                _log.info("%s is %s as before, run as the configuration says now", model_uri, new.reference)
            else:
                _log.info("%s is %s now; it was %s", model_uri, new.reference, old.reference)
        except ModelUnavailable as error:
            # In the pause after a failure there is nothing to tell that has not been told, but for the time left of it.
            if error.retry_after_s is None:
                self._say(model_uri, f"{model_uri} stays {old.reference}: {error.message}")
        except Exception:  # noqa: BLE001 - logged whole; it is tried again in the next round
            _log.exception("%s cannot be led to %s", model_uri, new.reference)
        finally:
            with self._lock:
                self._following.discard(model_uri)

    def _say(self, model_uri: str, message: str) -> None:
        if self._said.get(model_uri) != message:
            self._said[model_uri] = message
            _log.warning(message)

    def _run(self) -> None:
        before_s = time.monotonic()
        while not self._closed.wait(TIDY_INTERVAL_S):
            now_s = time.monotonic()
            try:
                self._pool.tidy()
                self.set_up_anew()
                self.refresh(functools.partial(is_due, before_s, now_s))
            except Exception:  # noqa: BLE001 - logged whole
                # Whatever it was, idle models must not stay for ever because of it.
                _log.exception("a round of the keeper failed")
            before_s = now_s


def is_due(before_s: float, now_s: float, terms: Terms) -> bool:
    """Whether an interval has ended since the last round; all of one length end together, so that one question does."""
    interval_s = terms.refresh_interval_s
    return interval_s is not None and before_s // interval_s != now_s // interval_s
