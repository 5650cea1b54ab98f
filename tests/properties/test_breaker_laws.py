"""The breaker as a state machine: whoever begins and ends attempts in any order, it is the plain model of one."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rulegate.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, Attempt, Breaker, BreakerOpen, Phase

OUTCOMES = ("succeeded", "failed", "shared failure", "nothing")


class BreakerMachine(RuleBasedStateMachine):
    """Holds a breaker against its meaning, told without numbers or locks: by who was under way when."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.breaker = Breaker("m", clock=lambda: self.now_s)
        # Those whose outcome still counts, and those that began before the phase changed.
        self.current: list[Attempt] = []
        self.outdated: list[Attempt] = []
        # Of the current ones, those that were under way at the last shared failure.
        self.excused: set[Attempt] = set()
        self.phase = Phase.CLOSED
        self.failures = 0
        self.pause_s = FIRST_PAUSE_S
        self.until_s = 0.0
        self.opened_at_s: float | None = None

    def change(self, phase: Phase) -> None:
        self.phase = phase
        self.outdated += self.current
        self.current = []

    @rule(seconds=st.sampled_from((0.0, 0.1, FIRST_PAUSE_S, 7.0, LONGEST_PAUSE_S)))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule()
    def begin(self) -> None:
        may = self.phase is Phase.CLOSED or (self.phase is Phase.OPEN and self.now_s >= self.until_s)
        if not may:
            with pytest.raises(BreakerOpen) as refused:
                self.breaker.attempt()
            assert refused.value.retry_after_s == self.left_s()
            return
        attempt = self.breaker.attempt()
        if self.phase is Phase.OPEN:
            self.change(Phase.HALF_OPEN)
        self.current.append(attempt)

    @precondition(lambda self: self.current)
    @rule(outcome=st.sampled_from(OUTCOMES), data=st.data())
    def end(self, outcome: str, data: st.DataObject) -> None:
        self.finish(self.current[data.draw(st.integers(0, len(self.current) - 1))], outcome)

    @precondition(lambda self: self.phase is Phase.CLOSED)
    @rule()
    def fail_until_it_opens(self) -> None:
        while self.phase is Phase.CLOSED:
            self.begin()
            self.finish(self.current[-1], "failed")

    def finish(self, attempt: Attempt, outcome: str) -> None:
        self.current.remove(attempt)
        self.tell(attempt, outcome)
        if outcome == "succeeded":
            self.failures = 0
            if self.phase is Phase.HALF_OPEN:
                self.change(Phase.CLOSED)
                self.pause_s, self.opened_at_s = FIRST_PAUSE_S, None
        elif outcome == "nothing":
            if self.phase is Phase.HALF_OPEN:
                self.change(Phase.OPEN)
        elif not (outcome == "shared failure" and attempt in self.excused):
            if outcome == "shared failure":
                self.excused = set(self.current)
            self.failures += 1
            if self.phase is Phase.HALF_OPEN:
                self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)
                self.open()
            elif self.failures == FAILURES:
                self.opened_at_s = self.now_s
                self.open()

    def left_s(self) -> float:
        return max(0.0, self.until_s - self.now_s) if self.phase is Phase.OPEN else 0.0

    def open(self) -> None:
        self.until_s = self.now_s + self.pause_s
        self.change(Phase.OPEN)

    @precondition(lambda self: self.outdated)
    @rule(outcome=st.sampled_from(OUTCOMES), data=st.data())
    def end_too_late(self, outcome: str, data: st.DataObject) -> None:
        before = self.breaker.state()
        self.tell(self.outdated.pop(data.draw(st.integers(0, len(self.outdated) - 1))), outcome)
        assert self.breaker.state() == before

    def tell(self, attempt: Attempt, outcome: str) -> None:
        with attempt:
            match outcome:
                case "succeeded":
                    attempt.succeeded()
                case "failed":
                    attempt.failed()
                case "shared failure":
                    attempt.failed(shared=True)

    @invariant()
    def its_state_is_the_models(self) -> None:
        state = self.breaker.state()
        assert (state.phase, state.failures, state.opened_at_s) == (self.phase, self.failures, self.opened_at_s)
        assert state.left_s == self.left_s()

    @invariant()
    def no_more_than_one_probe_is_under_way(self) -> None:
        assert self.phase is not Phase.HALF_OPEN or len(self.current) == 1


BreakerMachine.TestCase.settings = settings(deadline=None, max_examples=200, stateful_step_count=60)
TestBreaker = BreakerMachine.TestCase
