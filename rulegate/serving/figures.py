"""Figures: what the pool holds at one moment, and what has happened to each version since the gateway started."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from rulegate.serving.resident import Resident, State

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""The upper bounds, inclusive, by which batches are counted; no batch is larger than the last."""


class Unload(enum.Enum):
    """Why a version has left memory, as one word, and in ``words``."""

    IDLE = "idle", "nobody has asked for it"
    MEMORY = "memory", "all hold too much memory together"
    SUPERSEDED = "superseded", "no model URI means it any more"
    DIED = "died", "its last process has ended"
    SHUTDOWN = "shutdown", "the gateway is shutting down"

    words: str

    def __new__(cls, word: str, words: str) -> Self:
        """A member whose value is the one word."""
        member = object.__new__(cls)
        member._value_ = word
        member.words = words
        return member


@dataclass(frozen=True, slots=True)
class VersionCounts:
    """What has happened to one version since the gateway started, in memory and before.

    Attributes:
        loads: How often it was loaded.
        load_s: Seconds that these loads took, together.
        failed_loads: How often it could not be loaded.
        unloads: How often it has left memory, by the reason; reasons that there never were are missing.
        deaths: Processes that ended by themselves, or were given up because they said nothing any more.
        restarts: Processes that were made in place of those.
        batches: How many predictions had how many requests: by the bounds of `BATCH_SIZES`, each without those before.
            A request that does not merge is a batch of one.
        batched_requests: The requests in all of them.
    """

    loads: int = 0
    load_s: float = 0.0
    failed_loads: int = 0
    unloads: Mapping[Unload, int] = field(default_factory=dict)
    deaths: int = 0
    restarts: int = 0
    batches: tuple[int, ...] = (0,) * len(BATCH_SIZES)
    batched_requests: int = 0


@dataclass(frozen=True, slots=True)
class ResidentFigures:
    """One version that takes up memory. A version that is run in several ways takes up memory for each.

    Attributes:
        reference: The version, such as ``models:/sentiment-model-fast/3``.
        model_uris: The URIs that mean it, in order.
        state: Where it is in its life; never ENDED.
        pids: The numbers of its processes.
        memory_bytes: What they hold: an estimate until they have been measured.
        in_flight: Requests that they have.
        waiting: Requests that wait for it to be loaded.
        load_s: Seconds that loading it took; None while it is being loaded.
        idle_s: Seconds since its last request ended; 0.0 while it has one.
    """

    reference: str
    model_uris: tuple[str, ...]
    state: State
    pids: tuple[int, ...]
    memory_bytes: int
    in_flight: int
    waiting: int
    load_s: float | None
    idle_s: float


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """The pool at one moment; its parts are taken one after the other, not at one instant.

    Attributes:
        residents: What is in memory, or on its way there.
        counts: What has happened to each version, by its reference.
        in_flight: Requests by model URI, those that wait for a load included; URIs without one are missing.
        capacity: Requests that the gateway can hold at once.
        memory_bytes: What all residents hold.
        memory_limit_bytes: What they may hold together; None: anything.
    """

    residents: tuple[ResidentFigures, ...]
    counts: Mapping[str, VersionCounts]
    in_flight: Mapping[str, int]
    capacity: int
    memory_bytes: int
    memory_limit_bytes: int | None


def figures_of(resident: Resident, model_uris: Sequence[str], now_s: float) -> ResidentFigures:
    """What is known of a resident at ``now_s`` of the pool's clock; its owner's lock is held."""
    return ResidentFigures(
        reference=resident.version.reference,
        model_uris=tuple(sorted(model_uris)),
        state=resident.state,
        pids=tuple(replica.model.pid for replica in resident.replicas),
        memory_bytes=resident.memory_bytes,
        in_flight=resident.in_use,
        waiting=resident.waiting,
        load_s=resident.load_s,
        idle_s=0.0 if resident.in_use else now_s - resident.last_used_s,
    )
