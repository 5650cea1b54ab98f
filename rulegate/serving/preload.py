"""Models that are loaded before a request asks for them."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from rulegate.serving.errors import ServingError
from rulegate.serving.pool import ModelPool

FIRST_PAUSE_S = 1.0
"""Seconds before a model that could not be loaded is tried again; doubled with each failure."""

LONGEST_PAUSE_S = 30.0
"""Where the doubling ends."""


class Preload:
    """Loads models, a few at a time, each until it has succeeded once. Safe to use from many threads.

    It goes on trying because nothing else would: whoever waits for ``/ready`` sends no request before. A model that
    ends later is not its business; the next request starts it again.

    Args:
        pool: Where the models are loaded.
    """

    def __init__(self, pool: ModelPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._wanted: frozenset[str] = frozenset()
        # Each model that has not been ready yet, and why.
        self._waiting: dict[str, str] = {}
        self._has_been_ready = False
        self._closed = threading.Event()

    def want(self, model_uris: Collection[str]) -> None:
        """Begins to load those that were not wanted before, gives up those that are not any more; returns at once."""
        with self._lock:
            new = [model_uri for model_uri in model_uris if model_uri not in self._wanted]
            self._wanted = frozenset(model_uris)
            self._waiting = {uri: why for uri, why in self._waiting.items() if uri in self._wanted}
            self._waiting |= dict.fromkeys(new, "it is being loaded")
            self._has_been_ready |= not self._waiting
        if new:
            threading.Thread(target=self._run, args=(new,), name="preload", daemon=True).start()

    def not_ready(self) -> dict[str, str]:
        """The models that have not been ready yet, each with the reason; none any more once all have been.

        A gateway that answers must not be taken out of service by models that a later configuration adds: every one
        that reads that configuration would be, at the same time.
        """
        with self._lock:
            return {} if self._has_been_ready else dict(self._waiting)

    def close(self) -> None:
        """Ends the attempts. Safe to call again."""
        self._closed.set()

    def _run(self, model_uris: Collection[str]) -> None:
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="preload") as threads:
            for attempt in itertools.count():
                list(threads.map(self._load, model_uris))
                model_uris = [model_uri for model_uri in model_uris if self._is_waiting(model_uri)]
                if not model_uris or self._closed.wait(min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)):
                    return

    def _load(self, model_uri: str) -> None:
        if self._closed.is_set() or not self._is_waiting(model_uri):
            return
        try:
            self._pool.load(model_uri)
        except ServingError as error:
            self._note(model_uri, error.message)
        else:
            self._note(model_uri, None)

    def _is_waiting(self, model_uri: str) -> bool:
        with self._lock:
            return model_uri in self._waiting

    def _note(self, model_uri: str, why_not: str | None) -> None:
        with self._lock:
            if model_uri not in self._waiting:
                return
            if why_not is not None:
                self._waiting[model_uri] = why_not
                return
            del self._waiting[model_uri]
            self._has_been_ready |= not self._waiting
