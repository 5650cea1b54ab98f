"""The life of a model process: load one model, then answer frames until the gateway hangs up.

A model that answers row by row has its requests merged, see `batching`, all in one thread: what comes while it predicts
waits in the socket. Predictions of any other run in a few threads, as they do in MLflow's scoring server, so that a
model that waits for something else does not hold up its other requests, and the main thread reads. Answers go back in
the order in which they are ready. One that is asked for bit by bit has a thread of its own, see `streaming`.

This module and what it imports also run in environments of models, on Python 3.10 and MLflow 2.15 or newer.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import queue
import socket
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import mlflow.pyfunc
import numpy as np

from rulegate.serving.errors import PredictionFailed, ResultNotEncodable, UnsupportedContentType
from rulegate.serving.frames import Arrivals, Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow.batching import ROW_BY_ROW, Batcher
from rulegate.serving.mlflow.redaction import for_log, without_text
from rulegate.serving.mlflow.row_by_row import answers_row_by_row
from rulegate.serving.mlflow.scoring import asks_for_stream, can_stream, score
from rulegate.serving.mlflow.streaming import Streams
from rulegate.serving.models import Batching

_KINDS = {UnsupportedContentType: "unsupported_content_type", ResultNotEncodable: "not_encodable"}


def run(sock: socket.socket) -> None:
    """Serves one model over ``sock``: the first frame says which, each later one is a request."""
    stream = open_stream(sock)
    first = read_frame(stream)
    if first is None:
        return
    before = len(sys.modules)
    try:
        facts = first.facts()
        model = _load(Path(facts["folder"]))
        batching = _batching(model, facts["batching"])
    except BaseException as error:  # noqa: BLE001 - a model's code may raise anything, SystemExit included
        failure = {"message": without_text(error), "detail": for_log(traceback.format_exc())}
        write_frame(sock, Frame(first.request_id, Kind.ERROR, json.dumps(failure)))
        return
    loaded = {
        "modules": _installed(_latest_modules(len(sys.modules) - before)),
        "batches": batching is not None,
        "streams": can_stream(model),
    }
    write_frame(sock, Frame(first.request_id, Kind.RESULT, json.dumps(loaded)))
    _serve(model, batching, sock, stream)


def _load(folder: Path) -> mlflow.pyfunc.PyFuncModel:
    # A fork inherits the state of the generators: without this, all models would draw the same numbers.
    np.random.seed()
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    # The folder is shared between processes and is not ours to write to.
    sys.dont_write_bytecode = True
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)


def _batching(model: mlflow.pyfunc.PyFuncModel, wanted: dict[str, Any] | None) -> Batching | None:
    """How the model's requests are merged; None if they are not."""
    if wanted is None:
        return None
    batching = Batching(**wanted)
    known = model.loader_module in ROW_BY_ROW
    return batching if (known or batching.any_flavor) and answers_row_by_row(model) else None


def _latest_modules(number: int) -> Iterator[str]:
    """The names of the modules imported last.

    Only these are looked at: to look at a name counts a reference to it, which copies its page, and the names of all
    modules lie on seven megabytes of pages that would otherwise be shared with the parent.
    """
    return itertools.islice(reversed(sys.modules), max(0, number))


def _installed(names: Iterable[str]) -> list[str]:
    """The modules among ``names`` that belong to Python or to an installed distribution, not to the model."""
    roots = tuple(sysconfig.get_path(which) + os.sep for which in ("stdlib", "platstdlib", "purelib", "platlib"))

    def is_installed(name: str) -> bool:
        spec = getattr(sys.modules.get(name), "__spec__", None)
        origin = getattr(spec, "origin", None)
        return isinstance(origin, str) and (origin in {"built-in", "frozen"} or origin.startswith(roots))

    return sorted(name for name in names if is_installed(name))


def _serve(model: mlflow.pyfunc.PyFuncModel, batching: Batching | None, sock: socket.socket, stream: BinaryIO) -> None:
    write = threading.Lock()

    def send(replies: Sequence[Frame]) -> None:
        try:
            with write:
                write_frame(sock, *replies)
        except OSError:
            # The gateway has hung up, or the model has closed what was not its own: nobody can be answered any more.
            os._exit(1)

    def alone(frame: Frame) -> Frame:
        return _answer(model, frame)

    streams = Streams(model, lambda frame: send([frame]), failed=_failure) if can_stream(model) else None
    if batching is not None:
        batcher = Batcher(model, batching, alone, send)
        if streams is None:
            batcher.run(Arrivals(sock).get)
            os._exit(0)
        waiting: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        threading.Thread(target=batcher.run, args=(waiting.get,), name="batches", daemon=True).start()
        take: Callable[[Frame], object] = waiting.put
    else:
        # As many threads as asyncio.to_thread has, which is what runs predictions in MLflow's scoring server.
        threads = ThreadPoolExecutor(min(32, (os.cpu_count() or 1) + 4), thread_name_prefix="predict")

        def take(frame: Frame) -> object:
            return threads.submit(lambda: send([alone(frame)]))

    while (frame := read_frame(stream)) is not None:
        if frame.kind is not Kind.PREDICT:
            if streams is not None:
                streams.tell(frame)
        elif streams is not None and asks_for_stream(frame.body, frame.meta):
            streams.submit(frame)
        else:
            take(frame)
    # The gateway has hung up: nobody waits for what may still be running.
    os._exit(0)


def _answer(model: mlflow.pyfunc.PyFuncModel, frame: Frame) -> Frame:
    try:
        answer = score(model, frame.body, frame.meta)
        return Frame(frame.request_id, Kind.RESULT, "application/json", answer, batch=1)
    except BaseException as error:  # noqa: BLE001 - an answer is owed, even by a model that raises SystemExit
        return _failure(frame.request_id, error)


def _failure(request_id: int, error: BaseException) -> Frame:
    """The answer to a request that ended with ``error``."""
    if isinstance(error, PredictionFailed):
        facts: dict[str, Any] = {
            "kind": _KINDS.get(type(error), "failed"),
            "message": error.message,
            "error_code": error.error_code,
            "detail": error.detail,
            "fields": error.fields,
            "by_model": error.by_model,
        }
    else:
        facts = {
            "kind": "failed",
            "message": f"The model ended the request with {type(error).__name__}.",
            "error_code": "BAD_REQUEST",
            "detail": for_log("".join(traceback.format_exception(error))),
            "fields": {},
            "by_model": True,
        }
    return Frame(request_id, Kind.ERROR, json.dumps(facts), batch=1)
