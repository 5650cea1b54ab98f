"""A version in memory, or on its way there: its state, its processes, and who uses them."""

from __future__ import annotations

import enum
from concurrent.futures import Future
from dataclasses import dataclass, field

from rulegate.serving.models import LoadedModel, ModelVersion, Terms


class State(enum.Enum):
    """Where a version is in its life; `rulegate.serving.pool` shows the ways from one to the next.

    LOADING: it is brought into memory, and whoever needs it waits. READY: each of its processes answers. ENDED: it has
    left memory, or did not get there, and nothing becomes of it any more.
    """

    LOADING = "loading"
    READY = "ready"
    ENDED = "ended"


@dataclass(slots=True, eq=False)
class Life:
    """What has become of a process, as is heard from any thread; nothing of it is ever taken back.

    Attributes:
        answered: Whether it has answered a request.
        ended: Whether it has ended.
    """

    answered: bool = False
    ended: bool = False


@dataclass(slots=True, eq=False)
class Replica:
    """One process of a version.

    Attributes:
        model: How to talk to it.
        life: What has become of it.
        in_use: Requests that it has now.
    """

    model: LoadedModel
    life: Life
    in_use: int = 0


@dataclass(slots=True, eq=False)
class Resident:
    """One version that takes up memory. Not thread-safe: the residents' lock guards it.

    Attributes:
        version: Which one.
        terms: On which terms it is held, by what the configuration says of the URIs that mean it.
        state: See `State`.
        outcome: Done when LOADING has ended; holds the error if it failed.
        replicas: Its living processes; empty unless READY.
        in_use: Requests that the replicas have now, together.
        waiting: Requests, and others, that wait for it to be ready.
        last_used_s: When it was last given back, by the pool's clock.
        load_s: Seconds that its load took; None while LOADING.
        memory_bytes: What it takes up: estimated until it is measured.
        measured_s: When that was measured; None before.
        superseded: Whether no model URI means this version any more.
        on_trial: Whether nobody has wanted it but those who do without where memory is short.
        displaced: Whether it was ended for its memory.
        answered: Whether one of its processes has answered a request.
        replacing: Whether a process is being made beside those that it has.
        fetched: Whether its files are held in the cache.
    """

    version: ModelVersion
    terms: Terms
    last_used_s: float
    state: State = State.LOADING
    outcome: Future[None] = field(default_factory=Future)
    replicas: list[Replica] = field(default_factory=list)
    in_use: int = 0
    waiting: int = 0
    load_s: float | None = None
    memory_bytes: int = 0
    measured_s: float | None = None
    superseded: bool = False
    on_trial: bool = False
    displaced: bool = False
    answered: bool = False
    replacing: bool = False
    fetched: bool = False

    @property
    def idle(self) -> bool:
        """Whether it could go: it is ready, and nobody uses it or waits for it."""
        return self.state is State.READY and not self.in_use and not self.waiting

    def take(self) -> Replica:
        """The least busy replica, for one request more. It must be READY."""
        replica = min(self.replicas, key=lambda replica: replica.in_use) if len(self.replicas) > 1 else self.replicas[0]
        replica.in_use += 1
        self.in_use += 1
        return replica

    def spare(self) -> list[Replica]:
        """Takes away the idle replicas that are more than its terms want."""
        idle = [replica for replica in self.replicas if not replica.in_use]
        spared = idle[: max(0, len(self.replicas) - self.terms.replicas)]
        self.replicas = [replica for replica in self.replicas if replica not in spared]
        return spared

    def be_ready(self, replicas: list[Replica], begin_s: float, now_s: float) -> float:
        """The end of LOADING, which began at ``begin_s``; how long it took, in seconds."""
        self.state, self.replicas = State.READY, replicas
        self.last_used_s = now_s
        self.load_s = now_s - begin_s
        return self.load_s

    def lose(self, life: Life) -> bool:
        """Takes away the replica whose process has ended; False if it has no such replica, or none any more."""
        living = [replica for replica in self.replicas if replica.life is not life]
        lost = len(living) < len(self.replicas)
        self.replicas = living
        return lost

    def give_back(self, replica: Replica, now_s: float) -> None:
        """The end of what `take` began."""
        replica.in_use -= 1
        self.in_use -= 1
        self.last_used_s = now_s
