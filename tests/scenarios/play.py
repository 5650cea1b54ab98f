"""A scenario that is on: the application as a configuration makes it, with a cast in place of the world."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from werkzeug.test import Client as Browser

from rulegate import bootstrap, provisions
from rulegate.admin.application import Admin
from rulegate.admin.sources import Sources
from rulegate.answers import Breakers
from rulegate.client import Client
from rulegate.config import load_config
from rulegate.gateway import Gateway
from rulegate.handover import Handover
from rulegate.http import Application, Front
from rulegate.http.traffic import Traffic
from rulegate.live import Live
from rulegate.log import Lines
from rulegate.routing import Mishaps
from rulegate.serving.admission import Admission
from rulegate.serving.all_models import AllModels
from rulegate.serving.keeper import Keeper, is_due
from rulegate.serving.mlflow.remote import RemoteModels
from rulegate.serving.pool import ModelPool
from rulegate.serving.preload import Preload
from rulegate.shadowing import Shadows
from tests.scenarios.cast import Cast, Service, server

PATIENCE_S = 30.0
SEED = 20
"""Of what is drawn, so that it is drawn alike each time."""


class Play:
    """What answers, and who plays behind it.

    Args:
        configuration: The file.
        scenario: What `requests.yaml` says.
    """

    def __init__(self, configuration: Path, scenario: dict[str, Any]) -> None:
        self.cast = Cast(scenario.get("models", {}))
        self._servers = {name: server(part) for name, part in scenario.get("servers", {}).items()}
        config = load_config(configuration, variables={name: one.url for name, one in self._servers.items()})
        self._ahead_s = 0.0
        settings = provisions.pool_settings(config)
        admission = Admission(settings.capacity)
        self.pool = ModelPool(self.cast, self.cast, settings, admission=admission, clock=self.now_s)
        self._keeper, self._preload, self._client = Keeper(self.pool, self.cast), Preload(self.pool), Client()
        remote = RemoteModels(self._client, admission, provisions.remote_terms(config))
        self._models = AllModels(self.pool, remote)
        self.shadows = Shadows(
            functools.partial(bootstrap.try_out, self._models),
            is_busy=admission.is_crowded,
            random=random.Random(SEED).random,
        )
        self.shadows.start()
        breakers, mishaps, traffic = Breakers(), Mishaps(), Traffic()
        parts = scenario.get("services", {})
        front = Front(
            Gateway(config, self._models, breakers, self.shadows, mishaps),
            max_body_bytes=config.server.max_body_bytes,
            request_timeout_s=config.server.request_timeout_s,
            services=provisions.services_of(config, lambda service: Service(parts[service.name])),
        )
        self._log = os.open(os.devnull, os.O_WRONLY)
        application = Application(front, Lines("json", self._log), not_ready=self._preload.not_ready, traffic=traffic)
        self._preload.want(provisions.to_preload(config))
        self._browsers = {"public": Browser(application, use_cookies=False)}
        if config.admin is not None:
            token = config.admin.token
            live = Live(config, lambda _: (), obstacle=lambda _: None, handover=Handover())
            sources = Sources(live, application, self.pool, breakers, traffic, mishaps, self.shadows)
            self._browsers["admin"] = Browser(Admin(sources, token=lambda: token), use_cookies=False)

    def now_s(self) -> float:
        return time.monotonic() + self._ahead_s

    def close(self) -> None:
        self.cast.over.set()
        self.shadows.close()
        self._preload.close()
        self._keeper.close()
        self.pool.close()
        self._client.close()
        for one in self._servers.values():
            one.stop()
        os.close(self._log)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """What comes of a request, by the words that expectations have."""
        given = dict(request)
        body = given.pop("body", json.dumps(given.pop("json", {"inputs": [1]})))
        answer = self._browsers[given.pop("port", "public")].open(
            given.pop("path", "/invocations"),
            method=given.pop("method", "POST"),
            data=body,
            content_type=given.pop("content_type", "application/json"),
            headers=given.pop("headers", {}),
            query_string=given.pop("query", ""),
        )
        assert given.keys() <= {"expected", "times", "busy", "later", "means", "why"}, given
        names = ("endpoint", "route", "target", "model", "fallback-from")
        error = answer.json if answer.status_code >= 400 else {}
        return {
            "status": answer.status_code,
            **{name.replace("-", "_"): answer.headers.get(f"x-rulegate-{name}") for name in names},
            "retry_after": answer.headers.get("retry-after"),
            "text": answer.get_data(as_text=True),
            **{name: error.get(name) for name in ("code", "error_code", "message")},
        }

    def pass_time(self, seconds: float) -> None:
        """Has so much time pass at once; then the keeper makes its round, and what it begins is waited for."""
        before_s = self.now_s()
        self._ahead_s += seconds
        self.pool.tidy()
        self._keeper.refresh(functools.partial(is_due, before_s, self.now_s()))
        wait_until(lambda: not self._keeper._following)
        self.pool.tidy()

    @contextlib.contextmanager
    def busy(self, requests_in_flight: dict[str, int]) -> Iterator[None]:
        """Other requests that models have meanwhile."""
        with contextlib.ExitStack() as held:
            for model_uri, number in requests_in_flight.items():
                for _ in range(number):
                    held.enter_context(self._models.lease(model_uri, timeout_s=10))
            yield

    def copies(self) -> dict[str, int]:
        """What has come of the copies that shadows got, of all together."""
        outcomes: Counter[str] = Counter()
        for (*_, outcome), number in self.shadows.outcomes.counts().items():
            outcomes[outcome] += number
        return dict(outcomes)


def wait_until(what: Any) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < until_s, "waited in vain"
        threading.Event().wait(0.002)
