"""Builds a running gateway from a configuration: the only place where the parts are wired."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rulegate.answers import Breakers
from rulegate.client import Client
from rulegate.config import Config, is_remote
from rulegate.external import DataApi, Services, ServiceSettings
from rulegate.gateway import Gateway
from rulegate.http import Application, Front
from rulegate.http.traffic import Traffic
from rulegate.log import Log
from rulegate.provisions import manager_of, pool_settings, remote_terms, services_of, to_preload
from rulegate.routing import Mishaps
from rulegate.serving.admission import Admission
from rulegate.serving.all_models import AllModels
from rulegate.serving.errors import ModelUnavailable
from rulegate.serving.exposure import for_installers, for_models
from rulegate.serving.keeper import Keeper
from rulegate.serving.mlflow import installers
from rulegate.serving.mlflow.backend import ProcessBackend
from rulegate.serving.mlflow.environments import Environments
from rulegate.serving.mlflow.registry import MlflowRegistry, default_cache_folder, unusable
from rulegate.serving.mlflow.remote import RemoteModels
from rulegate.serving.mlflow.warm_parent_client import WarmParent
from rulegate.serving.models import Manager, ModelDescription, Models, Prediction, Trials
from rulegate.serving.pool import ModelPool
from rulegate.serving.preload import Preload
from rulegate.shadowing import Copy, Shadows

# What MLflow and its parts would otherwise do in a process of ours: report to their makers, draw progress bars into the
# log, look for git, take up space on disk.
_CHILD_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONDONTWRITEBYTECODE": "1",
}


# What cannot change while the gateway runs: it is built into sockets, threads and processes that are there.
_FIXED: Mapping[str, Callable[[Config], object]] = {
    "registry_uri": lambda config: config.registry_uri,
    "server.host": lambda config: config.server.host,
    "server.port": lambda config: config.server.port,
    "server.threads": lambda config: config.server.threads,
    "admin.host": lambda config: config.admin and config.admin.host,
    "admin.port": lambda config: config.admin and config.admin.port,
    "models.env": lambda config: config.models.env,
}


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers, and the processes behind it.

    Attributes:
        application: The WSGI application.
        pool: The models.
        breakers: The health of targets.
        shadows: What gets copies of requests.
        traffic: How requests were answered.
        mishaps: What went wrong in routing without failing a request.
    """

    application: Application
    pool: ModelPool
    breakers: Breakers
    shadows: Shadows
    traffic: Traffic
    mishaps: Mishaps
    _begun_with: Config
    _preload: Preload
    _keeper: Keeper
    _remote: RemoteModels
    _models: AllModels
    _backend: ProcessBackend
    _environments: Mapping[Manager, Environments]
    _registry: MlflowRegistry
    _warm_parent: WarmParent
    _client: Client

    def begin(self) -> None:
        """Starts what works without being asked: preloading, following what moves, shadows. Call it once."""
        _start_if_any(self.shadows, self._begun_with)
        self._preload.want(to_preload(self._begun_with))
        self._keeper.start()

    def reload(self, config: Config) -> tuple[str, ...]:
        """Answers by another configuration from the next request on; requests in flight end as they began.

        Models that both configurations name stay loaded, with their processes; those that nothing names any more are
        unloaded when nobody uses them. Models to be preloaded begin to load, and nobody waits for them. Not for two
        threads at a time.

        Returns:
            The keys that hold what they held at the start, as they cannot change while the gateway runs.

        Raises:
            Exception: Nothing that is to be expected; then everything is as it was.
        """
        services = services_of(config, partial(_data_api, self._client), self.application.front.services)
        front = _front(config, self._models, self.breakers, services, shadows=self.shadows, mishaps=self.mishaps)
        settings = pool_settings(config)
        self._registry.change(cache_limit_bytes=config.models.cache_limit_bytes)
        for environments_of_one in self._environments.values():
            environments_of_one.change(limit_bytes=config.models.cache_limit_bytes)
        self._backend.change(stuck_after_s=config.server.request_timeout_s)
        self.pool.change(settings)
        self._remote.change(remote_terms(config))
        self.application.switch(front)
        self.breakers.keep(front.gateway.targets)
        self._forget_all_but(front.gateway.names)
        self.shadows.clear()
        _start_if_any(self.shadows, config)
        self._preload.want(to_preload(config))
        return tuple(key for key, value in _FIXED.items() if value(config) != value(self._begun_with))

    def _forget_all_but(self, names: frozenset[tuple[str, str, str]]) -> None:
        """Forgets what was counted under names that the configuration has no more, so that they do not pile up."""
        self.traffic.retain(lambda key: key in names)
        self.shadows.retain(lambda key: key in names)
        self.mishaps.retain(lambda key: (*key, "") in names)

    def close(self) -> None:
        """Ends every process that was started; call it when no request is in flight. Safe to call again."""
        self.shadows.close()
        self._preload.close()
        self._keeper.close()
        self.pool.close()
        self._registry.close()
        self._warm_parent.close()
        self._client.close()


def start(
    config: Config, environment: Mapping[str, str], log: Log, *, loop: asyncio.AbstractEventLoop | None = None
) -> Running:
    """Starts what answers requests and returns at once, while MLflow is still being imported in the warm parent.

    Args:
        config: A configuration without errors.
        environment: The environment variables that the gateway was started with.
        log: Where each request of an endpoint gets its line.
        loop: The event loop that is to run requests; None: each has a thread.
    """
    warm_parent = WarmParent({**for_models(environment, config.models.env), **_CHILD_ENVIRONMENT})
    # First of all: its imports take longer than everything below.
    warm_parent.start()
    running = build(config, environment, log, warm_parent, loop=loop)
    running.begin()
    return running


