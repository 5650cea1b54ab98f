"""What was decided for one request, and why."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from rulegate.condition import BudgetExceededError, EvaluationError, MalformedBodyError, Request
from rulegate.routing.endpoint import Endpoint
from rulegate.routing.route import Deny, Route, Target


class Outcome(enum.Enum):
    """What came of one condition."""

    MATCHED = "matched"
    NOT_MATCHED = "did not match"
    ERRED = "erred"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One route whose condition was tried. ``why`` tells an error's cause, and is None for the other outcomes."""

    route: str
    outcome: Outcome
    why: str | None = None

    def __str__(self) -> str:
        reason = f": {self.why}" if self.why else ""
        return f"route `{self.route}` {self.outcome.value}{reason}"


@dataclass(frozen=True, slots=True)
class Decision:
    """The route that answers a request, and the target that was picked for it.

    One is made for every request, so it holds only facts. What was tried on the way is worked out when it is asked for,
    by evaluating the conditions again: they depend on nothing but the request.
    """

    asked: Endpoint
    chosen: Route
    request: Request = field(repr=False)
    chosen_target: Target | None
    """None where the route denies."""

    @property
    def endpoint(self) -> str:
        """The name of the endpoint that was asked."""
        return self.asked.name

    @property
    def route(self) -> str:
        """The alias of the route that answers."""
        return self.chosen.alias

    @property
    def target(self) -> str | None:
        """The alias of the target that answers; None where the route denies."""
        return None if self.chosen_target is None else self.chosen_target.alias

    @property
    def model_uri(self) -> str | None:
        """The model that answers, as the configuration names it; None where the route denies."""
        return None if self.chosen_target is None else self.chosen_target.model_uri

    @property
    def deny(self) -> Deny | None:
        """What is answered instead of a prediction, where the route denies."""
        return self.chosen.deny

    @property
    def tried(self) -> tuple[Attempt, ...]:
        """The conditions that were tried, in order; none after the first match."""
        return tuple(attempts(self.asked, self.request, until=self.chosen))

    def explanation(self) -> str:
        """The decision for people: one line that says who answers and why, then one for each condition tried.

        It names routes and the author's expressions, never anything of the request's body or headers.
        """
        tried = self.tried
        if self.chosen.condition is not None:
            erred = tried[-1].outcome is Outcome.ERRED
            because = "its condition erred, and its `on_error` is `match`" if erred else "its condition matched first"
        else:
            because = "no condition matched, and it has none" if tried else "it has no condition"
        answers = "denies" if self.model_uri is None else f"answers with `{self.model_uri}`"
        head = f"endpoint `{self.endpoint}`: route `{self.route}` {answers}: {because}"
        return "\n".join((head, *(f"  {attempt}" for attempt in tried)))


def attempts(endpoint: Endpoint, request: Request, *, until: Route | None = None) -> Iterator[Attempt]:
    """What comes of each condition of ``endpoint`` in order, up to and with that of ``until``; of all, without it."""
    for route, condition in endpoint.conditional:
        # What is spent here, on conditions that the index left out too, must not make any of them look too costly.
        request = request.afresh()
        try:
            outcome = Outcome.MATCHED if condition.value(request) else Outcome.NOT_MATCHED
        except (EvaluationError, MalformedBodyError, BudgetExceededError) as error:
            # The last two come only of a condition that the index left out, because it cannot match.
            yield Attempt(route.alias, Outcome.ERRED, str(error))
        else:
            yield Attempt(route.alias, outcome)
        if route is until:
            return
