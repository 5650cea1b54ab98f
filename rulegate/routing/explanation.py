"""Why a request goes where it goes: every condition on the way, the index's shortcuts, the choice of a target."""

from __future__ import annotations

import enum
import functools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby, takewhile
from typing import Any

from rulegate.condition import BudgetExceededError, Condition, EvaluationError, MalformedBodyError, Request
from rulegate.condition.condition import reader
from rulegate.condition.explain import Explanation
from rulegate.condition.keys import Relation
from rulegate.condition.subjects import Subject
from rulegate.routing.decision import Outcome
from rulegate.routing.endpoint import Endpoint, entries, nobody_is_busy
from rulegate.routing.index import choose
from rulegate.routing.route import Balance, OnError, Route, Target
from rulegate.routing.sticky import Draw, Stakes, encode


@dataclass(frozen=True, slots=True)
class Tried:
    """A route whose condition was evaluated.

    ``parts`` has the value of every part of the condition; it is None where the request failed in it, and ``failure``
    then says why.
    """

    route: Route
    outcome: Outcome
    parts: Explanation | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RuledOut:
    """Routes, one after the other, whose conditions the index left out: each needs another value of one subject.

    ``value`` is what the request has there, `ERRED` if it has nothing.
    """

    subject: Subject
    relation: Relation
    value: Any
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """What came of a sticky expression: its ``value``, or the ``error`` for which the weights decide instead."""

    text: str
    value: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Chance:
    """A target that can be picked.

    Attributes:
        target: The target.
        share: How often it is picked in the long run, 0 to 1; None where that depends on how busy targets are.
        draw: What it has drawn for the sticky value, if there is one.
        busy: How many requests it has in flight, where that matters and is known.
    """

    target: Target
    share: float | None
    draw: Draw | None = None
    busy: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """How a target is picked for a request.

    Attributes:
        balance: The way to do so.
        chances: Every target of the route, in its order.
        stuck: What came of the sticky expression; None if there is none.
        picked: The target; None where chance or turns decide, each request anew.
    """

    balance: Balance
    chances: tuple[Chance, ...]
    stuck: Stuck | None
    picked: Target | None


