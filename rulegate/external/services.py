"""The decision services of one configuration, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rulegate.condition import ExternalUnavailableError, Request
from rulegate.external.service import Service, ServiceFigures
from rulegate.external.settings import ServiceSettings
from rulegate.external.source import DecisionSource


class Services:
    """Decision services. Immutable, safe to use from many threads.

    Args:
        settings: What the configuration says of each.
        source: Makes what answers the questions of one.
        before: The services of the configuration before this one; those of which nothing has changed are taken over,
            with the answers that they remember and what is known of their health.
    """

    def __init__(
        self,
        settings: Iterable[ServiceSettings],
        source: Callable[[ServiceSettings], DecisionSource],
        before: Services | None = None,
    ) -> None:
        old = {} if before is None else before._services
        self._services: dict[str, Service] = {}
        for one in settings:
            known = old.get(one.name)
            is_same = known is not None and known.settings.is_like(one)
            self._services[one.name] = known if known and is_same else Service(one, source(one))

    def answer(self, name: str, request: Request, *, until_s: float) -> Any:
        """What the service of that name says of a request; see `Service.answer`.

        Raises:
            ExternalUnavailableError: Also if there is no such service.
            Exception: Those of `Service.answer`.
        """
        service = self._services.get(name)
        if service is None:
            raise ExternalUnavailableError(name, "there is no such service")
        return service.answer(request, until_s=until_s)

    def figures(self) -> tuple[ServiceFigures, ...]:
        """What has happened to each so far, in the order of the configuration."""
        return tuple(service.figures() for service in self._services.values())
