"""An explanation of a decision as JSON, for programs and for people who look at it later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from rulegate.condition.compile import ERRED
from rulegate.condition.explain import Erred, Evaluated, Skipped, Step, shown
from rulegate.condition.keys import Relation
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
)
from rulegate.routing.route import Route

_NEEDS: Final = {
    Relation.EQUALS: "value",
    Relation.STARTS: "beginning",
    Relation.ENDS: "end",
    Relation.HOLDS: "content",
    Relation.LESS: "less",
    Relation.LESS_EQUAL: "less",
    Relation.GREATER: "more",
    Relation.GREATER_EQUAL: "more",
    Relation.TRUE: "truth",
}

IsLoaded = Callable[[str], bool]
"""Whether the model that a URI names is loaded."""


def as_json(explanation: RoutingExplanation, *, is_loaded: IsLoaded | None = None) -> dict[str, Any]:
    """The explanation as what ``json.dumps`` takes; documented in ``docs/explain.md``.

    Values of the request are texts, written as in a condition and cut to `rulegate.condition.explain.MAX_SHOWN`
    characters. With ``is_loaded``, each target says whether its model is.
    """
    end, absence = explanation.end, explanation.absence
    return {
        "endpoint": explanation.endpoint,
        "steps": [_tried(step) if isinstance(step, Tried) else _ruled_out(step) for step in explanation.steps],
        "answer": _answer(end, is_loaded) if isinstance(end, Answered) else None,
        "failure": _failure(end) if isinstance(end, Failed) else None,
        "why_not": None if absence is None else _absence(absence),
    }


def _tried(tried: Tried) -> dict[str, Any]:
    return {
        "route": tried.route.alias,
        "outcome": "failed" if tried.failure is not None else tried.outcome.name.lower(),
        "on_error": tried.route.on_error.value,
        "failure": tried.failure,
        "condition": None if tried.parts is None else _step(tried.parts.root),
    }


def _step(step: Step) -> dict[str, Any]:
    match step.outcome:
        case Evaluated(value=value):
            became: dict[str, Any] = {"value": shown(value)}
        case Erred(message=message):
            became = {"erred": True, "error": message}
        case Skipped():
            became = {"skipped": True}
    return {"text": step.text, **became, "parts": [_step(part) for part in step.steps]}


def _ruled_out(step: RuledOut) -> dict[str, Any]:
    return {
        "ruled_out": [route.alias for route in step.routes],
        "by": str(step.subject),
        "needs": _NEEDS[step.relation],
        "value": None if step.value is ERRED else shown(step.value),
    }


def _failure(end: Failed) -> dict[str, Any]:
    return {"route": None if end.route is None else end.route.alias, "reason": end.reason}


def _answer(end: Answered, is_loaded: IsLoaded | None) -> dict[str, Any]:
    deny = end.route.deny
    return {
        "route": end.route.alias,
        "deny": None if deny is None else {"status": deny.status, "message": deny.message},
        **({} if end.choice is None else _choice(end.choice, is_loaded)),
        **({} if end.choice is None else {"fallbacks": [route.alias for route in end.fallbacks]}),
        **({} if end.choice is None else {"shadow": _shadow(end.route)}),
    }


def _shadow(route: Route) -> dict[str, Any] | None:
    shadow = route.shadow
    if shadow is None:
        return None
    return {"target": shadow.target.alias, "model_uri": shadow.target.model_uri, "share": shadow.fraction}


def _choice(choice: Choice, is_loaded: IsLoaded | None) -> dict[str, Any]:
    picked = choice.picked
    return {
        "target": None if picked is None else picked.alias,
        "model_uri": None if picked is None else picked.model_uri,
        "balance": choice.balance.value,
        "sticky": None if choice.stuck is None else _sticky(choice.stuck),
        "targets": [_chance(chance, is_loaded) for chance in choice.chances],
    }


def _sticky(stuck: Stuck) -> dict[str, Any]:
    return {"expression": stuck.text, "value": shown(stuck.value), "error": stuck.error}


def _chance(chance: Chance, is_loaded: IsLoaded | None) -> dict[str, Any]:
    target, draw = chance.target, chance.draw
    return {
        "target": target.alias,
        "model_uri": target.model_uri,
        "weight": target.weight,
        "share": chance.share,
        "in_flight": chance.busy,
        "draw": None if draw is None else draw.u,
        "score": None if draw is None else draw.score,
        **({} if is_loaded is None else {"loaded": is_loaded(target.model_uri)}),
    }


def _absence(absence: Absence) -> dict[str, Any]:
    return {
        "route": absence.route.alias,
        "why": absence.why.name.lower(),
        "because": absence.why.value,
        "instead": None if absence.instead is None else absence.instead.alias,
        "ruled_out": None if absence.ruled_out is None else _ruled_out(absence.ruled_out),
        "tried": None if absence.tried is None else _tried(absence.tried),
    }
