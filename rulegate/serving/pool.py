"""The pool: which models are loaded, one load a version, and leases on them.

The life of a version, as the pool sees it:

        lease ──► resolving ──► fetching, loading ──► ready ──► ended ─┐
          ▲            │                │                              │
          └────────────┴── failed ◄─────┘     the next lease begins anew

Can one version be loaded twice at once? No: requests that need it while it is being loaded wait for that load, also
when they came by different URIs. Can a version in use be unloaded? Nothing unloads a version but the pool's end; a
process that dies takes its leases' requests along (`ModelDied`). What do waiters get when a load fails? The same error,
each; nothing stays behind, and the next request tries again. Is a lock held while loading? No; the lock guards two
dictionaries for as long as a look-up takes. What happens at shutdown? `close` ends every model at once: call it when no
request is in flight.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass

from rulegate.serving.errors import ModelBroken, ModelNotLoaded, ModelStillLoading, ServingError
from rulegate.serving.models import LoadedModel, ModelBackend, ModelVersion, Prediction, Registry

_log = logging.getLogger("rulegate.serving")


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to use one loaded version until it is given back.

    Attributes:
        version: The version that the model URI meant.
        load_s: Seconds that this request waited for the model to be ready; 0.0 where it was.
    """

    version: ModelVersion
    load_s: float
    _model: LoadedModel

    def predict(self, body: bytes, content_type: str, *, timeout_s: float) -> Prediction:
        """See `LoadedModel.predict`."""
        return self._model.predict(body, content_type, timeout_s=timeout_s)


@dataclass(frozen=True, slots=True)
class _Loaded:
    version: ModelVersion
    model: LoadedModel
    ended: threading.Event


_Loading = Future[_Loaded]


def _is_over(loading: _Loading) -> bool:
    """Whether the work has failed, or what it loaded has ended since: then the next lease begins anew."""
    return loading.done() and (loading.exception() is not None or loading.result().ended.is_set())


class ModelPool:
    """Loads models when they are first needed and keeps them. Safe to use from many threads.

    Args:
        registry: Resolves model URIs and brings files.
        backend: Makes a version answer.
        load_timeout_s: How long resolving, fetching and loading may take together.
    """

    def __init__(self, registry: Registry, backend: ModelBackend, *, load_timeout_s: float) -> None:
        self._registry = registry
        self._backend = backend
        self._load_timeout_s = load_timeout_s
        self._lock = threading.Lock()
        # Work that is under way or done. What is over stays until somebody asks again or another model ends.
        self._by_uri: dict[str, _Loading] = {}
        self._by_identity: dict[str, _Loading] = {}
        self._closed = False

    @contextlib.contextmanager
    def lease(self, model_uri: str, *, timeout_s: float) -> Iterator[Lease]:
        """The loaded version that ``model_uri`` means, loaded now if it is not.

        Raises:
            ModelNotResolved: If the registry does not know it or does not answer.
            ModelNotLoaded: If it cannot be loaded.
            ModelStillLoading: If it is not ready within ``timeout_s`` seconds; the load goes on.
        """
        loaded, load_s = self._ready(model_uri), 0.0
        if loaded is None:
            begin = time.monotonic()
            loading = self._once(self._by_uri, model_uri, lambda: self._load(model_uri))
            try:
                loaded = loading.result(timeout=max(0.0, timeout_s))
            except FutureTimeout:
                raise ModelStillLoading(
                    f"{model_uri} is still being loaded; it was not ready within {timeout_s:.0f} s"
                ) from None
            load_s = time.monotonic() - begin
        yield Lease(loaded.version, load_s, loaded.model)

    def load(self, model_uri: str) -> None:
        """Loads a model ahead of its first request, with the pool's own time limit.

        Raises:
            ServingError: As `lease`.
        """
        with self.lease(model_uri, timeout_s=self._load_timeout_s):
            pass

    def is_ready(self, model_uri: str) -> bool:
        """Whether a request for ``model_uri`` would find it loaded now."""
        return self._ready(model_uri) is not None

    def close(self) -> None:
        """Ends all models at once. Later leases fail. Safe to call again."""
        with self._lock:
            self._closed = True
            done = [loading for loading in self._by_identity.values() if loading.done() and not _is_over(loading)]
        for loading in done:
            loading.result().model.close()

    def _ready(self, model_uri: str) -> _Loaded | None:
        loading = self._by_uri.get(model_uri)
        if loading is None or not loading.done() or _is_over(loading):
            return None
        return loading.result()

    def _once(self, known: dict[str, _Loading], key: str, work: Callable[[], _Loaded]) -> _Loading:
        """The work that is known by ``key``, begun in a thread of its own if there is none or it is over."""
        with self._lock:
            if self._closed:
                raise ModelNotLoaded("the gateway is shutting down")
            loading = known.get(key)
            if loading is not None and not _is_over(loading):
                return loading
            loading = known[key] = Future()

        def run(loading: _Loading = loading) -> None:
            try:
                loading.set_result(work())
            except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it, whatever it is
                loading.set_exception(error)

        # Not in the thread of the first request: that one may have less time than the load needs.
        threading.Thread(target=run, name=f"load {key}", daemon=True).start()
        return loading

    def _load(self, model_uri: str) -> _Loaded:
        begin = time.monotonic()
        until = begin + self._load_timeout_s
        try:
            _log.info("%s is being loaded", model_uri)
            version = self._registry.resolve(model_uri, timeout_s=self._load_timeout_s)
            loaded = self._once(
                self._by_identity, version.identity, lambda: self._load_version(version, until)
            ).result()
        except ServingError as error:
            _log.warning("%s cannot be loaded: %s", model_uri, error.message, extra={"detail": error.detail})
            raise
        _log.info("%s is loaded as %s in %.2f s", model_uri, version.reference, time.monotonic() - begin)
        return loaded

    def _load_version(self, version: ModelVersion, until: float) -> _Loaded:
        ended = threading.Event()

        def on_end() -> None:
            ended.set()
            self._drop_what_is_over()

        folder = self._registry.fetch(version, timeout_s=until - time.monotonic())
        try:
            model = self._backend.load(version, folder, timeout_s=until - time.monotonic(), on_end=on_end)
        except ModelBroken:
            self._registry.discard(version)
            raise
        if self._closed:
            model.close()
        return _Loaded(version, model, ended)

    def _drop_what_is_over(self) -> None:
        with self._lock:
            for known in (self._by_uri, self._by_identity):
                for key in [key for key, loading in known.items() if _is_over(loading)]:
                    del known[key]
