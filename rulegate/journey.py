"""How far one request has come, and by which routes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Leg:
    """One route that was to answer, and how far that has come.

    Durations are in seconds, and None for a part that was not reached, as is all else that is not known.

    Attributes:
        route: The alias of the route.
        target: The alias of the target that was picked; None for a route that denies.
        model: The version that the target's model URI meant.
        load_s: How long the request waited for the model to be ready.
        predict_s: How long the model had it.
        error: Why the model has not answered; None if it has, or nobody knows yet.
    """

    route: str
    target: str | None = None
    model: str | None = None
    load_s: float | None = None
    predict_s: float | None = None
    error: Exception | None = None


@dataclass(slots=True)
class Journey:
    """How far one request has come; filled on the way, so that a request that fails is known up to its failure.

    Attributes:
        request_id: The request's id, which the log and servers that are asked for it are told; None: it has none.
        via: Where the request has been, for the servers that are asked for it; None: nobody is told.
        endpoint: The name of the endpoint.
        decide_s: Seconds until the route was known; None before.
        legs: The route that the conditions picked, then the fallbacks that were tried, in order.
    """

    request_id: str | None = None
    via: str | None = None
    endpoint: str | None = None
    decide_s: float | None = None
    legs: list[Leg] = field(default_factory=list)

    @property
    def leg(self) -> Leg | None:
        """The route that the answer is of: the last one if it answers, else the first; None before there is one."""
        legs = self.legs
        if len(legs) > 1:
            return legs[-1 if self._is_answered else 0]
        return legs[0] if legs else None

    @property
    def passed(self) -> list[Leg]:
        """The routes that were tried before the one that answers; empty where none answers."""
        return self.legs[:-1] if len(self.legs) > 1 and self._is_answered else []

    @property
    def in_vain(self) -> list[Leg]:
        """The fallbacks that were tried where none of them answers."""
        return self.legs[1:] if len(self.legs) > 1 and not self._is_answered else []

    @property
    def _is_answered(self) -> bool:
        return bool(self.legs) and self.legs[-1].error is None
