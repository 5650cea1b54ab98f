"""A decision that costs much does not hold up requests that cost little."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from rulegate import waiting
from rulegate.answers import RequestDenied
from rulegate.condition import Request
from rulegate.config import load_config
from rulegate.gateway import COSTLY_NS, Gateway
from rulegate.journey import Journey

CONFIG = """
model_endpoints:
  - name: careful
    routes:
      - alias: pair
        deny: {status: 403}
        on_error: no_match
        model_request_condition: "any(any(a + b < 0 for b in request.json['rows']) for a in request.json['rows'])"
      - alias: rest
        deny: {status: 402}
  - name: plain
    routes:
      - {alias: all, deny: {status: 401}}
"""


class Threads(ThreadPoolExecutor):
    """Counts what is done in them."""

    def __init__(self) -> None:
        super().__init__(1)
        self.lent = 0

    def submit(self, *arguments, **named):
        self.lent += 1
        return super().submit(*arguments, **named)


def decided(gateway: Gateway, endpoint: str, rows: int) -> tuple[int, int, bool]:
    """The status that the request is denied with, how many threads it borrowed, and whether it was costly."""
    body = json.dumps({"rows": list(range(rows))}).encode()
    request = Request.from_body(body, content_type="application/json")

    def work() -> int:
        with pytest.raises(RequestDenied) as denied:
            gateway.answer(endpoint, request, body, "application/json", Journey("1"), timeout_s=10)
        return denied.value.deny.status

    with Threads() as threads:
        status = asyncio.run(waiting.run(work, threads))
        return status, threads.lent, request.cost() > COSTLY_NS


def test_an_endpoint_that_has_made_a_costly_decision_makes_others_in_a_thread():
    gateway = Gateway(load_config(CONFIG))
    assert decided(gateway, "careful", 3) == (402, 0, False)
    assert decided(gateway, "careful", 300) == (402, 0, True)
    assert decided(gateway, "careful", 3) == (402, 1, False)
    assert decided(gateway, "plain", 300) == (401, 0, False)
