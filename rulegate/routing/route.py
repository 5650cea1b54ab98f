"""A route and its targets: under which condition which models answer, and how one of them is picked."""

from __future__ import annotations

import enum
import math
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


class Balance(enum.Enum):
    """How one of several targets is picked. The values are the words of the configuration."""

    WEIGHTED = "weighted"
    """At random, each as often as its share of the weights says; or by the value of the route's sticky expression."""
    ROUND_ROBIN = "round_robin"
    """One after the other in listed order; of the weights only 0 counts."""
    LEAST_BUSY = "least_busy"
    """The one with the fewest requests in flight, one of them at random where several have; only 0 counts."""


@dataclass(frozen=True, slots=True)
class Target:
    """A model that answers for a route.

    ``weight`` is finite and at least 0; what counts is its share of the route's weights. A target of weight 0 is
    drained: it is never picked.

    Raises:
        ValueError: If the weight is negative or not finite.
    """

    alias: str
    model_uri: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"the weight of the target `{self.alias}` is not a finite number of at least 0")


@dataclass(frozen=True, slots=True)
class Deny:
    """What a route answers that denies: a status of 400 to 599 and one line of text."""

    status: int = 403
    message: str = "denied"


@dataclass(frozen=True, slots=True)
class Shadow:
    """A model that gets copies of a route's requests, and whose answers are recorded and never returned.

    Attributes:
        target: The model; its weight means nothing.
        fraction: The share of the requests that is copied, 0 to 1.
        tolerance: How far a number of its answer may be from the real one to count as equal, relative and absolute.
    """

    target: Target
    fraction: float = 1.0
    tolerance: float = 1e-6


@dataclass(frozen=True, slots=True)
class Route:
    """What answers, and the condition under which it does; without one, it answers when no route with one does.

    Attributes:
        alias: Its name, unique in its endpoint.
        targets: The models, one of which answers; none if the route denies.
        condition: When it answers.
        on_error: What it means when ``condition`` errs.
        balance: How one of several targets is picked.
        sticky_on: An expression: requests for which it has the same value get the same target. Only with
            `Balance.WEIGHTED`.
        deny: What it answers instead of a prediction.
        fallback: The aliases of the routes to try, in order, when its model cannot answer.
        timeout_s: How long its model may take to answer; None for as long as the request may.
        shadow: What else gets its requests.
        live: Those of ``targets`` that can be picked.
        only: The one target that can be picked; None if there are several, or none because the route denies.

    Raises:
        ValueError: If there is neither a target of some weight nor ``deny``, or both.
    """

    alias: str
    targets: tuple[Target, ...]
    condition: Condition | None = None
    on_error: OnError = OnError.NO_MATCH
    balance: Balance = Balance.WEIGHTED
    sticky_on: Condition | None = None
    deny: Deny | None = None
    fallback: tuple[str, ...] = ()
    timeout_s: float | None = None
    shadow: Shadow | None = None
    live: tuple[Target, ...] = field(init=False, repr=False, compare=False)
    only: Target | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        live = tuple(target for target in self.targets if target.weight > 0)
        if (self.deny is None) != bool(live) or (self.deny is not None and self.targets):
            raise ValueError(f"the route `{self.alias}` must either deny or have a target that can be picked")
        object.__setattr__(self, "live", live)
        object.__setattr__(self, "only", live[0] if len(live) == 1 else None)
