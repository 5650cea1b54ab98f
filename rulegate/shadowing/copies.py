"""A copy of a request for a shadow, and what it takes up while it waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rulegate.routing import Shadow

_COPY_BYTES: Final = 640
"""What a copy takes up beside its bytes and headers: with short ones, that is most of it."""

_HEADER_BYTES: Final = 160
"""What a header takes up beside its characters."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One request that has been answered.

    Attributes:
        endpoint: The endpoint's name.
        route: The route that answered.
        shadow: The route's shadow.
        body: What was asked.
        content_type: Of the body.
        answer: What was answered; whole.
        predict_s: Seconds that the answer took its model.
        timeout_s: Seconds that the shadow may take, loading included.
        request_id: The request's id, for the log.
        headers: Of the request, for shadows of other servers.
    """

    endpoint: str
    route: str
    shadow: Shadow
    body: bytes = field(repr=False)
    content_type: str
    answer: bytes = field(repr=False)
    predict_s: float
    timeout_s: float
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def names(self) -> tuple[str, str, str]:
        """The endpoint, the route and the shadow."""
        return self.endpoint, self.route, self.shadow.target.alias

    @property
    def held_bytes(self) -> int:
        """What it takes up in memory, about and at most."""
        headers = sum(len(name) + len(value) for name, value in self.headers.items())
        return len(self.body) + len(self.answer) + headers + _HEADER_BYTES * len(self.headers) + _COPY_BYTES
