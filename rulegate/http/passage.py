"""Where a request has been, told to the next gateway, so that one that comes back is refused."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

from rulegate.http.errors import RequestLoop

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST: Final = 16
"""The most endpoints that a request may have been to, inclusive, whichever gateways they are of."""

_FIELD: Final = "HTTP_X_RULEGATE_VIA"
# Twice what as many gateways with the longest names say: nobody has more passed on than any server takes.
_SANE = re.compile(r"[A-Za-z0-9_/, -]{1,4096}", re.ASCII)


class Passage:
    """Knows the requests that have passed through this gateway. Safe to use from many threads.

    To come to another endpoint of the same gateway is no circle, so an entry is a gateway and an endpoint.

    Args:
        name: What tells this gateway from all others; None: drawn at random.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name or secrets.token_hex(8)

    def through(self, environ: WSGIEnvironment, endpoint: str | None) -> str:
        """What the next server is told: where the request has been, this endpoint last.

        Args:
            environ: The request; what no gateway would say of where it has been is as nothing.
            endpoint: As the path names it; None: the default endpoint.

        Raises:
            RequestLoop: If it has been here, or to too many places.
        """
        here = f"{self._name}/{endpoint or ''}"
        told = environ.get(_FIELD)
        if told is None or not _SANE.fullmatch(told):
            return here
        places = [place.strip() for place in told.split(",")]
        if here in places:
            raise RequestLoop("the request has come back to an endpoint that has passed it on")
        if len(places) > MOST:
            raise RequestLoop(f"the request has been passed on more than {MOST} times")
        return f"{told}, {here}"
