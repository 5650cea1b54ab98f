"""Answers bit by bit: what a model says is sent while it goes on, and only as fast as it is read.

Each such answer has a thread of its own, for as long as the model speaks and the client listens, so that a client that
reads slowly holds up nobody else.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from mlflow.pyfunc import PyFuncModel

from rulegate.serving.frames import PARTS_AHEAD, Frame, Kind
from rulegate.serving.mlflow.scoring import stream

EVENTS = "text/event-stream"
"""The content type of an answer in parts."""

END = b"data: [DONE]\n\n"
"""The last event, by which clients of LLM APIs tell an answer that is whole from one that was cut off."""


class Streams:
    """The answers of one model that are under way. `submit` and `tell` are for one thread, which never waits in them.

    Args:
        model: Can stream.
        send: Sends a frame back; safe to call from many threads.
        failed: The answer to a request, given its id, that ended with an error.
    """

    def __init__(
        self, model: PyFuncModel, send: Callable[[Frame], None], *, failed: Callable[[int, BaseException], Frame]
    ) -> None:
        self._model = model
        self._send = send
        self._failed = failed
        self._listeners: dict[int, _Listener] = {}

    def submit(self, frame: Frame) -> None:
        """Begins to answer a request."""
        listener = self._listeners[frame.request_id] = _Listener()
        threading.Thread(target=self._answer, args=(frame, listener), name="stream", daemon=True).start()

    def tell(self, frame: Frame) -> None:
        """Takes what the gateway says of a request, which may have ended in the meantime."""
        listener = self._listeners.get(frame.request_id)
        if listener is None:
            return
        if frame.kind is Kind.MORE:
            listener.has_taken(int(frame.meta))
        else:
            listener.has_gone()

    def _answer(self, frame: Frame, listener: _Listener) -> None:
        try:
            with contextlib.closing(stream(self._model, frame.body, frame.meta)) as events:
                for event in events:
                    if not listener.wants_more():
                        break
                    self._send(Frame(frame.request_id, Kind.PART, EVENTS, event))
            end = Frame(frame.request_id, Kind.RESULT, EVENTS, END, batch=1)
        except BaseException as error:  # noqa: BLE001 - an answer is owed, even by a model that raises SystemExit
            end = self._failed(frame.request_id, error)
        finally:
            del self._listeners[frame.request_id]
        self._send(end)


class _Listener:
    """How far the one that an answer is for has come with it. Safe to use from many threads."""

    def __init__(self) -> None:
        self._room = threading.Semaphore(PARTS_AHEAD)
        self._gone = False

    def has_taken(self, parts: int) -> None:
        self._room.release(parts)

    def has_gone(self) -> None:
        self._gone = True
        self._room.release()

    def wants_more(self) -> bool:
        """Waits until there is room for another part; whether anybody is there to take it."""
        self._room.acquire()
        return not self._gone
