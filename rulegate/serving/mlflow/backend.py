"""Models in processes of this machine: forked from the warm parent, reached over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from rulegate.serving.channel import CallTimeout, Channel, ChannelClosed, Exchange
from rulegate.serving.errors import (
    ModelBroken,
    ModelDied,
    ModelNotLoaded,
    PredictionFailed,
    PredictionTimeout,
    ResultNotEncodable,
    ServingError,
    UnsupportedContentType,
)
from rulegate.serving.frames import PARTS_AHEAD, Frame, Kind
from rulegate.serving.memory import process_memory_bytes
from rulegate.serving.mlflow.environments import Environments
from rulegate.serving.mlflow.forked import Forked
from rulegate.serving.mlflow.likely_modules import likely_modules
from rulegate.serving.mlflow.warm_parent_client import ForkTimeout, WarmParent, WarmParentDied
from rulegate.serving.models import Headers, LoadedModel, Manager, ModelVersion, Prediction

_log = logging.getLogger("rulegate.serving")

_FAILURES = {
    "unsupported_content_type": UnsupportedContentType,
    "not_encodable": ResultNotEncodable,
    "failed": PredictionFailed,
}


LEAST_SILENCE_S = 1.0
"""However short requests are, a process may say nothing for so long: to load it again takes about as much."""

# Only while others send it large bodies does a process take time to hear that nobody waits for an answer any more.
_CANCEL_WITHIN_S = 5.0


class ProcessBackend:
    """A `ModelBackend` that gives each model a process of its own.

    Args:
        warm_parent: Forks the processes.
        environments: Starts them in the environments that models ask for, by what makes these.
        stuck_after_s: A process that has requests and says nothing for so long is given up when one of them times out.
        loop: The event loop that runs requests, which then speaks to the processes itself; None: each has a thread.
    """

    def __init__(
        self,
        warm_parent: WarmParent,
        environments: Mapping[Manager, Environments],
        *,
        stuck_after_s: float,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._warm_parent = warm_parent
        self._environments = environments
        self._stuck_after_s = stuck_after_s
        self._loop = loop

    def change(self, *, stuck_after_s: float) -> None:
        """Gives processes that say nothing another time, those that are loaded too."""
        self._stuck_after_s = stuck_after_s

    def load(
        self,
        version: ModelVersion,
        folder: Path,
        *,
        timeout_s: float,
        on_end: Callable[[], None],
        on_batch: Callable[[int], None],
    ) -> LoadedModel:
        """See `ModelBackend.load`."""
        until = time.monotonic() + timeout_s
        try:
            forked = self._start(version, folder, timeout_s)
        except WarmParentDied:
            raise ModelNotLoaded("the process that starts models ended; the next request starts another") from None
        except ForkTimeout:
            raise ModelNotLoaded(f"no process could be started for it within {timeout_s:.0f} s") from None
        except OSError as error:
            raise ModelNotLoaded(f"no process could be started for it: {error.strerror}", detail=str(error)) from None
        model = _ProcessModel(
            version, forked, lambda: max(self._stuck_after_s, LEAST_SILENCE_S), on_end, on_batch, loop=self._loop
        )
        try:
            modules = model.load(folder, timeout_s=until - time.monotonic())
        except BaseException:
            model.close()
            raise
        if version.setup.manager is None:
            self._warm_parent.learn(modules)
        return model

    def _start(self, version: ModelVersion, folder: Path, timeout_s: float) -> Forked:
        if version.setup.manager is not None:
            return self._environments[version.setup.manager].start(version, folder, timeout_s=timeout_s)
        # The fork comes after the lesson: to wait for one import is quicker than to do it twice.
        self._warm_parent.learn(likely_modules(folder))
        return self._warm_parent.fork("model", model=version.reference, timeout_s=timeout_s)


class _ProcessModel:
    """A `LoadedModel` in a process of its own."""

    def __init__(
        self,
        version: ModelVersion,
        forked: Forked,
        stuck_after_s: Callable[[], float],
        on_end: Callable[[], None],
        on_batch: Callable[[int], None],
        *,
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self._version = version
        self._stuck_after_s = stuck_after_s
        self._forked = forked
        self._on_end = on_end
        self._streams = False
        self._channel = Channel(
            forked.socket, name=version.reference, on_close=self._ended, on_batch=on_batch, loop=loop
        )

    @property
    def pid(self) -> int:
        """See `LoadedModel.pid`."""
        return self._forked.pid

    def load(self, folder: Path, *, timeout_s: float) -> list[str]:
        """Has the process load the model; the modules of installed distributions that this imported."""
        batching = self._version.setup.batching
        try:
            wanted = {"folder": str(folder), "batching": asdict(batching) if batching is not None else None}
            answer = self._channel.call(Kind.LOAD, wanted, timeout_s=timeout_s)
        except ChannelClosed:
            raise ModelNotLoaded("its process ended while loading it") from None
        except CallTimeout:
            raise ModelNotLoaded(f"it did not load within {timeout_s:.0f} s") from None
        facts = answer.facts()
        if answer.kind is Kind.ERROR:
            raise ModelBroken(facts["message"], detail=facts["detail"])
        self._streams = facts["streams"]
        modules: list[str] = facts["modules"]
        return modules

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:  # noqa: ARG002
        """See `Model.predict`; the process is told no headers."""
        until_s = time.monotonic() + timeout_s
        exchange = self._channel.exchange()
        rest = None
        try:
            exchange.send(Kind.PREDICT, content_type, body, timeout_s=timeout_s)
            answer = exchange.receive(timeout_s=until_s - time.monotonic())
            if answer.kind is Kind.PART:
                rest = _Parts(self, exchange, timeout_s)
        except ChannelClosed as error:
            raise self.failure(error) from None
        except CallTimeout as error:
            if self._streams:
                _cancel(exchange)
            raise self.failure(error) from None
        finally:
            if rest is None:
                exchange.close()
        if answer.kind is Kind.ERROR:
            raise _refusal(answer)
        return Prediction(answer.body, answer.meta, rest)

    def failure(self, error: ChannelClosed | CallTimeout) -> ServingError:
        """What it means for a request that its exchange with the process ended so; a stuck process is given up."""
        if isinstance(error, ChannelClosed):
            return ModelDied(f"the process of {self._version.reference} ended while it had the request")
        if self._channel.silent_s() >= self._stuck_after_s():
            _log.warning("%s says nothing any more; its process is given up", self._version.reference)
            self.close()
        return PredictionTimeout(f"{self._version.reference} did not answer in time")

    def memory_bytes(self) -> int:
        """See `LoadedModel.memory_bytes`."""
        return process_memory_bytes(self._forked.pid) or 0

    def close(self) -> None:
        """See `LoadedModel.close`."""
        self._forked.kill()
        self._channel.close()

    def _ended(self) -> None:
        self._forked.release()
        self._on_end()


class _Parts:
    """The parts of an answer that follow the first."""

    def __init__(self, model: _ProcessModel, exchange: Exchange, timeout_s: float) -> None:
        self._model = model
        self._exchange = exchange
        self._timeout_s = timeout_s
        self._taken = 1
        self._ended = False

    def __next__(self) -> bytes:
        if self._ended:
            raise StopIteration
        try:
            if self._taken == PARTS_AHEAD // 2:
                self._exchange.send(Kind.MORE, str(self._taken), timeout_s=self._timeout_s)
                self._taken = 0
            frame = self._exchange.receive(timeout_s=self._timeout_s)
        except (ChannelClosed, CallTimeout) as error:
            self.close()
            raise self._model.failure(error) from None
        if frame.kind is Kind.PART:
            self._taken += 1
            return frame.body
        self._ended = True
        self.close()
        if frame.kind is Kind.ERROR:
            raise _refusal(frame)
        return frame.body

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            _cancel(self._exchange)
        self._exchange.close()


def _cancel(exchange: Exchange) -> None:
    # If the process is gone or reads nothing, there is nobody to be told.
    with contextlib.suppress(ChannelClosed, CallTimeout):
        exchange.send(Kind.CANCEL, timeout_s=_CANCEL_WITHIN_S)


def _refusal(answer: Frame) -> PredictionFailed:
    facts = answer.facts()
    failure = _FAILURES[facts["kind"]]
    return failure(
        facts["message"],
        error_code=facts["error_code"],
        detail=facts["detail"],
        fields=facts["fields"],
        by_model=facts["by_model"],
    )
