"""Counts what conditions cost for one request, and stops them before they cost too much."""

from __future__ import annotations

from rulegate.condition import vocabulary
from rulegate.condition.errors import BudgetExceededError


class Meter:
    """What has been spent for one request, in nanoseconds of an ordinary processor, estimated and never measured.

    The estimate depends on the condition and the request alone, so the same request fails everywhere or nowhere.
    Used by one thread; ``budget`` is what it lets all evaluations together spend.
    """

    __slots__ = ("_budget", "_limit", "spent")

    def __init__(self, budget: int = vocabulary.REQUEST_BUDGET) -> None:
        self.spent = 0
        self._budget = budget
        self._limit = 0

    def begin(self) -> Meter:
        """This meter, with a budget for one more evaluation of one condition."""
        self._limit = min(self.spent + vocabulary.CONDITION_BUDGET, self._budget)
        return self

    def charge(self, cost: int) -> None:
        """Spends ``cost``, before the work is done.

        Raises:
            BudgetExceededError: If that is more than is left; then nothing is spent, for the work is not done.
        """
        spent = self.spent + cost
        if spent > self._limit:
            raise BudgetExceededError
        self.spent = spent
