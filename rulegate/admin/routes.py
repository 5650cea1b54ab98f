"""What the admin port tells of routes: what they are, whether their targets can answer now, what came of requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from rulegate.admin.sources import Sources
from rulegate.answers import Key
from rulegate.breaker import BreakerState, Phase
from rulegate.config import is_remote
from rulegate.http.traffic import Answered
from rulegate.routing import Route, Target

_NEVER_ASKED: Final = BreakerState(Phase.CLOSED, 0, None, 0.0)


def routes(sources: Sources) -> dict[str, Any]:
    """Every route as it stands in the running configuration, and how it fares, as what ``json.dumps`` takes."""
    return _Page(sources).endpoints()


class _Page:
    """The figures of one moment, by the names under which they are looked for."""

    def __init__(self, sources: Sources) -> None:
        self._gateway = sources.application.front.gateway
        self._pool = sources.pool
        self._breakers: Mapping[Key, BreakerState] = sources.breakers.states()
        self._predictions = sources.traffic.predictions()
        # By endpoint and route; the latter is empty for requests that no route got.
        self._answers: defaultdict[tuple[str, str], dict[tuple[int, str], int]] = defaultdict(dict)
        for answered, count in sources.traffic.answers().items():
            self._note(answered, count)

    def _note(self, answered: Answered, count: int) -> None:
        counts = self._answers[answered.endpoint, answered.route]
        outcome = (answered.status, answered.code)
        counts[outcome] = counts.get(outcome, 0) + count

    def endpoints(self) -> dict[str, Any]:
        return {
            "endpoints": [
                {
                    "endpoint": name,
                    "routes": [self._route(name, route) for route in self._gateway.endpoint(name).routes],
                    "unrouted": self._outcomes(name, ""),
                }
                for name in self._gateway.endpoint_names
            ]
        }

    def _route(self, endpoint: str, route: Route) -> dict[str, Any]:
        return {
            "route": route.alias,
            "condition": None if route.condition is None else route.condition.text,
            "on_error": route.on_error.value,
            "deny": None if route.deny is None else {"status": route.deny.status, "message": route.deny.message},
            "balance": route.balance.value,
            "sticky_on": None if route.sticky_on is None else route.sticky_on.text,
            "fallback": list(route.fallback),
            "timeout_s": route.timeout_s,
            "shadow": None if route.shadow is None else route.shadow.target.model_uri,
            "targets": [self._target(endpoint, route, target) for target in route.targets],
            "answers": self._outcomes(endpoint, route.alias),
        }

    def _target(self, endpoint: str, route: Route, target: Target) -> dict[str, Any]:
        breaker = self._breakers.get((endpoint, route.alias, target.alias, target.model_uri), _NEVER_ASKED)
        predictions, seconds = self._predictions.get((endpoint, route.alias, target.alias), (0, 0.0))
        return {
            "target": target.alias,
            "model_uri": target.model_uri,
            "weight": target.weight,
            "loaded": is_remote(target.model_uri) or self._pool.is_ready(target.model_uri),
            "in_flight": self._pool.busy(target.model_uri),
            "breaker": {"phase": breaker.phase.value, "failures": breaker.failures, "left_s": breaker.left_s},
            "predictions": predictions,
            "predict_s": seconds,
        }

    def _outcomes(self, endpoint: str, route: str) -> list[dict[str, Any]]:
        counts = self._answers.get((endpoint, route), {})
        return [
            {"status": status, "code": code or None, "count": count}
            for (status, code), count in sorted(counts.items(), key=lambda one: -one[1])
        ]
