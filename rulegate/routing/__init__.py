"""Endpoint, route, target; the first match; the decision and its explanation."""

from rulegate.routing.decision import Attempt, Decision, Outcome
from rulegate.routing.endpoint import Endpoint, OnError, Route, Target
from rulegate.routing.router import ConditionFailed, NoRouteMatched, decide

__all__ = [
    "Attempt",
    "ConditionFailed",
    "Decision",
    "Endpoint",
    "NoRouteMatched",
    "OnError",
    "Outcome",
    "Route",
    "Target",
    "decide",
]
