"""The pool: leases on loaded versions, by model URI.

    lease(model URI)
      │  which version is that?      `bindings`: URI → version, asked of the registry
      ▼
    resident of that version         `residents`: which are in memory, and who uses them, within the memory limit
      │  its least busy process      `replicas`: how many it has
      ▼
    Lease ── predict ── given back   the resident may be idle now, and then it may go

The life of a resident, and all the ways that there are in it:

    asked for ─┬─► refused: left alone, without memory, closed
               │                                ┌── one ends, one more, one too many
               │                                ▼   │
               └─► LOADING ────── loaded ─────► READY
                      │                           │
                      │ failed                    │ idle, memory, superseded,
                      │ without memory            ▼ died, shutdown
                      └ closed ───────────────► ENDED

    asked for        by `lease`, `try_out`, `load` or `follow`, where the version has no resident
    left alone       its loads have failed, or it is in a crash loop, and the pause after that is not over
    without memory   it is on trial, and others need the memory
    closed           the pool is
    loaded           all its processes are made
    failed           its files are not there, one of its processes cannot be made, or models in use leave no memory
    one ends         of several processes: the others go on
    one more         its terms want more processes than it has, and one is made beside the others
    one too many     its terms want fewer, and one that is idle is ended
    idle             nobody has asked for it for as long as its terms say
    memory           all hold too much, and it has idled for longest; what is on trial goes first, even in use
    superseded       no model URI means it any more, and nobody uses it
    died             its last process has ended by itself
    shutdown         the pool is closed

ENDED is for ever: who asks for the version again begins with a new resident.

Can one version be loaded twice at once? No: who needs it while it is being loaded waits for that load, also when they
came by different URIs. Can a version in use be unloaded? No: only an idle resident is ended, and one that somebody
waits for is not idle; but those who try one out do without when others need the memory. A process that ends by
itself takes its requests along (`ModelDied`); was it the last one, the next request has the version loaded anew. What
do waiters get when a load fails? The same error, each; nothing stays behind but a pause, short at first and longer with
each failure in a row, in which the next tries get that error at once. What is a crash loop? Processes that end one
after the other without having answered: after the fourth in a row there is a pause too, as after a failed load. A
single answer ends the row, so a version that works is never kept from its users because its processes are killed,
however often. While others of its processes go on, such pauses are only between those that are made beside them: nobody
is refused. Is a lock held while loading? No: locks are held for look-ups and counts, never while anything is called
that waits. What happens at shutdown? `close` ends every process at once; call it when no request is in flight.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rulegate.serving.admission import Admission
from rulegate.serving.bindings import Bindings
from rulegate.serving.errors import ModelDied, NoMemoryForModel
from rulegate.serving.figures import PoolFigures
from rulegate.serving.loader import Loader
from rulegate.serving.models import Headers, Lease, Model, ModelBackend, ModelVersion, Prediction, Registry, Terms
from rulegate.serving.resident import Replica, Resident
from rulegate.serving.residents import Residents
from rulegate.serving.tally import Tally


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What bounds a pool, and on which terms models are held.

    Attributes:
        memory_limit_bytes: What all loaded models may hold together; None: anything.
        capacity: Requests that the gateway can hold at once; fixed when the pool is made.
        terms: For each model URI that the configuration names. Others can still be leased, by requests that were on
            their way when the configuration changed, but no longer than such requests last. None: any may be named.
        other_terms: For all other model URIs.
    """

    memory_limit_bytes: int | None = None
    capacity: int = 256
    terms: Mapping[str, Terms] | None = None
    other_terms: Terms = field(default_factory=Terms)

    def terms_of(self, model_uri: str) -> Terms:
        """On which terms the model that the URI means is held."""
        return self.other_terms if self.terms is None else self.terms.get(model_uri, self.other_terms)


