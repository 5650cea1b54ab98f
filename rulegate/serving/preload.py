"""Models that are loaded at the start, before a request asks for them."""

from __future__ import annotations

import itertools
import os
import threading
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
        model_uris: Which ones; may be empty.
    """

    def __init__(self, pool: ModelPool, model_uris: tuple[str, ...]) -> None:
        self._pool = pool
        # Each model that has not been ready yet, and why.
        self._waiting = dict.fromkeys(model_uris, "it is being loaded")
        self._closed = threading.Event()

    def start(self) -> None:
        """Begins to load and returns at once."""
        if self._waiting:
            threading.Thread(target=self._run, name="preload", daemon=True).start()

    def not_ready(self) -> dict[str, str]:
        """The models that have not been ready yet, each with the reason."""
        return dict(self._waiting)

    def close(self) -> None:
        """Ends the attempts. Safe to call again."""
        self._closed.set()

    def _run(self) -> None:
        with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="preload") as threads:
            for attempt in itertools.count():
                list(threads.map(self._load, list(self._waiting)))
                if not self._waiting or self._closed.wait(min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)):
                    return

    def _load(self, model_uri: str) -> None:
        if self._closed.is_set():
            return
        try:
            self._pool.load(model_uri)
        except ServingError as error:
            self._waiting[model_uri] = error.message
        else:
            del self._waiting[model_uri]
