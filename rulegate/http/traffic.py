"""Counts how requests were answered, and how long each part of their way took."""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import Final, NamedTuple

from rulegate.counting import BOUNDS_S, Counts, Keep, Key, Spread, spread_of
from rulegate.http.errors import failure_of
from rulegate.journey import Journey

PARTS: Final = ("decide", "load", "predict", "total")
"""The parts of a request's way whose durations are counted."""

_CLASSES: Final = len(BOUNDS_S) + 1


class Answered(NamedTuple):
    """What requests have in common that are counted together.

    Attributes:
        endpoint: The endpoint's name; empty where there is no such endpoint.
        route: The route's alias; empty where none was found.
        target: The target's alias; empty where none was picked.
        status: The status of the answer.
        code: Of a failure; else empty.
    """

    endpoint: str
    route: str
    target: str
    status: int
    code: str


class Traffic:
    """What the requests of endpoints came to. Safe to use from many threads.

    Every request is noted, under one lock that is held for less than a microsecond.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[tuple[str, str, str], int, str], int] = {}
        # By endpoint, in the order of PARTS: the counts of the classes, and the sum behind them.
        self._spreads: dict[str, tuple[list[float], ...]] = {}
        # By endpoint, route and target: how many predictions, and how many seconds together.
        self._targets: dict[tuple[str, str, str], list[float]] = {}
        self.fallbacks = Counts()
        """Requests for which fallbacks were tried: by endpoint, route, why it could not answer, and who did, if any."""

    def note(self, journey: Journey, status: int, code: str, *, total_s: float) -> None:
        """Counts one request.

        Args:
            journey: How far it has come. A load that took no time is none, and not counted.
            status: The status of the answer.
            code: The code of a failure, else empty.
            total_s: Seconds from the head of the request to its answer.
        """
        endpoint, decide_s = journey.endpoint or "", journey.decide_s
        if (leg := journey.leg) is None:
            names, load_s, predict_s = (endpoint, "", ""), None, None
        else:
            names, load_s, predict_s = (endpoint, leg.route, leg.target or ""), leg.load_s, leg.predict_s
        key = (names, status, code)
        total = bisect_left(BOUNDS_S, total_s)
        decide = -1 if decide_s is None else bisect_left(BOUNDS_S, decide_s)
        predict = -1 if predict_s is None else bisect_left(BOUNDS_S, predict_s)
        with self._lock:
            self._answers[key] = self._answers.get(key, 0) + 1
            spreads = self._spreads.get(endpoint)
            if spreads is None:
                spreads = self._spreads[endpoint] = tuple([0.0] * (_CLASSES + 1) for _ in PARTS)
            decides, loads, predicts, totals = spreads
            totals[total] += 1
            totals[-1] += total_s
            if decide_s is not None:
                decides[decide] += 1
                decides[-1] += decide_s
            if load_s:
                loads[bisect_left(BOUNDS_S, load_s)] += 1
                loads[-1] += load_s
            if predict_s is not None:
                predicts[predict] += 1
                predicts[-1] += predict_s
                target = self._targets.get(names)
                if target is None:
                    target = self._targets[names] = [0.0, 0.0]
                target[0] += 1
                target[1] += predict_s
        if len(journey.legs) > 1:
            self._note_fallbacks(endpoint, journey)

    def _note_fallbacks(self, endpoint: str, journey: Journey) -> None:
        first = journey.legs[0]
        if first.error is not None:
            answered_by = journey.legs[-1].route if journey.passed else ""
            self.fallbacks.count(endpoint, first.route, failure_of(first.error).code, answered_by)

    def answers(self) -> dict[Answered, int]:
        """How many requests were answered how."""
        with self._lock:
            answers = dict(self._answers)
        return {Answered(*names, status, code): count for (names, status, code), count in answers.items()}

    def spreads(self) -> dict[Key, Spread]:
        """How the durations of each part are distributed: by endpoint and part."""
        with self._lock:
            copied: dict[Key, list[float]] = {
                (endpoint, part): list(spread)
                for endpoint, spreads in self._spreads.items()
                for part, spread in zip(PARTS, spreads, strict=True)
            }
        return {key: spread_of(spread) for key, spread in copied.items()}

    def predictions(self) -> dict[tuple[str, str, str], tuple[int, float]]:
        """How many predictions each target made, and the seconds that they took: by endpoint, route and target."""
        with self._lock:
            return {key: (int(count), seconds) for key, (count, seconds) in self._targets.items()}

    def retain(self, keep: Keep) -> None:
        """Forgets other names; ``keep`` is given endpoint, route and target, some of them empty."""
        with self._lock:
            self._answers = {key: count for key, count in self._answers.items() if keep(key[0])}
            self._spreads = {name: spreads for name, spreads in self._spreads.items() if keep((name, "", ""))}
            self._targets = {key: target for key, target in self._targets.items() if keep(key)}
        self.fallbacks.retain(lambda key: keep((*key[:2], "")))