class _OnTrial(Lease):
    """A lease on what goes when others need its memory."""

    __slots__ = ("_resident",)

    def __init__(
        self,
        version: ModelVersion,
        load_s: float,
        model: Model,
        give_back: Callable[[], None],
        resident: Resident,
    ) -> None:
        super().__init__(version, load_s, model, give_back)
        self._resident = resident

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        try:
            return super().predict(body, content_type, timeout_s=timeout_s, headers=headers)
        except ModelDied:
            if self._resident.displaced:
                raise NoMemoryForModel("other models need the memory") from None
            raise


class ModelPool:
    """Loads versions when they are first needed, keeps them while they are used. Safe to use from many threads.

    Args:
        registry: Resolves model URIs and brings files.
        backend: Makes a version answer.
        settings: Bounds.
        admission: Shared with models that are held elsewhere; None: of its own, for the settings' capacity.
        clock: Seconds that only grow; another one only in tests.
    """

    def __init__(
        self,
        registry: Registry,
        backend: ModelBackend,
        settings: PoolSettings,
        *,
        admission: Admission | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._tally = Tally()
        self._admission = admission or Admission(settings.capacity)
        self._bindings = Bindings(registry, clock=clock)
        self._residents = Residents(
            Loader(registry, backend, clock=clock),
            self._tally,
            memory_limit_bytes=settings.memory_limit_bytes,
            on_end=self._bindings.release,
            clock=clock,
        )

    def lease(self, model_uri: str, *, timeout_s: float) -> Lease:
        """The loaded version that ``model_uri`` means, loaded now if it is not.

        Raises:
            ModelOverloaded: At once, if too many requests to this model are in flight.
            ModelNotResolved: If the registry does not know it or does not answer.
            ModelNotLoaded: If it cannot be loaded.
            NoMemoryForModel: If models in use leave no memory for it.
            ModelStillLoading: If it is not ready within ``timeout_s`` seconds; the load goes on.
        """
        begin_s = self._clock()
        self._admission.take(model_uri)
        try:
            resident, replica, waited = self._take(model_uri, begin_s + timeout_s, on_trial=False)
        except BaseException:
            self._admission.give_back(model_uri)
            raise

        def give_back() -> None:
            self._admission.give_back(model_uri)
            self._residents.give_back(resident, replica)

        return Lease(resident.version, self._clock() - begin_s if waited else 0.0, replica.model, give_back)

    def try_out(self, model_uri: str, *, timeout_s: float) -> Lease:
        """As `lease`, on trial: it takes nothing from requests.

        It holds none of the places that they share. No other version is unloaded for it, and a version that nobody else
        wants goes when they need its memory, even in use.

        Raises:
            NoMemoryForModel: At once, if others leave no memory; here, and by `Lease.predict` where it had to go.
            ModelUnavailable: As `lease`, but for `ModelOverloaded`.
        """
        begin_s = self._clock()
        resident, replica, waited = self._take(model_uri, begin_s + timeout_s, on_trial=True)

        def give_back() -> None:
            self._residents.give_back(resident, replica)

        load_s = self._clock() - begin_s if waited else 0.0
        return _OnTrial(resident.version, load_s, replica.model, give_back, resident)

    def load(self, model_uri: str) -> None:
        """Loads a model ahead of its first request, with the time limit that its terms set.

        Raises:
            ModelUnavailable: As `lease`.
        """
        with self.lease(model_uri, timeout_s=self._settings.terms_of(model_uri).load_timeout_s):
            pass

    def is_ready(self, model_uri: str) -> bool:
        """Whether a request for ``model_uri`` would find it loaded now."""
        version = self._bindings.get(model_uri)
        return version is not None and self._residents.is_ready(version)

    def busy(self, model_uri: str) -> int:
        """How many requests for ``model_uri`` are in flight, those that wait for its load included; never waits."""
        return self._admission.held(model_uri)

    def memory_bytes(self) -> int:
        """What all loaded versions hold, with estimates for those that are being loaded."""
        return self._residents.held_bytes()

    def figures(self) -> PoolFigures:
        """What the pool holds now, and what has happened to each version so far. Never waits for a model."""
        settings = self._settings
        return PoolFigures(
            residents=self._residents.figures(self._bindings.by_version()),
            counts=self._tally.counts(),
            in_flight=self._admission.all_held(),
            capacity=settings.capacity,
            memory_bytes=self._residents.held_bytes(),
            memory_limit_bytes=settings.memory_limit_bytes,
        )

    def terms_of(self, model_uri: str) -> Terms:
        """On which terms the model that the URI means is held now."""
        return self._settings.terms_of(model_uri)

    def bound(self) -> dict[str, ModelVersion]:
        """What each model URI means, of those whose version is in memory or on its way there."""
        return self._bindings.all()

    def follow(self, model_uri: str, old: ModelVersion, new: ModelVersion) -> None:
        """Leads a URI from one version to another without a request noticing.

        The new version is loaded beside the old one and takes over when it is ready; the old one ends when its last
        request has. Returns when the new one has taken over, or the URI means something else by now.

        Raises:
            ModelUnavailable: If the new version cannot be loaded; then everything stays as it is.
        """
        terms = self._settings.terms_of(model_uri)
        resident, replica = self._residents.enter(new, terms, on_trial=self._residents.is_on_trial(old))
        if replica is None:
            until_s = self._clock() + terms.load_timeout_s
            replica = self._residents.wait(resident, until_s=until_s)
        if replica is None:
            return
        self._bindings.move(model_uri, old, new)
        for version in (old, new):
            self._supersede_unless_bound(version)
        self._residents.give_back(resident, replica)

    def change(self, settings: PoolSettings) -> None:
        """Takes other settings but for the capacity, and leaves what is loaded loaded.

        What no URI of the settings means is unloaded by and by, when nobody uses it. A version that is to be run in
        another way goes on as it is until somebody calls `follow` with one that is.
        """
        self._settings = replace(settings, capacity=self._settings.capacity)
        self._residents.change(memory_limit_bytes=settings.memory_limit_bytes)

    def tidy(self) -> None:
        """Unloads what nobody names or has used for too long, measures what has been used, keeps replicas at number.

        To be called about once a second, by one thread.
        """
        settings = self._settings
        if settings.terms is not None:
            for version in self._bindings.forget_all_but(settings.terms.keys()):
                self._supersede_unless_bound(version)
        by_version = self._bindings.by_version()
        self._residents.unload_idle({version: self._together(uris) for version, uris in by_version.items()})
        self._residents.measure()
        self._residents.match_replicas()

    def close(self) -> None:
        """Ends all processes at once. Later leases fail. Safe to call again."""
        self._residents.close()

    def _take(self, model_uri: str, until_s: float, *, on_trial: bool) -> tuple[Resident, Replica, bool]:
        waited = False
        while True:
            terms = self._settings.terms_of(model_uri)
            version = self._bindings.get(model_uri)
            if version is None:
                timeout_s = terms.load_timeout_s
                version = self._bindings.resolve(model_uri, terms.setup, until_s=until_s, timeout_s=timeout_s)
                waited = True
            resident, replica = self._residents.enter(version, terms, on_trial=on_trial)
            if replica is None:
                waited = True
                replica = self._residents.wait(resident, until_s=until_s)
            if replica is None:
                continue
            if self._bindings.get(model_uri) is not version and not self._bindings.keep(model_uri, version):
                # The URI has been led to another version meanwhile. This one may answer, as it could have a moment
                # ago, but if nothing means it any more, it must not stay.
                self._supersede_unless_bound(version)
            return resident, replica, waited

    def _together(self, model_uris: Sequence[str]) -> Terms:
        first, *others = map(self._settings.terms_of, model_uris)
        return first.beside(others)

    def _supersede_unless_bound(self, version: ModelVersion) -> None:
        if not self._bindings.means(version):
            self._residents.supersede(version)
