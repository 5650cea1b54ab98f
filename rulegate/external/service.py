"""One decision service: what it is told of a request, and what its answer is, from wherever that comes.

request ──► question ──► cache ──► breaker ──► source
               │                      │           │
               ▼                      ▼           ▼
         an input errs:        left alone, or no answer: the default, or reading it errs
         reading it errs
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rulegate.breaker import Breaker, BreakerOpen, BreakerState
from rulegate.condition import Condition, EvaluationError, ExternalUnavailableError, Request
from rulegate.external.cache import Cache
from rulegate.external.settings import ServiceSettings
from rulegate.external.source import Answered, DecisionSource, Fault, NoAnswer

MAX_QUESTION_BYTES: Final = 1024**2
"""The largest question that is asked, inclusive."""

_log = logging.getLogger("rulegate.external")


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """What has happened to one service so far, and how it is.

    Attributes:
        name: What conditions call it.
        asked: Questions that it was sent.
        cached: Answers that were there, or that somebody else was asking for.
        unasked: Questions that could not be put, because an input erred.
        failed: How often there was no answer, by the kind of reason, of those that occurred.
        defaulted: How often the default was used instead.
        breaker: Whether it may be asked.
        kept: Answers in its cache.
    """

    name: str
    asked: int
    cached: int
    unasked: int
    failed: Mapping[Fault, int]
    defaulted: int
    breaker: BreakerState
    kept: int


class Service:
    """A decision service. Safe to use from many threads.

    Args:
        settings: What the configuration says of it.
        source: Answers questions.
        clock: Seconds that only grow; another one only in tests.
    """

    def __init__(
        self, settings: ServiceSettings, source: DecisionSource, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self._source = source
        self._clock = clock
        self._breaker = Breaker(f"the decision service `{settings.name}`", clock=clock)
        self._cache = None if settings.cache_s is None else Cache(settings.cache_s, clock=clock)
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._failed: Counter[Fault] = Counter()
        # What was wrong last, so that it is said once and not for every request.
        self._said: str | None = None

    def answer(self, request: Request, *, until_s: float) -> Any:
        """What the service says of a request, or its default; within its own time, and by ``until_s`` of the clock.

        Raises:
            ExternalUnavailableError: If it has no answer and no default, or an input errs: then it is not asked.
            MalformedBodyError: If an input reads a body that is not JSON.
            BudgetExceededError: If the request is too large for the inputs.
        """
        question = self._question(request)
        own_until_s = self._clock() + self.settings.timeout_s
        try:
            return self._answer(question, min(until_s, own_until_s), is_full=own_until_s <= until_s)
        except NoAnswer as failure:
            self._note(failure)
            if self.settings.default is not None:
                return self.settings.default.value
            raise ExternalUnavailableError(self.settings.name, failure.reason) from None

    def figures(self) -> ServiceFigures:
        """What has happened so far."""
        with self._lock:
            counts, failed = dict(self._counts), dict(self._failed)
        return ServiceFigures(
            name=self.settings.name,
            asked=counts.get("asked", 0),
            cached=counts.get("cached", 0),
            unasked=counts.get("unasked", 0),
            failed=failed,
            defaulted=counts.get("defaulted", 0),
            breaker=self._breaker.state(),
            kept=0 if self._cache is None else self._cache.size(),
        )

    def _question(self, request: Request) -> bytes:
        try:
            parts = [
                f"{json.dumps(name)}:{self._input(name, expression, request)}"
                for name, expression in sorted(self.settings.inputs.items())
            ]
            question = f"{{{','.join(parts)}}}".encode()
            if len(question) > MAX_QUESTION_BYTES:
                raise ExternalUnavailableError(self.settings.name, "its input is larger than 1 MiB")
        except ExternalUnavailableError:
            self._count("unasked")
            raise
        return question

    def _input(self, name: str, expression: Condition, request: Request) -> str:
        try:
            value = expression.value(request)
            return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except EvaluationError as error:
            raise ExternalUnavailableError(self.settings.name, f"its input `{name}` erred: {error}") from None
        except (TypeError, ValueError):
            # A set, NaN, or an integer of more digits than Python writes.
            reason = f"its input `{name}` is a value that JSON does not have"
            raise ExternalUnavailableError(self.settings.name, reason) from None

    def _answer(self, question: bytes, until_s: float, *, is_full: bool) -> Any:
        def ask() -> Answered:
            return self._ask(question, until_s, is_full=is_full)

        if self._cache is None:
            return ask().value
        value, was_there = self._cache.get(question, ask, until_s=until_s)
        if was_there:
            self._count("cached")
        return value

    def _ask(self, question: bytes, until_s: float, *, is_full: bool) -> Answered:
        """Asks the source; ``is_full`` says whether it has all of its time."""
        try:
            attempt = self._breaker.attempt()
        except BreakerOpen:
            raise NoAnswer(Fault.LEFT_ALONE, "it has failed again and again, and is left alone for a while") from None
        with attempt:
            self._count("asked")
            try:
                answered = self._source.ask(question, until_s=until_s)
            except NoAnswer as failure:
                if not failure.is_ill:
                    attempt.succeeded()
                elif is_full or failure.fault is not Fault.TIMEOUT:
                    attempt.failed()
                raise
            attempt.succeeded()
        if self._said is not None:
            self._said = None
            _log.info("the decision service `%s` answers again", self.settings.name)
        return answered

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def _note(self, failure: NoAnswer) -> None:
        with self._lock:
            self._failed[failure.fault] += 1
            if self.settings.default is not None:
                self._counts["defaulted"] += 1
            is_news = failure.is_ill and failure.fault is not Fault.LEFT_ALONE and self._said != failure.reason
            if is_news:
                self._said = failure.reason
        if is_news:
            _log.warning("the decision service `%s` has no answer: %s", self.settings.name, failure.reason)
