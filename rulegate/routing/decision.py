"""What was decided for one request, and why."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from rulegate.condition import EvaluationError
from rulegate.routing.endpoint import Endpoint, Route

Erred = tuple[tuple[Route, EvaluationError], ...]
"""The routes whose condition erred, in the order in which they were tried."""


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
    """The route that answers a request.

    One is made for every request, so it holds only facts; attempts and explanation are worked out when asked for.

    ``erred`` lists the routes whose condition erred on the way, the chosen one too if its ``on_error`` is ``match``.
    """

    endpoint: Endpoint
    route: Route
    erred: Erred = ()

    @property
    def route_alias(self) -> str:
        """The name of the route that answers."""
        return self.route.alias

    @property
    def target_alias(self) -> str:
        """The name of the target that answers."""
        return self.route.target.alias

    @property
    def model_uri(self) -> str:
        """The model that answers, as the configuration names it."""
        return self.route.target.model_uri

    @property
    def tried(self) -> tuple[Attempt, ...]:
        """The conditions that were tried, in order; none after the first match."""
        return tuple(attempts(self.endpoint, self.route, self.erred))

    def explanation(self) -> str:
        """The decision for people: one line that says who answers and why, then one for each condition tried.

        It names routes and operations, never anything of the request's body or headers.
        """
        if self.route.condition is None:
            because = (
                "no condition matched, and it is the first route without one" if self.tried else "it has no condition"
            )
        elif any(route is self.route for route, _ in self.erred):
            because = "its condition erred, and `on_error` is `match`"
        else:
            because = "its condition is the first that matched"
        head = f"endpoint `{self.endpoint.name}`: route `{self.route_alias}` answers with `{self.model_uri}`: {because}"
        return "\n".join((head, *(f"  {attempt}" for attempt in self.tried)))


def attempts(endpoint: Endpoint, chosen: Route | None, erred: Erred) -> Iterator[Attempt]:
    """What came of each condition of ``endpoint``, up to and with that of ``chosen``; of all, if none was chosen."""
    causes = {route.alias: error.message for route, error in erred}
    for route in endpoint.conditional:
        if route.alias in causes:
            yield Attempt(route.alias, Outcome.ERRED, causes[route.alias])
        else:
            yield Attempt(route.alias, Outcome.MATCHED if route is chosen else Outcome.NOT_MATCHED)
        if route is chosen:
            return
