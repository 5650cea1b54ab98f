"""Picks the target of a route: at random by weight, by a sticky value, in turn, or the least busy."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, count

from rulegate.condition import EvaluationError, Request
from rulegate.routing.mishaps import Mishaps
from rulegate.routing.route import Balance, Route, Target
from rulegate.routing.sticky import Stakes, encode

Busy = Callable[[str], int]
"""How many requests a model URI has in flight."""
Random = Callable[[], float]
"""A number in [0, 1), uniformly distributed; called from many threads at once."""

_Picker = Callable[[Request], Target]


class Balancer:
    """Picks targets for the routes of one endpoint, and keeps what that takes: turns.

    Safe to use from many threads. Nothing waits, and no lock is held, but to count an error.

    Args:
        endpoint: The name of the endpoint.
        routes: Its routes.
        busy: Asked for each target of a `Balance.LEAST_BUSY` route whenever one is picked.
        random: Where chance comes from.
        mishaps: Where it is counted that a sticky expression erred, or had a value that nothing can stick to.
    """

    def __init__(self, endpoint: str, routes: Iterable[Route], *, busy: Busy, random: Random, mishaps: Mishaps) -> None:
        self._endpoint = endpoint
        self._busy = busy
        self._random = random
        self._mishaps = mishaps
        self._pickers = {route.alias: self._picker(route) for route in routes if len(route.live) > 1}

    def pick(self, route: Route, request: Request) -> Target:
        """The target of ``route``, one that does not deny, that answers ``request``.

        Raises:
            MalformedBodyError: If the sticky expression reads a body that is not JSON.
            BudgetExceededError: If the request is too large for the sticky expression, which is charged as a condition.
        """
        return route.only or self._pickers[route.alias](request)

    def _picker(self, route: Route) -> _Picker:
        match route.balance:
            case Balance.WEIGHTED if route.sticky_on is not None:
                return self._sticky(route)
            case Balance.WEIGHTED:
                return self._weighted(route.live)
            case Balance.ROUND_ROBIN:
                return self._in_turn(route.live)
            case Balance.LEAST_BUSY:
                return self._least_busy(route.live)

    def _weighted(self, targets: Sequence[Target]) -> _Picker:
        random = self._random
        largest = max(target.weight for target in targets)
        *ends, total = accumulate(target.weight / largest for target in targets)
        return lambda _request: targets[bisect_right(ends, random() * total)]

    def _in_turn(self, targets: Sequence[Target]) -> _Picker:
        number = len(targets)
        # Taking the next number is one step of the interpreter, so each number is given to one thread. Begun by chance:
        # a configuration that changes often begins anew as often, and the first target must not gain by that.
        turns = count(int(self._random() * number))
        return lambda _request: targets[next(turns) % number]

    def _least_busy(self, targets: Sequence[Target]) -> _Picker:
        def pick(_request: Request) -> Target:
            loads = [self._busy(target.model_uri) for target in targets]
            least = min(loads)
            idle = [target for target, load in zip(targets, loads, strict=True) if load == least]
            # By chance, since turns can fall in step with a load that comes in turns too, and then one has none of it.
            return idle[int(self._random() * len(idle))]

        return pick

    def _sticky(self, route: Route) -> _Picker:
        stakes = Stakes(self._endpoint, route.alias, route.live)
        weighted = self._weighted(route.live)
        expression = route.sticky_on
        assert expression is not None  # noqa: S101

        def pick(request: Request) -> Target:
            try:
                value = expression.value(request)
            except EvaluationError:
                key = None
            else:
                if value is None:  # the author's way to say that there is nobody to remember
                    return weighted(request)
                key = encode(value)
            if key is not None:
                return stakes.pick(key)
            self._mishaps.sticky_errors.count(self._endpoint, route.alias)
            return weighted(request)

        return pick
