"""Whatever the routes and the request, the router decides as a plain scan of the list would."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from rulegate.condition import EvaluationError, Request, compile_condition
from rulegate.routing import ConditionFailed, Endpoint, NoRouteMatched, OnError, Outcome, Route, Target, decide

leaves = st.sampled_from(
    [
        "request.headers['X-Tier'] == 'gold'",  # errs without the header
        "request.headers.get('X-Tier', 'free') == 'free'",
        "'X-Tenant' in request.headers",
        "request.method == 'POST'",
        "request.path.startswith('/endpoints/')",
        "request.json['rows'][0].startswith('Domain')",  # errs without rows
        "len(request.json['rows']) > 1",
        "request.args['page'] in ('1', '2')",  # errs without the parameter
        "request.json['limit'] < 10",  # errs for text
        "request.json['flags']",  # whatever is there, as Python's `if` takes it
    ]
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"(not {one})"),
    ),
    max_leaves=4,
).map(compile_condition)
routes = st.lists(st.tuples(st.none() | conditions, st.sampled_from(OnError)), min_size=1, max_size=6).map(
    lambda pairs: tuple(
        Route(f"r{number}", (Target(f"r{number}", f"models:/m/{number + 1}"),), condition, on_error)
        for number, (condition, on_error) in enumerate(pairs)
    )
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "rows": st.lists(st.sampled_from(["Domain text", "other"]), max_size=3),
        "limit": st.sampled_from([5, 50, "5"]),
        "flags": st.sampled_from([[], [1], {}, "", "x", 0, None, True]),
    },
)
requests = st.builds(
    Request,
    json=bodies,
    method=st.sampled_from(["POST", "GET"]),
    path=st.sampled_from(["/invocations", "/endpoints/a/invocations"]),
    headers=st.fixed_dictionaries({}, optional={"x-tier": st.sampled_from(["gold", "free"]), "X-TENANT": st.just("a")}),
    args=st.fixed_dictionaries({}, optional={"page": st.sampled_from(["1", "7"])}),
)


def scan(routes: tuple[Route, ...], request: Request) -> tuple[str, list[Outcome]]:
    """The answer and what came of each condition, by the plain reading of the rules."""
    outcomes = []
    for route in routes:
        if route.condition is None:
            continue
        try:
            outcomes.append(Outcome.MATCHED if route.condition.value(request) else Outcome.NOT_MATCHED)
        except EvaluationError:
            outcomes.append(Outcome.ERRED)
            if route.on_error is OnError.FAIL:
                return f"failed at {route.alias}", outcomes
            if route.on_error is OnError.MATCH:
                return route.alias, outcomes
        if outcomes[-1] is Outcome.MATCHED:
            return route.alias, outcomes
    for route in routes:
        if route.condition is None:
            return route.alias, outcomes
    return "nobody", outcomes


def routed(routes: tuple[Route, ...], request: Request) -> tuple[str, list[Outcome]]:
    """The same from the router; a decision's explanation has one line more than conditions were tried."""
    try:
        decision = decide(Endpoint("any", routes), request)
    except NoRouteMatched as error:
        return "nobody", [attempt.outcome for attempt in error.tried]
    except ConditionFailed as error:
        return f"failed at {error.route}", scan(routes, request)[1]
    assert len(decision.explanation().splitlines()) == 1 + len(decision.tried)
    return decision.route, [attempt.outcome for attempt in decision.tried]


@given(routes, requests)
def test_the_router_decides_as_a_plain_scan(routes: tuple[Route, ...], request: Request) -> None:
    assert routed(routes, request) == scan(routes, request)