@dataclass(frozen=True, slots=True)
class Answered:
    """The route that answers, and how its target is picked; a route that denies has none.

    ``fallbacks`` are the routes that are asked in order where it cannot answer.
    """

    route: Route
    choice: Choice | None
    fallbacks: tuple[Route, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The request fails, and why; ``route`` is the one whose condition made it fail, None if no route matched."""

    route: Route | None
    reason: str


class WhyNot(enum.Enum):
    """Why a route does not answer. The values are words for people."""

    IT_DOES = "it does answer"
    NOT_MATCHED = "its condition is not true"
    ERRED = "its condition erred, which is no match"
    CAME_LATER = "an earlier route answers, so it was not reached"
    HAS_NONE = "it has no condition, and answers only where none matches"
    NOT_THE_FIRST = "it has no condition, and is not the first such route"
    FAILED = "the request fails before anything answers"


@dataclass(frozen=True, slots=True)
class Absence:
    """Why one route does not answer.

    Attributes:
        route: The route.
        why: The reason.
        ruled_out: How the index left its condition out, if it did.
        tried: What its condition is for the request, reached or not; None if it has none.
        instead: The route that answers.
    """

    route: Route
    why: WhyNot
    ruled_out: RuledOut | None
    tried: Tried | None
    instead: Route | None


@dataclass(frozen=True, slots=True)
class RoutingExplanation:
    """Where a request goes and why. The values are the request's own: show them only to who may see the request.

    Attributes:
        endpoint: The name of the endpoint.
        steps: What became of each condition in order, up to the one that decided.
        end: Who answers, or why nobody does.
        absence: Why the route that was asked about does not answer.
    """

    endpoint: str
    steps: tuple[Tried | RuledOut, ...]
    end: Answered | Failed
    absence: Absence | None = None


def explain(endpoint: Endpoint, request: Request, *, why_not: str | None = None) -> RoutingExplanation:
    """Why ``request`` goes where `decide` sends it. Takes no turn, draws no chance and changes nothing.

    Takes about as long as building the index of the endpoint, if that has ruled anything out.

    Args:
        endpoint: The endpoint that is asked.
        request: The request; it may have been decided on before.
        why_not: A route to tell about why it does not answer.

    Raises:
        KeyError: If the endpoint has no route ``why_not``.
    """
    about = None if why_not is None else endpoint.by_alias[why_not]
    tried, end = _walk(endpoint, request)
    by_alias = {one.route.alias: one for one in tried}
    steps = by_alias | _ruled_out(endpoint, request, by_alias.keys(), end.route)
    instead = end.route if isinstance(end, Answered) else None
    absence = None if about is None else _absence(endpoint, request, about, steps.get(about.alias), instead)
    in_order = (steps[route.alias] for route, _ in endpoint.conditional if route.alias in steps)
    return RoutingExplanation(endpoint.name, tuple(_gathered(in_order)), end, absence)


def _walk(endpoint: Endpoint, request: Request) -> tuple[list[Tried], Answered | Failed]:
    """What `decide` does, with all that it sees on the way."""
    asked = request.afresh()
    tried: list[Tried] = []
    for route, condition in endpoint.conditional if endpoint.index is None else endpoint.index.candidates(asked):
        step = _tried(route, condition, asked)
        tried.append(step)
        if step.failure is not None:
            return tried, Failed(route, step.failure)
        if step.outcome is Outcome.ERRED and route.on_error is OnError.FAIL:
            return tried, Failed(route, "its condition erred, and its `on_error` is `fail`")
        if step.outcome is Outcome.MATCHED or (step.outcome is Outcome.ERRED and route.on_error is OnError.MATCH):
            return tried, _answered(endpoint, route, asked)
    if endpoint.unconditional is None:
        return tried, Failed(None, "no condition matched, and every route has one")
    return tried, _answered(endpoint, endpoint.unconditional, asked)


def _tried(route: Route, condition: Condition, asked: Request) -> Tried:
    try:
        verdict = condition.verdict(asked)
        # To tell the parts costs more than the verdict does, and must not count as if the verdict had cost it.
        parts = condition.explain(asked.afresh())
    except (MalformedBodyError, BudgetExceededError) as error:
        return Tried(route, Outcome.ERRED, failure=str(error))
    outcome = Outcome.ERRED if verdict is None else Outcome.MATCHED if verdict else Outcome.NOT_MATCHED
    return Tried(route, outcome, parts)


def _ruled_out(
    endpoint: Endpoint, request: Request, tried: Collection[str], until: Route | None
) -> dict[str, Tried | RuledOut]:
    """The routes that the index left out up to ``until``, by alias."""
    passed = list(takewhile(lambda pair: pair[0] is not until, endpoint.conditional))
    if all(route.alias in tried for route, _ in passed):
        return {}
    asked = request.afresh()
    value = functools.cache(lambda subject: reader(subject)(asked))
    left_out: dict[str, Tried | RuledOut] = {}
    for (route, _), key in zip(passed, choose(entries(endpoint.conditional)), strict=False):
        if route.alias not in tried and key is not None:
            left_out[route.alias] = RuledOut(key.subject, key.relation, value(key.subject), (route,))
    return left_out


def _gathered(steps: Iterable[Tried | RuledOut]) -> Iterator[Tried | RuledOut]:
    """The steps, in which routes that are ruled out one after the other by one value are one step."""
    for about, run in groupby(
        steps, lambda step: (step.subject, step.relation) if isinstance(step, RuledOut) else step
    ):
        if isinstance(about, Tried):
            yield about
        else:
            first, *others = (step for step in run if isinstance(step, RuledOut))
            yield replace(first, routes=(*first.routes, *(route for step in others for route in step.routes)))


def _absence(
    endpoint: Endpoint, request: Request, route: Route, step: Tried | RuledOut | None, instead: Route | None
) -> Absence:
    tried = step if isinstance(step, Tried) else None
    if tried is None and route.condition is not None:
        tried = _tried(route, route.condition, request.afresh())
    ruled_out = step if isinstance(step, RuledOut) else None
    return Absence(route, _why_not(endpoint, route, step, instead), ruled_out, tried, instead)


def _why_not(endpoint: Endpoint, route: Route, step: Tried | RuledOut | None, instead: Route | None) -> WhyNot:
    if route is instead:
        return WhyNot.IT_DOES
    match step:
        case RuledOut():
            return WhyNot.NOT_MATCHED
        case Tried(failure=None, outcome=outcome) if route.on_error is not OnError.FAIL or outcome is not Outcome.ERRED:
            return WhyNot.ERRED if outcome is Outcome.ERRED else WhyNot.NOT_MATCHED
    if instead is None:
        return WhyNot.FAILED
    if route.condition is not None:
        return WhyNot.CAME_LATER
    return WhyNot.HAS_NONE if route is endpoint.unconditional else WhyNot.NOT_THE_FIRST


def _answered(endpoint: Endpoint, route: Route, asked: Request) -> Answered | Failed:
    if route.deny is not None:
        return Answered(route, None)
    try:
        return Answered(route, _choice(endpoint, route, asked), endpoint.fallbacks(route))
    except (MalformedBodyError, BudgetExceededError) as error:
        return Failed(route, f"its sticky expression cannot be evaluated: {error}")


def _choice(endpoint: Endpoint, route: Route, asked: Request) -> Choice:
    if route.sticky_on is not None and len(route.live) > 1:
        return _sticky_choice(endpoint, route, route.sticky_on, asked)
    if route.balance is Balance.LEAST_BUSY:
        if endpoint.busy is nobody_is_busy:
            return Choice(route.balance, tuple(Chance(target, None) for target in route.targets), None, route.only)
        busy = {target.alias: endpoint.busy(target.model_uri) for target in route.targets}
        chances = tuple(Chance(target, None, busy=busy[target.alias]) for target in route.targets)
        least = min(busy[target.alias] for target in route.live)
        idle = [target for target in route.live if busy[target.alias] == least]
        return Choice(route.balance, chances, None, idle[0] if len(idle) == 1 else None)
    return Choice(route.balance, _chances(route), None, route.only)


def _sticky_choice(endpoint: Endpoint, route: Route, expression: Condition, asked: Request) -> Choice:
    try:
        value = expression.value(asked)
    except EvaluationError as error:
        return Choice(route.balance, _chances(route), Stuck(expression.text, error=str(error)), None)
    key = encode(value)
    if key is None:
        why = None if value is None else "its value is no text, number or truth, or too long"
        return Choice(route.balance, _chances(route), Stuck(expression.text, value, why), None)
    stakes = Stakes(endpoint.name, route.alias, route.live)
    drawn = {draw.target.alias: draw for draw in stakes.draws(key)}
    chances = tuple(replace(chance, draw=drawn.get(chance.target.alias)) for chance in _chances(route))
    return Choice(route.balance, chances, Stuck(expression.text, value), stakes.pick(key))


def _chances(route: Route) -> tuple[Chance, ...]:
    """The targets, each with its share of the weights, or of the turns."""
    in_turn = route.balance is not Balance.WEIGHTED
    largest = max(target.weight for target in route.targets)
    weights = [float(target.weight > 0) if in_turn else target.weight / largest for target in route.targets]
    return tuple(Chance(target, weight / sum(weights)) for target, weight in zip(route.targets, weights, strict=True))
