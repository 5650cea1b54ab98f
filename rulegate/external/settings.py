"""What a configuration says of a decision service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rulegate.condition import Condition


@dataclass(frozen=True, slots=True)
class Default:
    """The value of a service that has no answer."""

    value: Any


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """A decision service.

    Attributes:
        name: What conditions call it.
        url: Where it is asked; a secret, as a query may hold one.
        inputs: What it is told, by name: expressions on the request.
        headers: What is sent with each question; secrets, as they may hold credentials.
        timeout_s: How long an answer may take.
        cache_s: How long an answer is used again; None: not at all.
        default: What is used instead where there is no answer; None: nothing.
    """

    name: str
    url: str = field(repr=False)
    inputs: Mapping[str, Condition]
    headers: Mapping[str, str] = field(repr=False)
    timeout_s: float
    cache_s: float | None = None
    default: Default | None = None

    def is_like(self, other: ServiceSettings) -> bool:
        """Whether both say the same; expressions are compared by their texts."""
        return self._facts() == other._facts()

    def _facts(self) -> str:
        inputs = {name: condition.text for name, condition in self.inputs.items()}
        default = None if self.default is None else [self.default.value]
        # As texts, since to Python 1 and True are the same.
        return json.dumps([self.name, self.url, inputs, dict(self.headers), self.timeout_s, self.cache_s, default])
