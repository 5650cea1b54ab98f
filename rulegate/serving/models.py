"""The seams of serving: what the pool needs of a registry and of what runs a model, and the values they exchange."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from rulegate.serving.errors import ModelUnavailable

Manager = Literal["uv", "virtualenv", "conda"]
"""What makes the environment that a model asks for, by the names that MLflow has for it."""


@dataclass(frozen=True, slots=True)
class Batching:
    """How requests are merged.

    Attributes:
        max_size: The most requests in a batch.
        max_delay_s: How long the first request of a batch waits for others.
        any_flavor: Whether the configuration vouches for models of flavors that are not known to answer row by row.
    """

    max_size: int
    max_delay_s: float
    any_flavor: bool


@dataclass(frozen=True, slots=True)
class Setup:
    """How a version's processes are made, once for their life.

    Attributes:
        batching: How requests are merged where the version answers row by row; None merges none.
        manager: What makes the environment that the version asks for; None: it has the gateway's packages.
    """

    batching: Batching | None = None
    manager: Manager | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms the model that a URI means is held.

    Attributes:
        idle_timeout_s: After how long without a request it is unloaded; None keeps it.
        refresh_interval_s: How often the registry is asked what the URI means; None: only when the model is loaded.
        load_timeout_s: How long resolving may take, and how long fetching and loading may take together.
        replicas: Processes.
        setup: How they are made.
    """

    idle_timeout_s: float | None = None
    refresh_interval_s: float | None = None
    load_timeout_s: float = 120.0
    replicas: int = 1
    setup: Setup = Setup()

    def beside(self, others: Iterable[Terms]) -> Terms:
        """The terms of a version that several URIs mean: the longest times and the most processes."""
        all_terms = [self, *others]
        idle_s = [terms.idle_timeout_s for terms in all_terms if terms.idle_timeout_s is not None]
        return replace(
            self,
            idle_timeout_s=max(idle_s) if len(idle_s) == len(all_terms) else None,
            load_timeout_s=max(terms.load_timeout_s for terms in all_terms),
            replicas=max(terms.replicas for terms in all_terms),
        )


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One immutable version of a model, as the registry resolved it, and how it is to be run.

    Attributes:
        reference: How people name it, such as ``models:/sentiment-model-fast/3``; never a path of this machine.
        artifact_uri: Where its files are fetched from.
        identity: Differs wherever the files may differ, also between two registries that use one name, or between a
            model and another that was registered under its name and number after it had been deleted.
        setup: How it is run. A version that URIs ask for with different setups is loaded once for each.
    """

    reference: str
    artifact_uri: str
    identity: str
    setup: Setup = Setup()


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """What is known of a version without loading it.

    Attributes:
        version: The version that the model URI means.
        stage: The stage that the URI names, as the registry writes it; None for every other form of URI.
        aliases: The aliases that lead to the version, in order.
        columns: The names of the columns, or of the tensors, of its input, None for one without a name; None if its
            signature does not say.
    """

    version: ModelVersion
    stage: str | None = None
    aliases: tuple[str, ...] = ()
    columns: tuple[str | None, ...] | None = None


class Parts(Protocol):
    """Parts of an answer, as the model has them ready. For one thread at a time."""

    def __next__(self) -> bytes:
        """The next part.

        Raises:
            StopIteration: If there is no other.
            ServingError: As `Model.predict`; nothing comes after it.
        """
        ...

    def close(self) -> None:
        """Ends the prediction, if it goes on. Safe to call again."""
        ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer in the scoring protocol.

    Attributes:
        body: The encoded answer, or the first part of it.
        content_type: Of what the body is.
        rest: The parts that follow the first; None for an answer that is whole. The one who gets it closes it, which
            ends the prediction if it has not ended.
    """

    body: bytes
    content_type: str
    rest: Parts | None = None


