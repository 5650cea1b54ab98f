"""Endpoint, route, target; the first match, found by an index; the balance of targets; the decision and why."""

from rulegate.routing.balance import Balancer, Busy
from rulegate.routing.coverage import Coverage, coverage
from rulegate.routing.decision import Attempt, Decision, Outcome
from rulegate.routing.endpoint import Endpoint, nobody_is_busy
from rulegate.routing.mishaps import Mishaps
from rulegate.routing.route import Balance, Deny, OnError, Route, Shadow, Target
from rulegate.routing.router import ConditionFailed, NoRouteMatched, decide

__all__ = [
    "Attempt",
    "Balance",
    "Balancer",
    "Busy",
    "ConditionFailed",
    "Coverage",
    "Decision",
    "Deny",
    "Endpoint",
    "Mishaps",
    "NoRouteMatched",
    "OnError",
    "Outcome",
    "Route",
    "Shadow",
    "Target",
    "coverage",
    "decide",
    "nobody_is_busy",
]
