"""Which route of an endpoint answers a request: the first whose condition matches."""

from __future__ import annotations

from itertools import islice
from typing import Final

from rulegate.condition import Condition, EvaluationError, Request
from rulegate.routing.decision import Attempt, Decision, attempts
from rulegate.routing.endpoint import Endpoint
from rulegate.routing.route import OnError, Route

MAX_TOLD: Final = 50
"""Conditions whose outcome is told where none matched: a request must not cost a walk over thousands."""


class NoRouteMatched(Exception):
    """No condition matched and no route does without one.

    Attributes:
        endpoint: The endpoint's name.
        tried: What came of its conditions, in order; of the first `MAX_TOLD` only.
        more: How many others there are.
    """

    def __init__(self, endpoint: str, tried: tuple[Attempt, ...], more: int = 0) -> None:
        super().__init__(f"no route of the endpoint `{endpoint}` matches this request")
        self.endpoint = endpoint
        self.tried = tried
        self.more = more


class ConditionFailed(Exception):
    """A condition erred on a route whose ``on_error`` is ``fail``. ``error`` tells where and why."""

    def __init__(self, endpoint: str, route: str, error: EvaluationError) -> None:
        super().__init__(f"the condition of the route `{route}` erred: {error}")
        self.endpoint = endpoint
        self.route = route
        self.error = error


def decide(endpoint: Endpoint, request: Request) -> Decision:
    """The route that answers ``request``, and its target. Thread-safe; evaluates no condition after the first match.

    Routes with a condition are tried in the order of the endpoint, and the first match answers. If there is none, the
    first route without a condition answers, wherever it is listed. Conditions that the endpoint's index rules out are
    not evaluated: what would be wrong with the request in those alone does not matter to it. Of several targets of the
    route, the endpoint's balancer picks one.

    Raises:
        NoRouteMatched: If nothing matches and every route has a condition.
        ConditionFailed: If a condition errs on a route whose ``on_error`` is ``fail``.
        MalformedBodyError: If a condition that can still match reads a body that says it is JSON and is not, whatever
            ``on_error`` says.
        BudgetExceededError: If the request is too large for the conditions that can still match.
    """
    index = endpoint.index
    for route, condition in endpoint.conditional if index is None else index.candidates(request):
        verdict = condition.verdict(request)
        if verdict is None:
            verdict = _erred(endpoint, route, condition, request)
        if verdict:
            return _decided(endpoint, route, request)
    if endpoint.unconditional is None:
        raise NoRouteMatched(
            endpoint.name,
            tuple(islice(attempts(endpoint, request), MAX_TOLD)),
            more=max(len(endpoint.conditional) - MAX_TOLD, 0),
        )
    return _decided(endpoint, endpoint.unconditional, request)


def _decided(endpoint: Endpoint, route: Route, request: Request) -> Decision:
    target = route.only
    if target is None and route.deny is None:
        target = endpoint.balancer.pick(route, request)
    return Decision(endpoint, route, request, target)


def _erred(endpoint: Endpoint, route: Route, condition: Condition, request: Request) -> bool:
    """Whether a condition that has erred counts as true."""
    endpoint.mishaps.condition_errors.count(endpoint.name, route.alias, route.on_error.value)
    if route.on_error is OnError.FAIL:
        error = _error(condition, request)
        raise ConditionFailed(endpoint.name, route.alias, error) from error
    return route.on_error is OnError.MATCH


def _error(condition: Condition, request: Request) -> EvaluationError:
    """Which error it was; to find that out costs many evaluations, so it is asked only where it is told."""
    try:
        condition.value(request.afresh())
    except EvaluationError as error:
        return error
    raise AssertionError(f"the condition `{condition.text}` erred, and then it did not")
