"""Bindings: which version each model URI means now, asked of the registry once for all who want to know."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace

from rulegate import waiting
from rulegate.serving.backoff import Backoff
from rulegate.serving.errors import ModelNotResolved, ModelStillLoading, ModelUnavailable, RegistryUnreachable
from rulegate.serving.models import ModelVersion, Registry, Setup

KNOWN_TIMEOUT_S = 5.0
"""How long the registry is waited for where it is known what a URI meant last."""

_log = logging.getLogger("rulegate.serving")


class Bindings:
    """Model URI → version. Safe to use from many threads; no lock is held while the registry is asked.

    A URI is bound from the moment somebody needs it until its version leaves memory, so that what is loaded anew is
    resolved anew. Should the registry not answer then, what the URI last meant goes on holding.

    Args:
        registry: Knows what URIs mean.
        clock: Seconds that only grow.
    """

    def __init__(self, registry: Registry, *, clock: Callable[[], float]) -> None:
        self._registry = registry
        self._clock = clock
        self._lock = threading.Lock()
        self._bound: dict[str, ModelVersion] = {}
        self._last: dict[str, ModelVersion] = {}
        self._asking: dict[str, Future[ModelVersion]] = {}
        self._backoff = Backoff(clock)

    def get(self, model_uri: str) -> ModelVersion | None:
        """What the URI is bound to; None if to nothing."""
        return self._bound.get(model_uri)

    def all(self) -> dict[str, ModelVersion]:
        """Every binding that there is now."""
        with self._lock:
            return dict(self._bound)

    def by_version(self) -> dict[ModelVersion, list[str]]:
        """The URIs that are bound to each version."""
        found: dict[ModelVersion, list[str]] = {}
        for model_uri, version in self.all().items():
            found.setdefault(version, []).append(model_uri)
        return found

    def resolve(self, model_uri: str, setup: Setup, *, until_s: float, timeout_s: float) -> ModelVersion:
        """Binds the URI to what the registry says it means, unless it has been bound meanwhile; what it is bound to.

        Args:
            model_uri: The URI.
            setup: How its version is to be run.
            until_s: Until when, by the clock, the caller waits.
            timeout_s: How long the registry may take, whoever waits for it.

        Raises:
            ModelNotResolved: If it means nothing, or the registry does not answer and never has.
            ModelStillLoading: If there is no answer by ``until_s`` of the clock; the question stands.
        """
        with self._lock:
            asking = self._asking.get(model_uri)
            if asking is None:
                self._backoff.check(model_uri)
                asking = Future()
                arguments = (model_uri, asking, timeout_s)
                try:
                    threading.Thread(target=self._ask, args=arguments, name=f"resolve {model_uri}", daemon=True).start()
                except RuntimeError:
                    raise RegistryUnreachable("the system allows no more threads") from None
                # It has no end before the lock is free.
                self._asking[model_uri] = asking
        try:
            version = waiting.result_of(asking, until_s - self._clock())
        except FutureTimeout:
            raise ModelStillLoading(f"the registry has not yet answered for {model_uri}") from None
        except ModelUnavailable as error:
            # One error for all who wait, but each raises its own.
            raise copy.copy(error) from None
        # Bound by who goes on to load it: an answer that nobody has waited for must not hold until its version leaves.
        with self._lock:
            return self._bound.setdefault(model_uri, replace(version, setup=setup))

    def keep(self, model_uri: str, version: ModelVersion) -> bool:
        """Binds the URI to the version if it is bound to nothing; whether it is bound to this version now."""
        with self._lock:
            return self._bound.setdefault(model_uri, version) == version

    def move(self, model_uri: str, old: ModelVersion, new: ModelVersion) -> None:
        """Binds a URI anew, if it is still bound to ``old``."""
        with self._lock:
            if self._bound.get(model_uri) == old:
                self._bound[model_uri] = self._last[model_uri] = new

    def release(self, version: ModelVersion) -> None:
        """Unbinds every URI that is bound to the version."""
        with self._lock:
            for model_uri in [uri for uri, bound in self._bound.items() if bound == version]:
                del self._bound[model_uri]

    def forget_all_but(self, model_uris: Collection[str]) -> set[ModelVersion]:
        """Unbinds every other URI and forgets what it meant last; the versions that they were bound to."""
        with self._lock:
            for model_uri in self._last.keys() - model_uris:
                del self._last[model_uri]
            return {self._bound.pop(model_uri) for model_uri in self._bound.keys() - model_uris}

    def means(self, version: ModelVersion) -> bool:
        """Whether any URI is bound to the version."""
        with self._lock:
            return version in self._bound.values()

    def _ask(self, model_uri: str, asking: Future[ModelVersion], timeout_s: float) -> None:
        outcome: ModelVersion | ModelUnavailable
        try:
            known = model_uri in self._last
            bound_s = min(timeout_s, KNOWN_TIMEOUT_S) if known else timeout_s
            outcome = self._registry.resolve(model_uri, timeout_s=bound_s)
        except RegistryUnreachable as error:
            facts = {"detail": error.take_detail() or None}
            _log.warning("the registry does not answer for %s: %s", model_uri, error.message, extra={"facts": facts})
            outcome = self._last.get(model_uri, error)
        except ModelUnavailable as error:
            facts = {"detail": error.take_detail() or None}
            _log.warning("%s cannot be resolved: %s", model_uri, error.message, extra={"facts": facts})
            outcome = error
        except Exception:  # noqa: BLE001 - logged whole, and told to whoever waits
            _log.exception("%s cannot be resolved", model_uri)
            outcome = ModelNotResolved("the gateway failed to ask the registry; its log tells why")
        with self._lock:
            del self._asking[model_uri]
            if isinstance(outcome, ModelVersion):
                self._last[model_uri] = outcome
                self._backoff.succeeded(model_uri)
            else:
                self._backoff.failed(model_uri, outcome)
        if isinstance(outcome, ModelVersion):
            asking.set_result(outcome)
        else:
            asking.set_exception(outcome)
