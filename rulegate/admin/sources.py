"""What the admin port shows is read from these parts of a running gateway."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rulegate.answers import Breakers
from rulegate.http import Application
from rulegate.http.traffic import Traffic
from rulegate.live import Live
from rulegate.routing import Mishaps
from rulegate.serving.pool import ModelPool
from rulegate.shadowing import Shadows


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts of a gateway.

    Attributes:
        live: Reads the configuration again, and knows what is running.
        application: What requests are answered by.
        pool: The models.
        breakers: The health of targets.
        traffic: How requests were answered.
        mishaps: What went wrong in routing without failing a request.
        shadows: What came of copies of requests.
        started_at_s: Since when this process answers, in seconds of the Unix epoch.
    """

    live: Live
    application: Application
    pool: ModelPool
    breakers: Breakers
    traffic: Traffic
    mishaps: Mishaps
    shadows: Shadows
    started_at_s: float = field(default_factory=time.time)
