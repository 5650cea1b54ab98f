"""Admission: how many of the gateway's requests in flight one model may hold, so that none takes them all."""

from __future__ import annotations

import threading

from rulegate.serving.errors import ModelOverloaded


class Admission:
    """Shares the requests that the gateway can hold between models. Safe to use from many threads.

    A model may hold as many as are still free: one busy model gets half of all, two get a third each, and some are
    always left for a model that has none. This is the dynamic threshold of Choudhury and Hahne ("Dynamic queue length
    thresholds for shared-memory packet switches", 1998) with a factor of one: no share has to be configured, and none
    lies idle while only one model is asked.

    Args:
        capacity: How many requests the gateway can hold at once.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free = capacity
        self._held: dict[str, int] = {}
        self._lock = threading.Lock()

    def held(self, model_uri: str) -> int:
        """How many places the model holds now. Takes no lock: it is true of one moment while this is called."""
        return self._held.get(model_uri, 0)

    def all_held(self) -> dict[str, int]:
        """How many places each model holds now, of those that hold any."""
        with self._lock:
            return dict(self._held)

    def is_crowded(self) -> bool:
        """Whether more than a third of the places are held. Takes no lock, as `held`.

        One model alone can hold half of them, so by then it is well on its way to being overloaded.
        """
        return (self._capacity - self._free) * 3 > self._capacity

    def take(self, model_uri: str) -> None:
        """Holds a place for one request to the model, until it is given back.

        Raises:
            ModelOverloaded: At once, if the model holds as many as are free.
        """
        with self._lock:
            held = self._held.get(model_uri, 0)
            if held >= self._free:
                raise ModelOverloaded(f"{model_uri} has {held} requests waiting already")
            self._held[model_uri] = held + 1
            self._free -= 1

    def give_back(self, model_uri: str) -> None:
        """Ends what `take` began."""
        with self._lock:
            self._free += 1
            if self._held[model_uri] == 1:
                del self._held[model_uri]
            else:
                self._held[model_uri] -= 1
