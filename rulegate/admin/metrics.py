"""The metrics, as Prometheus reads them: snapshots of what the gateway counts, taken when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from rulegate import __version__
from rulegate.admin.sources import Sources
from rulegate.breaker import Phase
from rulegate.counting import BOUNDS_S, Spread
from rulegate.external import ServiceFigures
from rulegate.serving.figures import BATCH_SIZES, PoolFigures, VersionCounts
from rulegate.serving.resident import State

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""What the text is."""

_UP_TO_S: Final = (*(f"{bound:g}" for bound in BOUNDS_S), "+Inf")
_UP_TO_REQUESTS: Final = (*map(str, BATCH_SIZES), "+Inf")


class Metrics:
    """All metrics of one gateway, in a registry of their own. Safe to use from many threads."""

    def __init__(self, sources: Sources) -> None:
        # What it collects cannot clash with itself, and a look at the pool is not free.
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collector(sources))

    def text(self) -> bytes:
        """Every metric with its values now."""
        return generate_latest(self._registry)


class _Collector(Collector):
    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        yield from self._gateway()
        yield from self._requests()
        yield from self._routing()
        yield from self._shadows()
        yield from _models(self._sources.pool.figures())
        services = self._sources.application.front.services
        yield from _services(() if services is None else services.figures())

    def _gateway(self) -> Iterator[Metric]:
        status = self._sources.live.status
        yield _gauge("rulegate_info", "The version of rulegate; the value is 1.", {(__version__,): 1}, "version")
        yield _gauge(
            "rulegate_start_time_seconds",
            "Since when this process answers, in seconds of the Unix epoch.",
            {(): self._sources.started_at_s},
        )
        yield _counter(
            "rulegate_reloads",
            "Attempts to change the configuration, by result: changed, refused.",
            {("changed",): status.changed, ("refused",): status.refused},
            "result",
        )
        yield _gauge(
            "rulegate_config_loaded_time_seconds",
            "Since when the running configuration holds, in seconds of the Unix epoch.",
            {(): status.loaded_at_s},
        )
        yield _gauge(
            "rulegate_config_refused",
            "1 while what stands in the file is not what runs, because something is wrong with it.",
            {(): int(status.refusal is not None)},
        )

    def _requests(self) -> Iterator[Metric]:
        traffic = self._sources.traffic
        answers: dict[tuple[str, ...], float] = {
            (answered.endpoint, answered.route, answered.target, str(answered.status), answered.code): count
            for answered, count in traffic.answers().items()
        }
        yield _counter(
            "rulegate_requests",
            "Requests of endpoints, by who answered, the status, and the code of a failure.",
            answers,
            *("endpoint", "route", "target", "status", "code"),
        )
        yield _durations(
            "rulegate_request_duration_seconds",
            "How long requests took, by part: decide, load (of those that waited for one), predict, total.",
            traffic.spreads(),
            *("endpoint", "part"),
        )
        predictions = SummaryMetricFamily(
            "rulegate_target_predict_seconds",
            "Predictions of each target, and how long they took together.",
            labels=("endpoint", "route", "target"),
        )
        for names, (count, seconds) in sorted(traffic.predictions().items()):
            predictions.add_metric(names, count, seconds)
        yield predictions

        yield _counter(
            "rulegate_fallbacks",
            "Requests for which fallbacks were tried, by why the route could not answer, and who did, if anybody.",
            traffic.fallbacks.counts(),
            *("endpoint", "route", "code", "answered_by"),
        )
        yield _gauge(
            "rulegate_breaker_phase",
            "The circuit breaker of each target that was asked, by phase: 1 for the one it is in, else 0.",
            {
                (*key[:3], phase.value): int(state.phase is phase)
                for key, state in self._sources.breakers.states().items()
                for phase in Phase
            },
            *("endpoint", "route", "target", "phase"),
        )

    def _routing(self) -> Iterator[Metric]:
        mishaps = self._sources.mishaps
        yield _counter(
            "rulegate_condition_errors",
            "Conditions that erred, by the `on_error` of the route, which says what became of it.",
            mishaps.condition_errors.counts(),
            *("endpoint", "route", "on_error"),
        )
        yield _counter(
            "rulegate_sticky_errors",
            "Sticky expressions that erred or had a value that nothing can stick to, so that weights decided.",
            mishaps.sticky_errors.counts(),
            *("endpoint", "route"),
        )

    def _shadows(self) -> Iterator[Metric]:
        shadows = self._sources.shadows
        yield _counter(
            "rulegate_shadow_requests",
            "Copies of requests, by outcome: agreed, disagreed, failed, dropped.",
            shadows.outcomes.counts(),
            *("endpoint", "route", "shadow", "outcome"),
        )
        yield _counter(
            "rulegate_shadow_dropped",
            "Copies that were dropped, by reason: full, busy, memory, large, left_alone, reloaded.",
            shadows.drops.counts(),
            *("endpoint", "route", "shadow", "why"),
        )
        yield _durations(
            "rulegate_shadow_predict_seconds",
            "How long predicting took for the same requests, by model: real, shadow.",
            shadows.durations.spreads(),
            *("endpoint", "route", "shadow", "model"),
        )
        yield _gauge("rulegate_shadow_waiting", "Copies that wait to be asked.", {(): shadows.waiting()})