def build(
    config: Config,
    environment: Mapping[str, str],
    log: Log,
    warm_parent: WarmParent,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Running:
    """Wires what answers requests; as long as nobody asks for a model, no process and no thread is started.

    Args:
        config: A configuration without errors.
        environment: The environment variables that the gateway was started with.
        log: Where each request of an endpoint gets its line.
        warm_parent: What models' processes are forked from; closed with the gateway.
        loop: The event loop that is to run requests; None: each has a thread.
    """
    registry = _registry(config, environment, warm_parent)
    kinds = {manager: _environments(manager, config, environment, warm_parent) for manager in installers.PROGRAMS}
    backend = ProcessBackend(warm_parent, kinds, stuck_after_s=config.server.request_timeout_s, loop=loop)
    settings = pool_settings(config)
    admission = Admission(settings.capacity)
    pool = ModelPool(registry, backend, settings, admission=admission)
    keeper = Keeper(pool, registry)
    preload = Preload(pool)
    client = Client()
    remote = RemoteModels(client, admission, remote_terms(config))
    models = AllModels(pool, remote)
    breakers, traffic, mishaps = Breakers(), Traffic(), Mishaps()
    shadows = Shadows(partial(try_out, models), is_busy=admission.is_crowded, random=random.random)
    services = services_of(config, partial(_data_api, client))
    front = _front(config, models, breakers, services, shadows=shadows, mishaps=mishaps)
    application = Application(front, log, not_ready=preload.not_ready, traffic=traffic)
    return Running(
        application,
        pool,
        breakers,
        shadows,
        traffic,
        mishaps,
        config,
        preload,
        keeper,
        remote,
        models,
        backend,
        kinds,
        registry,
        warm_parent,
        client,
    )


def describe_models(
    config: Config, environment: Mapping[str, str], model_uris: Sequence[str]
) -> Mapping[str, ModelDescription | ModelUnavailable]:
    """What the configuration's registry knows of models, asked by a process that ends with the answer; loads none.

    Models of other servers are left out: no registry knows them.
    """
    local = [model_uri for model_uri in model_uris if not is_remote(model_uri)]
    if not local:
        return {}
    warm_parent = WarmParent({**for_models(environment, config.models.env), **_CHILD_ENVIRONMENT})
    registry = _registry(config, environment, warm_parent)
    try:
        warm_parent.start()
        return registry.describe_all(local, timeout_s=config.models.load_timeout_s)
    finally:
        registry.close()
        warm_parent.close()


def obstacle(config: Config, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Why this machine cannot serve the configuration, and what to do about it; None if it can."""
    if why := unusable(default_cache_folder()):
        return why, "make it writable for this user, or name another folder in RULEGATE_CACHE"
    managers = {manager for settings in config.settings_by_model().values() if (manager := manager_of(settings))}
    found = (installers.obstacle(manager, _environments_folder(), environment) for manager in sorted(managers))
    return next((obstacle for obstacle in found if obstacle), None)


def _front(
    config: Config,
    models: Models,
    breakers: Breakers,
    services: Services | None,
    *,
    shadows: Shadows,
    mishaps: Mishaps,
) -> Front:
    return Front(
        Gateway(config, models, breakers, shadows, mishaps),
        max_body_bytes=config.server.max_body_bytes,
        request_timeout_s=config.server.request_timeout_s,
        services=services,
    )


def _data_api(client: Client, service: ServiceSettings) -> DataApi:
    return DataApi(client, service.url, service.headers)


def _start_if_any(shadows: Shadows, config: Config) -> None:
    """Starts the threads that ask shadows, if there is one: most gateways need none."""
    if any(route.shadow for endpoint in config.endpoints for route in endpoint.routes):
        shadows.start()


def try_out(models: Trials, copy: Copy) -> tuple[Prediction, float]:
    """What a shadow says to a copy, and the seconds that it took to predict; raises `ServingError`."""
    begin_s = time.perf_counter()
    with models.try_out(copy.shadow.target.model_uri, timeout_s=copy.timeout_s) as lease:
        leased_s = time.perf_counter()
        left_s = copy.timeout_s - (leased_s - begin_s)
        prediction = lease.predict(copy.body, copy.content_type, timeout_s=left_s, headers=lambda: copy.headers)
        if prediction.rest is not None:
            # Nobody reads it to its end, and it must end with the lease.
            prediction.rest.close()
        return prediction, time.perf_counter() - leased_s


def _registry(config: Config, environment: Mapping[str, str], warm_parent: WarmParent) -> MlflowRegistry:
    return MlflowRegistry(
        warm_parent,
        environment={**environment, **_CHILD_ENVIRONMENT},
        registry_uri=config.registry_uri,
        cache=default_cache_folder(),
        cache_limit_bytes=config.models.cache_limit_bytes,
    )


def _environments_folder() -> Path:
    return default_cache_folder() / "environments"


def _environments(
    manager: Manager, config: Config, environment: Mapping[str, str], warm_parent: WarmParent
) -> Environments:
    return Environments(
        warm_parent,
        manager=manager,
        folder=_environments_folder(),
        limit_bytes=config.models.cache_limit_bytes,
        variables={**for_installers(environment), **_CHILD_ENVIRONMENT},
    )
