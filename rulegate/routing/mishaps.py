"""What goes wrong while a request is decided on and does not fail it; nobody would know if it were not counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from rulegate.counting import Counts, Keep


@dataclass(frozen=True, slots=True)
class Mishaps:
    """Counts that endpoints add to. Safe to use from many threads; one may serve many endpoints, one after the other.

    Attributes:
        condition_errors: Conditions that erred, by endpoint, route and the route's ``on_error``. Of conditions that are
            not evaluated for a request, because an earlier one matched or the index rules them out, nothing is known.
        sticky_errors: Sticky expressions that erred or had a value that nothing can stick to, by endpoint and route.
    """

    condition_errors: Counts = field(default_factory=Counts)
    sticky_errors: Counts = field(default_factory=Counts)

    def retain(self, keep: Keep) -> None:
        """Forgets other names; ``keep`` is given endpoint and route."""
        self.condition_errors.retain(lambda key: keep(key[:2]))
        self.sticky_errors.retain(keep)