def _models(figures: PoolFigures) -> Iterator[Metric]:
    yield _gauge("rulegate_models_memory_bytes", "What all loaded models hold.", {(): figures.memory_bytes})
    limit = figures.memory_limit_bytes
    yield _gauge(
        "rulegate_models_memory_limit_bytes",
        "What they may hold together.",
        {} if limit is None else {(): limit},
    )
    yield _gauge(
        "rulegate_model_in_flight",
        "Requests to each model URI, those that wait for its load included.",
        {(uri,): count for uri, count in figures.in_flight.items()},
        "model_uri",
    )
    ready = [resident for resident in figures.residents if resident.state is State.READY]
    processes: dict[tuple[str, ...], float] = {}
    memory: dict[tuple[str, ...], float] = {}
    for resident in ready:
        key = (resident.reference,)
        processes[key] = processes.get(key, 0) + len(resident.pids)
        memory[key] = memory.get(key, 0) + resident.memory_bytes
    yield _gauge("rulegate_model_processes", "Processes of each loaded version.", processes, "model")
    yield _gauge("rulegate_model_memory_bytes", "What each loaded version holds.", memory, "model")
    counts = figures.counts
    yield _counter("rulegate_model_loads", "Loads of each version.", _each(counts, "loads"), "model")
    yield _counter("rulegate_model_load_seconds", "What these loads took together.", _each(counts, "load_s"), "model")
    yield _counter("rulegate_model_load_failures", "Loads that failed.", _each(counts, "failed_loads"), "model")
    yield _counter(
        "rulegate_model_unloads",
        "Unloads of each version, by reason: idle, memory, superseded, died, shutdown.",
        {(name, why.value): count for name, of in counts.items() for why, count in of.unloads.items()},
        *("model", "why"),
    )
    yield _counter("rulegate_model_deaths", "Processes that ended by themselves.", _each(counts, "deaths"), "model")
    yield _counter("rulegate_model_restarts", "Processes made in their place.", _each(counts, "restarts"), "model")
    batches = HistogramMetricFamily(
        "rulegate_model_batch_size", "Requests in one prediction of a version.", labels=("model",)
    )
    for name, of in counts.items():
        totals = list(accumulate(of.batches))
        batches.add_metric((name,), list(zip(_UP_TO_REQUESTS, (*totals, totals[-1]), strict=True)), of.batched_requests)
    yield batches


def _services(figures: Sequence[ServiceFigures]) -> Iterator[Metric]:
    def by_name(what: str) -> dict[tuple[str, ...], float]:
        return {(service.name,): getattr(service, what) for service in figures}

    yield _counter(
        "rulegate_external_asked", "Questions that a decision service was sent.", by_name("asked"), "service"
    )
    yield _counter(
        "rulegate_external_cached",
        "Answers that were in the cache, or that another request was asking for.",
        by_name("cached"),
        "service",
    )
    yield _counter(
        "rulegate_external_unasked",
        "Questions that could not be put, because an input erred.",
        by_name("unasked"),
        "service",
    )
    yield _counter(
        "rulegate_external_failures",
        "Questions that had no answer, by reason.",
        {(service.name, fault.value): count for service in figures for fault, count in service.failed.items()},
        *("service", "why"),
    )
    yield _counter(
        "rulegate_external_defaulted",
        "How often the default was the value instead.",
        by_name("defaulted"),
        "service",
    )
    yield _gauge("rulegate_external_cache_answers", "Answers in the cache.", by_name("kept"), "service")
    yield _gauge(
        "rulegate_external_breaker_phase",
        "The circuit breaker of each decision service, by phase: 1 for the one it is in, else 0.",
        {(service.name, phase.value): int(service.breaker.phase is phase) for service in figures for phase in Phase},
        *("service", "phase"),
    )


def _each(counts: Mapping[str, VersionCounts], what: str) -> dict[tuple[str, ...], float]:
    return {(name,): getattr(of, what) for name, of in counts.items()}


def _counter(name: str, text: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _gauge(name: str, text: str, values: Mapping[tuple[str, ...], float], *labels: str) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _durations(name: str, text: str, spreads: Mapping[tuple[str, ...], Spread], *labels: str) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for key, spread in sorted(spreads.items()):
        if spread.counts[-1]:
            family.add_metric(key, list(zip(_UP_TO_S, spread.counts, strict=True)), spread.sum_s)
    return family
