"""Who plays in scenarios, each by its part: a registry, a backend and its models, decision services, other servers."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rulegate.external import Answered, Fault, NoAnswer
from rulegate.serving.errors import (
    ModelBroken,
    ModelDied,
    ModelNotLoaded,
    ModelNotResolved,
    ModelUnavailable,
    PredictionFailed,
    PredictionTimeout,
    RegistryUnreachable,
    ResultNotEncodable,
)
from rulegate.serving.models import ModelVersion, Prediction, Setup
from tests.odd_servers import Exchange, OddServer, answer

OF_HTTP = {"host", "accept-encoding", "content-length", "connection"}
"""Headers of a request to another server that every client sends."""

RELEASED_AFTER_S = 30.0
"""When a model that takes for ever to load gives up, should a test forget to end it."""


class Cast:
    """A registry and a backend whose models play their parts: a word each, or one for each request in turn."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self._parts = parts
        self._asked: Counter[str] = Counter()
        self.meanings: dict[str, str] = {}
        self.loads: Counter[str] = Counter()
        self.over = threading.Event()

    def part(self, model_uri: str) -> str:
        part = self._parts.get(model_uri, "answers")
        if isinstance(part, str):
            return part
        self._asked[model_uri] += 1
        return str(part[min(self._asked[model_uri], len(part)) - 1])

    def _is(self, model_uri: str, part: str) -> bool:
        return self._parts.get(model_uri) == part

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        if self._is(model_uri, "unknown"):
            raise ModelNotResolved(f"there is no {model_uri}")
        if self._is(model_uri, "unreachable"):
            raise RegistryUnreachable("the registry does not answer")
        meaning = self.meanings.get(model_uri, model_uri)
        return ModelVersion(meaning, meaning, meaning)

    def may_move(self, model_uri: str) -> bool:
        return "@" in model_uri

    def resolve_all(self, model_uris: list[str], *, timeout_s: float) -> Mapping[str, ModelVersion | ModelUnavailable]:
        return {model_uri: self.resolve(model_uri, timeout_s=timeout_s) for model_uri in model_uris}

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        return Path("/nowhere")

    def release(self, version: ModelVersion) -> None:
        pass

    def discard(self, version: ModelVersion) -> None:
        pass

    def load(
        self, version: ModelVersion, folder: Path, *, timeout_s: float, on_end: Callable[[], None], **_rest: Any
    ) -> Player:
        if self._is(version.reference, "broken"):
            raise ModelBroken("its code fails")
        if self._is(version.reference, "loads for ever"):
            self.over.wait(min(timeout_s, RELEASED_AFTER_S))
            raise ModelNotLoaded("it did not load in time")
        self.loads[version.reference] += 1
        return Player(self, version, on_end)


class Player:
    """A loaded model. It takes up one byte."""

    pid = 1

    def __init__(self, cast: Cast, version: ModelVersion, on_end: Callable[[], None]) -> None:
        self._cast, self._version, self._on_end = cast, version, on_end

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, **_rest: Any) -> Prediction:
        match self._cast.part(self._version.reference).partition(" "):
            case ["answers", _, said]:
                predictions = json.loads(said) if said else [self._version.reference]
                return Prediction(json.dumps({"predictions": predictions}).encode(), "application/json")
            case ["tells", _, "how it is run"]:
                return Prediction(json.dumps(told(self._version.setup)).encode(), "application/json")
            case ["streams", _, _]:
                return Prediction(b"data: 1\n\n", "text/event-stream", Parts(False))
            case ["breaks", _, "off"]:
                return Prediction(b"data: 1\n\n", "text/event-stream", Parts(True))
            case ["dies", _, _]:
                raise ModelDied("its process ended")
            case ["hangs", _, _]:
                self._cast.over.wait(timeout_s)
                raise PredictionTimeout("it did not answer in time")
            case ["raises", _, _]:
                raise PredictionFailed("it raised", error_code="BAD_REQUEST", by_model=True)
            case ["refuses", _, _]:
                raise PredictionFailed("the body does not fit", error_code="BAD_REQUEST")
            case ["returns", _, "an object"]:
                raise ResultNotEncodable("what is that", error_code="INTERNAL_ERROR")
            case part:
                raise AssertionError(f"nobody knows how to play `{' '.join(part)}`")

    def memory_bytes(self) -> int:
        return 1

    def close(self) -> None:
        self._on_end()


def told(setup: Setup) -> dict[str, object]:
    """How the processes of a model are made, in the words of a configuration."""
    batching = setup.batching
    return {
        "batching": batching and {"max_size": batching.max_size, "max_delay_ms": round(batching.max_delay_s * 1000)},
        "environment": setup.manager or "local",
    }


class Parts:
    """A second part, or none because the model dies."""

    def __init__(self, breaks_off: bool) -> None:
        self._breaks_off, self._taken = breaks_off, False

    def __next__(self) -> bytes:
        if self._breaks_off:
            raise ModelDied("its process ended")
        if self._taken:
            raise StopIteration
        self._taken = True
        return b"data: [DONE]\n\n"

    def close(self) -> None:
        pass


class Service:
    """A decision service that plays a part for each question in turn, the last one for all others."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = parts

    def ask(self, question: bytes, *, until_s: float) -> Answered:
        part = self._parts.pop(0) if len(self._parts) > 1 else self._parts[0]
        if part == "fails":
            raise NoAnswer(Fault.UNREACHABLE, "it is not there")
        return Answered(part["result"], 1)


class Full:
    """A server that accepts nobody: its queue is one place long, and taken."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(0)
        self._only = socket.create_connection(self._listener.getsockname())
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        self._only.close()
        self._listener.close()


def server(part: str) -> OddServer | Full:
    """A real server that plays a part; its address stands in the configuration as a variable."""
    if part == "accepts nobody":
        return Full()
    bodies: dict[str, Callable[[Exchange], bytes]] = {
        "answers": lambda _: b'{"predictions": ["elsewhere"]}',
        "answers with the headers": lambda exchange: json.dumps(sorted(exchange.headers.keys() - OF_HTTP)).encode(),
        "answers with 100 bytes": lambda _: b"[%s]" % (b" " * 98),
        "answers with 101 bytes": lambda _: b"[%s]" % (b" " * 99),
    }
    return OddServer(lambda exchange: exchange.send(answer(bodies[part](exchange))))
