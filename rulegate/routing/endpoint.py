"""An endpoint and its routes: what a decision is made over."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from rulegate.condition import Condition


class OnError(enum.Enum):
    """What an error in a route's condition means. The values are the words of the configuration."""

    NO_MATCH = "no_match"
    """The next route is tried."""
    MATCH = "match"
    """This route answers."""
    FAIL = "fail"
    """The request fails."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model that answers for a route."""

    alias: str
    model_uri: str


@dataclass(frozen=True, slots=True)
class Route:
    """A target and the condition under which it answers; without one, it answers when no route with one does."""

    alias: str
    target: Target
    condition: Condition | None = None
    on_error: OnError = OnError.NO_MATCH


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A named list of routes, in the order in which they are tried. Immutable, safe to share between threads.

    ``conditional`` and ``unconditional`` follow from ``routes``: those with a condition, each beside it, in order; and
    the first without one, wherever it is listed.
    """

    name: str
    routes: tuple[Route, ...]
    conditional: tuple[tuple[Route, Condition], ...] = field(init=False, repr=False, compare=False)
    unconditional: Route | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        conditional = tuple((route, route.condition) for route in self.routes if route.condition is not None)
        unconditional = next((route for route in self.routes if route.condition is None), None)
        object.__setattr__(self, "conditional", conditional)
        object.__setattr__(self, "unconditional", unconditional)
