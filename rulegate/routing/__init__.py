"""Endpoint, route, target; the first match, found by an index; the decision and its explanation."""

from rulegate.routing.coverage import Coverage, coverage
from rulegate.routing.decision import Attempt, Decision, Outcome
from rulegate.routing.endpoint import Endpoint, OnError, Route, Target
from rulegate.routing.router import ConditionFailed, NoRouteMatched, decide

__all__ = [
    "Attempt",
    "ConditionFailed",
    "Coverage",
    "Decision",
    "Endpoint",
    "NoRouteMatched",
    "OnError",
    "Outcome",
    "Route",
    "Target",
    "coverage",
    "decide",
]
