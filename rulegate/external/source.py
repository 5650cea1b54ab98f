"""The seam of decision services: a question goes in, an answer or the reason why there is none comes out."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Protocol


class Fault(enum.Enum):
    """The kinds of reasons why a service has no answer."""

    TIMEOUT = "timeout"
    """It did not answer in time."""
    UNREACHABLE = "unreachable"
    """No connection could be made, or it ended before the answer did."""
    STATUS = "status"
    """It answered with a status other than 200."""
    BROKEN = "broken"
    """It answered with what is no answer."""
    TOO_LARGE = "too_large"
    """It answered with more than is taken."""
    UNDEFINED = "undefined"
    """It answered that it has no answer to this question."""
    LEFT_ALONE = "left_alone"
    """It was not asked, because it has failed again and again."""


class NoAnswer(Exception):
    """There is no answer.

    Attributes:
        fault: Which kind of reason that has.
        reason: The end of a sentence, such as ``it did not answer in time``; nothing of what was sent or came back.
        is_ill: Whether that speaks against the service, rather than against the question.
    """

    def __init__(self, fault: Fault, reason: str, *, is_ill: bool = True) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason
        self.is_ill = is_ill


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer.

    Attributes:
        value: Made of dict, list, str, int, float, bool and None; never changed by anybody.
        size_bytes: What it takes up in memory, about and at most.
    """

    value: Any
    size_bytes: int


class DecisionSource(Protocol):
    """Whoever answers questions about requests. Safe to use from many threads."""

    def ask(self, question: bytes, *, until_s: float) -> Answered:
        """The answer to a question, which is a JSON object in its canonical form.

        Args:
            question: What is to be decided.
            until_s: The moment of the monotonic clock by which the answer must be there.

        Raises:
            NoAnswer: If there is none by then.
        """
        ...