class Registry(Protocol):
    """Knows which version a model URI means, and brings its files. Safe to use from many threads."""

    def resolve(self, model_uri: str, *, timeout_s: float) -> ModelVersion:
        """The version that ``model_uri`` means now.

        Raises:
            ModelNotResolved: If it means none.
            RegistryUnreachable: If the registry does not answer.
        """
        ...

    def may_move(self, model_uri: str) -> bool:
        """Whether the URI may mean another version later: a stage, an alias, ``latest`` or a folder."""
        ...

    def resolve_all(
        self, model_uris: Sequence[str], *, timeout_s: float
    ) -> Mapping[str, ModelVersion | ModelUnavailable]:
        """What each URI means now, or why that is not known; one call to the registry for each model name."""
        ...

    def describe_all(
        self, model_uris: Sequence[str], *, timeout_s: float
    ) -> Mapping[str, ModelDescription | ModelUnavailable]:
        """What each URI means now and what its signature says, or why that is not known. Loads no model."""
        ...

    def fetch(self, version: ModelVersion, *, timeout_s: float) -> Path:
        """A local folder with the version's files, which stays as it is until the version is released as often.

        Raises:
            ModelNotLoaded: If the files cannot be brought, or are no model.
        """
        ...

    def release(self, version: ModelVersion) -> None:
        """Allows the local files of a version to go; once for each fetch that succeeded. Does not wait."""
        ...

    def discard(self, version: ModelVersion) -> None:
        """Forgets the local files of a version that could not be loaded, so that the next fetch brings them anew.

        Files that others have fetched too, and not released, are at no fault and stay.
        """
        ...


Headers = Callable[[], Mapping[str, str]]
"""The headers of a request, by their names in lower case, for whom they concern to ask for."""


class Model(Protocol):
    """A model that answers. Safe to use from many threads."""

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        """Answers one request of the scoring protocol.

        An answer may come in parts; then ``timeout_s`` bounds how long the first one takes, and each of the others.
        ``headers`` are those of the request, for a model of another server; without them it is told none.

        Raises:
            PredictionFailed: If the request is wrong, or the model raised.
            PredictionTimeout: If there is no answer within ``timeout_s`` seconds.
            ModelUnavailable: If the model ended before it answered, or its server is not there.
            RemoteBroken: If its server answers with what is no answer.
        """
        ...


class Lease:
    """The right to use one version, until it is given back, as the end of a ``with`` block does.

    Attributes:
        version: The version that the model URI meant.
        load_s: Seconds that this request waited for the model to be ready; 0.0 where it was.
        give_back: Ends it; to be called once.
    """

    # Not a generator's context: each request has one, and this one takes a quarter of the time.
    __slots__ = ("_model", "give_back", "load_s", "version")

    def __init__(self, version: ModelVersion, load_s: float, model: Model, give_back: Callable[[], None]) -> None:
        self.version = version
        self.load_s = load_s
        self._model = model
        self.give_back = give_back

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def predict(self, body: bytes, content_type: str, *, timeout_s: float, headers: Headers = dict) -> Prediction:
        """See `Model.predict`."""
        return self._model.predict(body, content_type, timeout_s=timeout_s, headers=headers)


class Models(Protocol):
    """Where requests get the models that model URIs mean. Safe to use from many threads."""

    def lease(self, model_uri: str, *, timeout_s: float) -> Lease:
        """The model that ``model_uri`` means, ready to answer.

        Raises:
            ModelUnavailable: If it cannot be had within ``timeout_s`` seconds.
        """
        ...

    def busy(self, model_uri: str) -> int:
        """How many requests for ``model_uri`` are in flight; never waits."""
        ...


class Trials(Models, Protocol):
    """Models that can be tried out too, beside requests. Safe to use from many threads."""

    def try_out(self, model_uri: str, *, timeout_s: float) -> Lease:
        """As `lease`, and takes nothing from requests: neither a place among them nor memory that they need.

        Raises:
            NoMemoryForModel: At once, if there is no memory beside what others need; here, and by `Lease.predict`.
            ModelUnavailable: As `lease`.
        """
        ...


class LoadedModel(Model, Protocol):
    """A model in a process of this machine. Safe to use from many threads."""

    @property
    def pid(self) -> int:
        """The number of its process."""
        ...

    def memory_bytes(self) -> int:
        """What it holds of this machine's memory, not counting what it shares with others; 0 once it has ended."""
        ...

    def close(self) -> None:
        """Ends the model at once, whatever it is doing. Safe to call again."""
        ...


class ModelBackend(Protocol):
    """Makes a version answer, somewhere. Safe to use from many threads."""

    def load(
        self,
        version: ModelVersion,
        folder: Path,
        *,
        timeout_s: float,
        on_end: Callable[[], None],
        on_batch: Callable[[int], None],
    ) -> LoadedModel:
        """Loads the version from its local folder, as its setup says, and returns when it is ready to answer.

        ``on_end`` is called once, from any thread, when the model has ended for whatever reason, be it before ``load``
        returns. ``on_batch`` is called, from any thread, with the number of requests of each prediction.

        Raises:
            ModelBroken: If loading it raises. Nothing is left behind, here and below.
            ModelNotLoaded: If it cannot be loaded for another reason, or not within ``timeout_s`` seconds.
        """
        ...
