"""An explanation of a decision as lines of text for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rulegate.condition.compile import ERRED
from rulegate.condition.explain import shown
from rulegate.condition.keys import Relation
from rulegate.routing.decision import Outcome
from rulegate.routing.explanation import (
    Absence,
    Answered,
    Chance,
    Choice,
    Failed,
    RoutingExplanation,
    RuledOut,
    Stuck,
    Tried,
    WhyNot,
)
from rulegate.routing.route import Balance, OnError, Route

_NAMED: Final = 3
"""Routes that are named where many are ruled out."""

_NEEDS: Final = {
    Relation.EQUALS: "another value",
    Relation.STARTS: "another beginning",
    Relation.ENDS: "another end",
    Relation.HOLDS: "another content",
    Relation.LESS: "a smaller value",
    Relation.LESS_EQUAL: "a smaller value",
    Relation.GREATER: "a larger value",
    Relation.GREATER_EQUAL: "a larger value",
    Relation.TRUE: "it to be true",
}

_HOW: Final = {
    Balance.WEIGHTED: "picked at random, by weight",
    Balance.ROUND_ROBIN: "picked in turn",
    Balance.LEAST_BUSY: "the least busy one",
}


def told(explanation: RoutingExplanation) -> str:
    """The explanation: one paragraph for each condition, then who answers, then why another route does not.

    It shows values of the request, each cut to `rulegate.condition.explain.MAX_SHOWN` characters.
    """
    lines = [f"endpoint `{explanation.endpoint}`"]
    for step in explanation.steps:
        lines.append("")
        lines.extend(_tried(step) if isinstance(step, Tried) else _ruled_out(step))
    lines.append("")
    lines.extend(_end(explanation))
    if explanation.absence is not None:
        lines.append("")
        lines.extend(_absence(explanation.absence, is_shown=explanation.absence.tried in explanation.steps))
    return "\n".join(lines)


def _tried(step: Tried) -> Iterator[str]:
    yield f"route `{step.route.alias}`: {_outcome(step)}"
    yield from _parts(step)


def _outcome(step: Tried) -> str:
    if step.failure is not None:
        return f"the request fails: {step.failure}"
    if step.outcome is not Outcome.ERRED:
        return "its condition matched" if step.outcome is Outcome.MATCHED else "its condition did not match"
    match step.route.on_error:
        case OnError.NO_MATCH:
            return "its condition erred, which is no match"
        case OnError.MATCH:
            return "its condition erred, which is a match (`on_error: match`)"
        case OnError.FAIL:
            return "its condition erred, which fails the request (`on_error: fail`)"


def _parts(step: Tried) -> Iterator[str]:
    if step.parts is not None:
        yield from (f"  {line}" for line in str(step.parts).splitlines())
    elif step.route.condition is not None:
        yield f"  {' '.join(step.route.condition.text.split())}"


def _ruled_out(step: RuledOut) -> Iterator[str]:
    yield f"{_routes(step.routes)}: ruled out by the index, which looks up `{step.subject}`"
    yield f"  {_needs(step)}"


def _needs(step: RuledOut) -> str:
    whose = "its condition needs" if len(step.routes) == 1 else "their conditions need"
    return f"{whose} {_NEEDS[step.relation]}: " + (
        f"the request has no `{step.subject}`" if step.value is ERRED else f"`{step.subject}` is {shown(step.value)}"
    )


def _routes(routes: Sequence[Route]) -> str:
    names = ", ".join(f"`{route.alias}`" for route in routes[:_NAMED])
    if len(routes) == 1:
        return f"route {names}"
    more = f" and {len(routes) - _NAMED} more" if len(routes) > _NAMED else ""
    return f"{len(routes)} routes, {names}{more}"


def _end(explanation: RoutingExplanation) -> Iterator[str]:
    match explanation.end:
        case Failed(route=None, reason=reason):
            yield f"no route answers: {reason}"
        case Failed(route=Route(alias=alias), reason=reason):
            yield f"the request fails at the route `{alias}`: {reason}"
        case Answered(route=route, choice=None):
            denied = f" with {route.deny.status}, `{route.deny.message}`" if route.deny else ""
            yield f"route `{route.alias}` denies the request{denied}: {_because(explanation, route)}"
        case Answered(route=route, choice=Choice() as choice, fallbacks=fallbacks):
            yield f"route `{route.alias}` answers: {_because(explanation, route)}"
            yield from (f"  {line}" for line in _choice(choice))
            if fallbacks:
                yield f"  where it cannot answer: {', then '.join(map(_fallback, fallbacks))}"
            if (shadow := route.shadow) is not None:
                share = f"{100 * shadow.fraction:.4g} % of its requests are copied to"
                yield f"  {share} the shadow `{shadow.target.alias}`: {shadow.target.model_uri}"


def _fallback(route: Route) -> str:
    return f"`{route.alias}`" if route.deny is None else f"`{route.alias}`, which denies"


def _because(explanation: RoutingExplanation, route: Route) -> str:
    if route.condition is None:
        return "no condition matched, and it has none" if explanation.steps else "it has no condition"
    last = explanation.steps[-1]
    erred = isinstance(last, Tried) and last.outcome is Outcome.ERRED
    return "its condition erred, and its `on_error` is `match`" if erred else "its condition is the first that matched"


def _choice(choice: Choice) -> Iterator[str]:
    if len(choice.chances) == 1:
        target = choice.chances[0].target
        yield f"target `{target.alias}`: {target.model_uri}"
        return
    if choice.stuck is not None:
        yield from _stuck(choice.stuck)
    stuck = choice.stuck is not None and choice.picked is not None
    how = "picked by the sticky value, for which the least score wins" if stuck else _HOW[choice.balance]
    if choice.picked is None:
        yield f"one of its targets answers, {how}:"
    else:
        yield f"target `{choice.picked.alias}`: {choice.picked.model_uri}, {how}:"
    yield from _table(choice)


def _stuck(stuck: Stuck) -> Iterator[str]:
    text = " ".join(stuck.text.split())
    if stuck.error is not None:
        yield f"sticky_on {text}  error: {stuck.error}, so the weights decide"
    elif stuck.value is None:
        yield f"sticky_on {text}  = None, so the weights decide"
    else:
        yield f"sticky_on {text}  = {shown(stuck.value)}"


def _table(choice: Choice) -> Iterator[str]:
    """One line a target, in columns, of which those in which nothing stands are left out."""
    rows = [
        (
            f"`{chance.target.alias}`",
            f"weight {chance.target.weight:g}",
            _odds(chance),
            "" if chance.draw is None else f"drew {chance.draw.u:.6f}, score {chance.draw.score:.4g}",
            chance.target.model_uri,
        )
        for chance in choice.chances
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield "  " + "  ".join(cells).rstrip()


def _odds(chance: Chance) -> str:
    """What is known of how probable it is that a target is picked."""
    if chance.target.weight == 0:
        return "drained"
    if chance.busy is not None:
        return f"{chance.busy} in flight"
    if chance.share is None:
        return ""
    return f"{chance.share:.4g} of all" if chance.share < 0.0001 else f"{100 * chance.share:.4g} %"


def _absence(absence: Absence, *, is_shown: bool) -> Iterator[str]:
    alias = absence.route.alias
    if absence.why is WhyNot.IT_DOES:
        yield f"why not `{alias}`: it does answer"
        return
    instead = f"; `{absence.instead.alias}` answers" if absence.instead is not None else ""
    yield f"why not `{alias}`: {absence.why.value}{instead}"
    if absence.ruled_out is not None:
        yield f"  {_needs(absence.ruled_out)}"
    if is_shown:
        yield "  its condition is shown above"
    elif absence.tried is not None:
        if absence.why is WhyNot.CAME_LATER:
            would = {Outcome.MATCHED: "would match", Outcome.NOT_MATCHED: "would not match", Outcome.ERRED: "would err"}
            yield f"  its condition {would[absence.tried.outcome]}"
        yield from _parts(absence.tried)
