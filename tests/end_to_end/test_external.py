"""A decision service in the shape of OPA's data API decides where requests go; what holds while it does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.odd_servers import Exchange, OddServer, answer

CONFIG = """
registry_uri: {registry_uri}
server: {{request_timeout: 20s}}
external:
  - name: tier
    url: "{url}/v1/data/tier?key=hidden"
    input: {{user: "request.headers.get('X-User')"}}
    headers: {{Authorization: Bearer hidden}}
    timeout: {timeout}
    {extra}
model_endpoints:
  - name: texts
    routes:
      - {{alias: gold, model_uri: "{model}", model_request_condition: "external['tier']['name'] == 'gold'"}}
      - {{alias: others, model_uri: "{model}"}}
"""


class Policy:
    """Answers as OPA does: who is alice has gold; what else it does with a question can be changed."""

    def __init__(self) -> None:
        self.does: Callable[[Exchange], None] = self.decide

    def __call__(self, exchange: Exchange) -> None:
        self.does(exchange)

    def decide(self, exchange: Exchange) -> None:
        user = exchange.json["input"]["user"]
        body = b"{}" if user is None else b'{"result": {"name": "%s"}}' % (b"gold" if user == "alice" else b"none")
        exchange.send(answer(body))


@pytest.fixture
def policy() -> Policy:
    return Policy()


@pytest.fixture
def service(policy: Policy, odd_server: Callable[..., OddServer]) -> OddServer:
    return odd_server(policy)


@pytest.fixture
def gateway(start: Any, registry: Any, service: OddServer) -> Iterator[Callable[..., Any]]:
    running: list[Any] = []

    def begin(extra: str = "", timeout: str = "5s") -> Any:
        running.append(start(configured(registry, service, extra, timeout)))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def configured(registry: Any, service: OddServer, extra: str = "", timeout: str = "5s") -> str:
    return CONFIG.format(
        registry_uri=registry["uri"], url=service.url, model="models:/obedient/1", extra=extra, timeout=timeout
    )


def route(gateway: Any, **headers: str) -> str:
    answered = gateway.command("echo", "texts", **headers)
    assert answered.status_code == 200, answered.text
    return answered.headers["x-rulegate-route"]


def test_a_request_goes_where_the_service_says(gateway: Any, service: OddServer):
    running = gateway()
    assert route(running, x_user="alice") == "gold"
    assert route(running, x_user="bob") == "others"
    assert [exchange.json for exchange in service.seen] == [{"input": {"user": "alice"}}, {"input": {"user": "bob"}}]
    assert service.seen[0].headers["authorization"] == "Bearer hidden"
    assert route(running, x_user="bob") == "others"
    assert service.connections < len(service.seen)
    assert "hidden" not in running.err.read_text() + running.out.read_text()


def test_an_answer_is_remembered_for_its_time(gateway: Any, service: OddServer):
    running = gateway("cache: 1h")
    assert [route(running, x_user="alice") for _ in range(3)] == ["gold"] * 3
    assert len(service.seen) == 1


@pytest.mark.parametrize(
    "does",
    [
        lambda exchange: exchange.drip(b"HTTP/1.1 200 OK\r\n"),
        lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n"),
    ],
    ids=["drips", "lies about its length"],
)
def test_while_it_has_no_answer_the_default_holds_and_after_it_has_been_left_alone_it_is_asked_again(
    gateway: Any, helpers: Any, policy: Policy, service: OddServer, does: Callable[[Exchange], None]
):
    running = gateway("default: {name: gold}", timeout="300ms")
    policy.does = does
    for _ in range(7):
        assert route(running, x_user="bob") == "gold"
    policy.does = policy.decide
    helpers.wait_until(lambda: route(running, x_user="bob") == "others")


def test_the_breaker_opens_and_closes_again(gateway: Any, helpers: Any, policy: Policy, service: OddServer):
    running = gateway("default: {name: gold}")
    policy.does = Exchange.hang_up
    for _ in range(10):
        assert route(running, x_user="bob") == "gold"
    assert len(service.seen) == 5
    policy.does = policy.decide
    helpers.wait_until(lambda: route(running, x_user="bob") == "others")
    events = [line["event"] for line in running.log()]
    assert any(event.startswith("the decision service `tier` has failed 5 times in a row") for event in events)
    assert "the decision service `tier` answers again" in events


def test_without_a_default_the_condition_errs(gateway: Any, policy: Policy):
    running = gateway()
    policy.does = Exchange.hang_up
    assert route(running, x_user="alice") == "others"


def test_another_configuration_asks_another_service(
    gateway: Any, helpers: Any, registry: Any, service: OddServer, odd_server: Callable[..., OddServer]
):
    running = gateway()
    assert route(running, x_user="bob") == "others"
    other = odd_server(lambda exchange: exchange.send(answer(b'{"result": {"name": "gold"}}')))
    running.config.write_text(configured(registry, other))
    helpers.wait_until(lambda: route(running, x_user="bob") == "gold")
    assert len(other.seen) >= 1
