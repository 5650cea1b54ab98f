"""What a configuration says, in the words of the parts that it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from rulegate.config import NO_DEFAULT, BatchingSettings, Config, ModelSettings, Share, is_remote
from rulegate.external import DecisionSource, Default, Services, ServiceSettings
from rulegate.serving.memory import machine_memory_bytes
from rulegate.serving.mlflow.remote import RemoteTerms
from rulegate.serving.models import Batching, Manager, Setup, Terms
from rulegate.serving.pool import PoolSettings


def services_of(
    config: Config, source: Callable[[ServiceSettings], DecisionSource], before: Services | None = None
) -> Services | None:
    """The decision services that a configuration names; None if it names none.

    Args:
        config: The configuration.
        source: Makes what answers the questions of one.
        before: Those of the configuration before this one, whose memory is taken over.
    """
    if not config.external:
        return None
    settings = (
        ServiceSettings(
            name=service.name,
            url=service.url,
            inputs=service.input,
            headers=service.headers,
            timeout_s=service.timeout_s,
            cache_s=service.cache_s,
            default=None if service.default is NO_DEFAULT else Default(service.default),
        )
        for service in config.external
    )
    return Services(settings, source, before)


def remote_terms(config: Config) -> RemoteTerms:
    """How models of other servers are asked."""
    return RemoteTerms(
        headers=tuple(name.lower() for name in config.remote.headers),
        connect_timeout_s=config.remote.connect_timeout_s,
        max_answer_bytes=config.remote.max_answer_bytes,
    )


def pool_settings(config: Config) -> PoolSettings:
    """What bounds the models in memory, and on which terms each is held."""
    return PoolSettings(
        memory_limit_bytes=_memory_limit_bytes(config.models.memory_limit),
        capacity=config.server.threads,
        terms={model_uri: _terms(settings) for model_uri, settings in config.settings_by_model().items()},
        other_terms=_terms(config.models),
    )


def _terms(settings: ModelSettings) -> Terms:
    return Terms(
        idle_timeout_s=settings.idle_timeout_s,
        refresh_interval_s=settings.refresh_interval_s,
        load_timeout_s=settings.load_timeout_s,
        replicas=settings.replicas,
        setup=Setup(_batching(settings.batching), manager_of(settings)),
    )


def manager_of(settings: ModelSettings) -> Manager | None:
    """What makes the environments of models with these settings; None: they have the gateway's packages."""
    return None if settings.environment == "local" else settings.environment


def to_preload(config: Config) -> tuple[str, ...]:
    """The model URIs that are to be loaded before somebody asks."""
    # Shadows are loaded where there is room for them, and nobody waits for that.
    routes = [route for endpoint in config.endpoints for route in endpoint.routes]
    wanted = {target.model_uri for route in routes for target in route.all_targets}
    return tuple(
        uri
        for uri, settings in config.settings_by_model().items()
        if settings.preload and uri in wanted and not is_remote(uri)
    )


def _batching(wanted: BatchingSettings | Literal["auto", "off"]) -> Batching | None:
    match wanted:
        case "off":
            return None
        case "auto":
            return Batching(BatchingSettings().max_size, BatchingSettings().max_delay_s, any_flavor=False)
        case BatchingSettings():
            return Batching(wanted.max_size, wanted.max_delay_s, any_flavor=True)


def _memory_limit_bytes(limit: int | Share) -> int:
    return limit if isinstance(limit, int) else int(machine_memory_bytes() * limit.fraction)
