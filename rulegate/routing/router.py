"""Which route of an endpoint answers a request: the first whose condition matches."""

from __future__ import annotations

from rulegate.condition import EvaluationError, Request
from rulegate.routing.decision import Attempt, Decision, Erred, attempts
from rulegate.routing.endpoint import Endpoint, OnError, Route


class NoRouteMatched(Exception):
    """No condition matched and no route does without one. ``tried`` tells what came of each condition."""

    def __init__(self, endpoint: str, tried: tuple[Attempt, ...]) -> None:
        super().__init__(f"no route of the endpoint `{endpoint}` matches this request")
        self.endpoint = endpoint
        self.tried = tried


class ConditionFailed(Exception):
    """A condition erred on a route whose ``on_error`` is ``fail``. ``error`` tells where and why."""

    def __init__(self, endpoint: str, route: str, error: EvaluationError) -> None:
        super().__init__(f"the condition of the route `{route}` erred: {error.message}")
        self.endpoint = endpoint
        self.route = route
        self.error = error


def decide(endpoint: Endpoint, request: Request) -> Decision:
    """The route that answers ``request``. Pure and thread-safe; evaluates no condition after the first match.

    Routes with a condition are tried in the order of the endpoint, and the first match answers. If there is none, the
    first route without a condition answers, wherever it is listed.

    Raises:
        NoRouteMatched: If nothing matches and every route has a condition.
        ConditionFailed: If a condition errs on a route whose ``on_error`` is ``fail``.
        MalformedBodyError: If a condition reads a body that says it is JSON and is not, whatever ``on_error`` says.
    """
    erred: Erred = ()
    for route in endpoint.conditional:
        try:
            matched = route.condition.value(request)  # type: ignore[union-attr]  # a conditional route has one
        except EvaluationError as error:
            erred, matched = _erred(endpoint, route, error, erred)
        if matched:
            return Decision(endpoint, route, erred)
    if endpoint.unconditional is None:
        raise NoRouteMatched(endpoint.name, tuple(attempts(endpoint, None, erred)))
    return Decision(endpoint, endpoint.unconditional, erred)


def _erred(endpoint: Endpoint, route: Route, error: EvaluationError, earlier: Erred) -> tuple[Erred, bool]:
    if route.on_error is OnError.FAIL:
        raise ConditionFailed(endpoint.name, route.alias, error) from error
    # Without its traceback, an error that is kept for the explanation keeps no body alive.
    return (*earlier, (route, error.with_traceback(None))), route.on_error is OnError.MATCH
