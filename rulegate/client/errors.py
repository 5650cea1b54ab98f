"""What can go wrong when another server is asked.

    AskError
    ├── Unreachable         no connection could be made; nothing was sent
    ├── TooLate             its time was over before the answer was whole
    ├── ConnectionLost      the connection ended before the answer did
    ├── AnswerBroken        what came is not HTTP
    └── AnswerTooLarge      there is more of it than may be

Messages are the end of a sentence whose subject is the server; they hold nothing of what was sent or came back, and no
address.
"""

from __future__ import annotations


class AskError(Exception):
    """The root of all these errors."""


class Unreachable(AskError):
    """There is no connection: no such name, nobody listens, nobody answers, or its certificate is not to be trusted."""


class TooLate(AskError):
    """Its time was over."""

    def __init__(self) -> None:
        super().__init__("did not answer in time")


class ConnectionLost(AskError):
    """The server, or what lies between, ended the connection too early."""


class AnswerBroken(AskError):
    """The answer breaks the rules of HTTP."""


class AnswerTooLarge(AskError):
    """The answer is larger than is taken; the rest of it is not read."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"answered with more than {max_bytes} bytes")
