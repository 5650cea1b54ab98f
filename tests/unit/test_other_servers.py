"""A whole gateway, but for its HTTP server, between clients and other servers: models and services elsewhere."""

from __future__ import annotations

import json
import os
import random
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client as Browser

from rulegate import bootstrap
from rulegate.breaker import FAILURES
from rulegate.config import load_config
from rulegate.log import Lines
from tests.odd_servers import Exchange, OddServer, answer

Start = Callable[..., OddServer]
TEN_GIGABYTES = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bootstrap.Running, Path]]:
    """A gateway as `rulegate serve` makes it, and its log; configured anew by each test."""
    folder = tmp_path_factory.mktemp("gateway")
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    config = load_config(to("http://127.0.0.1:1", keys="server: {threads: 4}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RULEGATE_CACHE", str(folder / "cache"))
        running = bootstrap.start(config, dict(os.environ), Lines("json", log))
    yield running, folder / "log"
    running.close()
    os.close(log)


@pytest.fixture
def gateway(running: tuple[bootstrap.Running, Path]) -> Callable[[str], Browser]:
    """Configures the gateway."""

    def configure(text: str) -> Browser:
        running[0].reload(load_config(text))
        return Browser(running[0].application, use_cookies=False)

    return configure


def to(url: str, *, keys: str = "", route: str = "") -> str:
    return f"""
{keys}
model_endpoints:
  - name: texts
    routes:
      - {{alias: there, model_uri: "{url}"{route}}}
"""


def ask(gateway: Browser, body: Any = None, **headers: str) -> Any:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.post("/invocations", data=json.dumps(body), content_type="application/json", headers=fields)


def test_a_request_is_answered_by_another_server(gateway: Any, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b'{"predictions": %s}' % exchange.body, x_secret="x")))
    answered = ask(gateway(to(server.url, keys="remote: {headers: [X-Tenant]}")), [1], x_tenant="acme", cookie="a=b")
    assert (answered.status_code, answered.json) == (200, {"predictions": [1]})
    assert answered.headers["x-rulegate-model"] == server.url
    assert answered.headers["content-type"] == "application/json"
    assert "x-secret" not in answered.headers
    [exchange] = server.seen
    assert exchange.headers["x-request-id"] == answered.headers["x-request-id"]
    assert exchange.headers["x-tenant"] == "acme"
    assert "cookie" not in exchange.headers


@pytest.mark.parametrize(
    ("data", "status", "error_code", "code"),
    [
        (answer(b'{"error_code": "BAD_REQUEST", "message": "no"}', status="422 U"), 422, "BAD_REQUEST", "RG514"),
        (answer(b'{"error_code": "ODD", "message": "no"}', status="500 E"), 500, "ODD", "RG514"),
        (answer(b"", status="503 S", retry_after="7"), 503, "TEMPORARILY_UNAVAILABLE", "RG512"),
        (answer(b"", status="504 S"), 504, "DEADLINE_EXCEEDED", "RG505"),
        (answer(b"", status="302 F", location="/"), 502, "INTERNAL_ERROR", "RG513"),
        (answer(b"garbage"), 502, "INTERNAL_ERROR", "RG513"),
        (TEN_GIGABYTES, 502, "INTERNAL_ERROR", "RG513"),
        (b"", 503, "TEMPORARILY_UNAVAILABLE", "RG511"),
    ],
    ids=["422", "500", "503", "504", "302", "garbage", "10 GB", "nothing"],
)
def test_a_failure_of_the_other_server_is_told_in_the_protocol(
    gateway: Any, odd_server: Start, data: bytes, status: int, error_code: str, code: str
):
    server = odd_server(lambda exchange: (exchange.send(data), exchange.hang_up()))
    answered = ask(gateway(to(server.url)))
    assert (answered.status_code, answered.json["error_code"], answered.json["code"]) == (status, error_code, code)
    assert answered.headers.get("retry-after") == {"RG512": "7", "RG511": "2"}.get(code)


def test_events_of_another_server_are_passed_back(gateway: Any, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(EVENTS + b"9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n"))
    answered = ask(gateway(to(server.url)))
    assert answered.headers["content-type"] == "text/event-stream"
    assert answered.data == b"data: 1\n\ndata: 2\n\n"


def test_events_that_break_off_end_with_an_error(gateway: Any, odd_server: Start):
    server = odd_server(lambda exchange: (exchange.send(EVENTS + b"c\r\ndata: 1\n\nda\r\n"), exchange.hang_up()))
    first, error, end = ask(gateway(to(server.url))).data.split(b"\n\n")
    assert (first, end) == (b"data: 1", b"")
    assert json.loads(error.removeprefix(b"data: "))["error"]["code"] == "RG511"


def test_a_server_that_is_too_slow_for_its_route_is_answered_by_the_fallback_and_then_left_alone(
    gateway: Any, odd_server: Start
):
    slow = odd_server(lambda exchange: exchange.drip(answer(b"[" + b" " * 100_000 + b"]")))
    fine = odd_server(lambda exchange: exchange.send(answer(b"[1]")))
    config = f"""
model_endpoints:
  - name: texts
    routes:
      - {{alias: slow, model_uri: "{slow.url}", timeout: 200ms, fallback: [fine]}}
      - {{alias: fine, model_uri: "{fine.url}", model_request_condition: "request.method == 'GET'"}}
"""
    running = gateway(config)
    told = [ask(running).headers["x-rulegate-fallback-from"] for _ in range(FAILURES + 1)]
    assert told == ["slow; RG505"] * FAILURES + ["slow; RG510"]
    assert len(slow.seen) == FAILURES


def test_of_many_requests_after_the_pause_one_tries_the_server_and_then_all_are_answered(
    gateway: Any, odd_server: Start
):
    probed, go_on = threading.Event(), threading.Event()

    def fail_then_wait(exchange: Exchange) -> None:
        if len(server.seen) <= FAILURES:
            return exchange.hang_up()
        probed.set()
        go_on.wait(30)
        return exchange.send(answer(b"[1]"))

    server = odd_server(fail_then_wait)
    running = gateway(to(server.url))
    assert [ask(running).json["code"] for _ in range(FAILURES)] == ["RG511"] * FAILURES
    # Each asks until it has been answered; what it was told when, on the way there.
    told: list[tuple[bool, str]] = []
    asked: list[int] = []

    def ask_again_and_again() -> None:
        while True:
            is_probed, answered = probed.is_set(), ask(running)
            if answered.status_code == 200:
                return
            told.append((is_probed, answered.json["code"]))
            if sum(is_probed for is_probed, _ in told) > 100:
                asked.append(len(server.seen))
                go_on.set()

    threads = [threading.Thread(target=ask_again_and_again) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked[0] == FAILURES + 1
    assert {code for is_probed, code in told if not is_probed} == {"RG510"}
    # Once they are let through, one model gets half of the four places.
    assert {code for is_probed, code in told if is_probed} <= {"RG510", "RG508"}


@pytest.mark.parametrize(
    "script",
    [
        Exchange.hang,
        Exchange.hang_up,
        lambda exchange: exchange.drip(answer(b"[" + b" " * 100_000 + b"]")),
        lambda exchange: exchange.send(answer(b"garbage")),
        lambda exchange: exchange.send(b"garbage\r\n\r\n"),
        lambda exchange: exchange.send(TEN_GIGABYTES),
        lambda exchange: exchange.send(answer(b"", status="302 F", location="/")),
        lambda exchange: exchange.send(answer(b"{}", status="500 E")),
    ],
    ids=["hangs", "hangs up", "drips", "garbage", "no HTTP", "10 GB", "redirects", "fails"],
)
def test_a_shadow_that_does_not_answer_as_it_should_is_recorded_and_fails_nobody(
    gateway: Any,
    running: tuple[bootstrap.Running, Path],
    odd_server: Start,
    model: OddServer,
    script: Callable[[Exchange], None],
):
    server = odd_server(script)
    shadow = f', shadow: {{alias: next, model_uri: "{server.url}"}}'
    asked = gateway(to(model.url, keys="server: {request_timeout: 300ms}", route=shadow))
    counts = running[0].shadows.outcomes.counts
    before = counts()
    answers = [ask(asked) for _ in range(FAILURES)]
    assert [(answered.status_code, answered.data) for answered in answers] == [(200, b"[1]")] * FAILURES

    def new() -> dict[str, int]:
        return {key[3]: count - before.get(key, 0) for key, count in counts().items() if count != before.get(key, 0)}

    while new() != {"failed": FAILURES}:
        assert sum(new().values()) < FAILURES, new()
        threading.Event().wait(0.005)
    assert len(server.seen) == FAILURES


def test_one_server_does_not_take_all_requests_in_flight(gateway: Any, odd_server: Start):
    go_on, waiting = threading.Event(), threading.Semaphore(0)

    def wait(exchange: Exchange) -> None:
        waiting.release()
        go_on.wait(30)
        exchange.send(answer(b"[1]"))

    server = odd_server(wait)
    running = gateway(to(server.url))
    threads = [threading.Thread(target=ask, args=(running,)) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert waiting.acquire(timeout=30)
    assert ask(running).json["code"] == "RG508"
    go_on.set()
    for thread in threads:
        thread.join()


def test_remote_models_are_not_preloaded(gateway: Any):
    assert gateway(to("http://127.0.0.1:1", keys="models: {preload: true}")).get("/ready").status_code == 200


def test_no_registry_is_asked_for_a_model_of_another_server():
    config = load_config(to("http://127.0.0.1:1", keys="registry_uri: http://127.0.0.1:1"))
    assert bootstrap.describe_models(config, {}, ["http://127.0.0.1:1", "https://models.example"]) == {}


def test_another_configuration_holds_for_other_servers_too(gateway: Any, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"[1]")))
    ask(gateway(to(server.url)), x_tenant="acme")
    ask(gateway(to(server.url, keys="remote: {headers: [x-tenant], max_answer: 2B}")), x_tenant="acme")
    assert ["x-tenant" in exchange.headers for exchange in server.seen] == [False, True]


def test_a_server_that_accepts_nobody_is_given_up_by_its_connect_timeout(gateway: Any):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with socket.create_connection(full.getsockname()):
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            answered = ask(gateway(to(url, keys="remote: {connect_timeout: 100ms}")))
    assert answered.json["code"] == "RG511"
    assert "cannot be connected to in time" in answered.json["message"]


# Circles


def test_a_request_that_comes_back_is_refused_and_each_fallback_costs_one_request(gateway: Any, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(sent_back(running, exchange)))
    running = gateway(f"""
model_endpoints:
  - name: texts
    routes:
      - {{alias: there, model_uri: "{server.url}", fallback: [again]}}
      - {{alias: again, model_uri: "{server.url}", model_request_condition: "request.method == 'GET'"}}
""")
    answered = ask(running)
    assert (answered.status_code, answered.json["error_code"], answered.json["code"]) == (508, "INVALID_STATE", "RG514")
    assert "come back" in answered.json["message"]
    assert len(server.seen) == 2


def test_a_shadow_that_leads_back_gets_one_copy(gateway: Any, odd_server: Start, model: OddServer):
    came_back = threading.Event()

    def send_back(exchange: Exchange) -> None:
        exchange.send(sent_back(running, exchange))
        came_back.set()

    server = odd_server(send_back)
    running = gateway(to(model.url, route=f', shadow: {{alias: next, model_uri: "{server.url}"}}'))
    assert ask(running).status_code == 200
    assert came_back.wait(30)
    assert len(model.seen) == 1


def test_another_endpoint_of_the_same_gateway_is_no_circle(gateway: Any, odd_server: Start, model: OddServer):
    server = odd_server(lambda exchange: exchange.send(sent_back(running, exchange, "/endpoints/there/invocations")))
    running = gateway(f"""
model_endpoints:
  - {{name: here, routes: [{{alias: only, model_uri: "{server.url}"}}]}}
  - {{name: there, routes: [{{alias: only, model_uri: "{model.url}"}}]}}
""")
    assert ask(running).status_code == 200
    assert [len(exchange.headers["x-rulegate-via"].split(",")) for exchange in model.seen] == [2]


def sent_back(gateway: Browser, exchange: Exchange, path: str = "/invocations") -> bytes:
    """What the gateway answers to the request that it has sent."""
    via = {"x-rulegate-via": exchange.headers["x-rulegate-via"]}
    answered = gateway.post(path, data=exchange.body, content_type="application/json", headers=via)
    return answer(answered.data, status=answered.status)


# Decision services


def deciding(model: OddServer, service: OddServer, *, keys: str = "") -> str:
    return f"""
external:
  - name: tier
    url: "{service.url}/v1/data/tier?key=hidden"
    input: {{user: "request.headers['X-User']", first: "request.json[0]"}}
    headers: {{Authorization: Bearer hidden}}
    timeout: 200ms
    {keys}
model_endpoints:
  - name: texts
    routes:
      - {{alias: gold, model_uri: "{model.url}", model_request_condition: "external['tier'] == 'gold'"}}
      - {{alias: free, model_uri: "{model.url}", model_request_condition: "external['tier'] == 'free'"}}
      - {{alias: rest, model_uri: "{model.url}"}}
"""


@pytest.fixture
def model(odd_server: Start) -> OddServer:
    return odd_server(lambda exchange: exchange.send(answer(b"[1]")))


def route(gateway: Browser, **headers: str) -> str:
    return str(ask(gateway, [1], **headers).headers["x-rulegate-route"])


def test_a_decision_service_says_where_a_request_goes(
    gateway: Any, running: tuple[bootstrap.Running, Path], odd_server: Start, model: OddServer
):
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": "free"}')))
    assert route(gateway(deciding(model, service)), x_user="a") == "free"
    assert [exchange.json for exchange in service.seen] == [{"input": {"first": 1, "user": "a"}}]
    assert service.seen[0].headers["authorization"] == "Bearer hidden"
    assert "hidden" not in running[1].read_text()


def test_where_an_input_errs_nobody_is_asked(gateway: Any, odd_server: Start, model: OddServer):
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": "free"}')))
    assert route(gateway(deciding(model, service, keys="default: gold"))) == "rest"
    assert service.seen == []


def test_without_an_answer_the_default_holds(gateway: Any, odd_server: Start, model: OddServer):
    service = odd_server(Exchange.hang)
    assert route(gateway(deciding(model, service, keys="default: gold")), x_user="a") == "gold"
    assert route(gateway(deciding(model, service)), x_user="a") == "rest"


def test_a_body_that_is_no_json_fails_a_request_of_which_a_service_is_told(
    gateway: Any, odd_server: Start, model: OddServer
):
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": "free"}')))
    running = gateway(deciding(model, service))
    answered = running.post("/invocations", data="{", content_type="application/json", headers={"X-User": "a"})
    assert (answered.status_code, answered.json["code"]) == (400, "RG406")


def test_what_is_remembered_outlives_a_change_that_does_not_concern_it(
    gateway: Any, odd_server: Start, model: OddServer
):
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": "free"}')))
    text = deciding(model, service, keys="cache: 1h")
    assert route(gateway(text), x_user="a") == "free"
    assert route(gateway(f"server: {{max_body: 1MiB}}\n{text}"), x_user="a") == "free"
    assert len(service.seen) == 1
    assert route(gateway(deciding(model, service, keys="cache: 2h")), x_user="a") == "free"
    assert len(service.seen) == 2


def test_a_service_is_asked_once_a_request_by_all_that_reads_it_and_only_when_that_is_reached(
    gateway: Any, odd_server: Start, model: OddServer
):
    """By two conditions, a sticky expression, and that of a fallback."""
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": "free"}')))
    gone = "http://127.0.0.1:1"
    running = gateway(f"""
external: [{{name: tier, url: "{service.url}", timeout: 5s}}]
model_endpoints:
  - name: texts
    routes:
      - {{alias: first, model_uri: "{model.url}", model_request_condition: "'X-First' in request.headers"}}
      - alias: both
        model_uri: "{model.url}"
        model_request_condition: "'X-Both' in request.headers and external['tier'] == 'gold'"
      - alias: gold
        model_uri: "{model.url}"
        model_request_condition: "'X-First' not in request.headers and external['tier'] == 'gold'"
      - alias: split
        model_request_condition: "'X-Split' in request.headers"
        targets: [{{alias: a, model_uri: "{gone}"}}, {{alias: b, model_uri: "{gone}"}}]
        sticky_on: "external['tier']"
        fallback: [other]
      - alias: other
        targets: [{{alias: a, model_uri: "{model.url}"}}, {{alias: b, model_uri: "{model.url}"}}]
        sticky_on: "external['tier']"
""")
    assert route(running, x_first="1") == "first"
    assert service.seen == []
    for number, headers in enumerate(({"x_both": "1"}, {}, {"x_split": "1"}), 1):
        assert route(running, **headers) == "other"
        assert len(service.seen) == number


@pytest.mark.parametrize(
    "script",
    [
        lambda exchange: exchange.send(answer(b"<html>", content_type="text/html")),
        lambda exchange: exchange.send(answer(b'[{"result": "free"}]')),
        lambda exchange: exchange.send(answer(b'{"result": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")),
        lambda exchange: exchange.send(TEN_GIGABYTES),
        lambda exchange: exchange.drip(answer(b'{"result": "free"}')),
        lambda exchange: exchange.send(answer(b'{"result": "free"}', status="307 T", location="/")),
        lambda exchange: (exchange.send(answer(b'{"result": "free"}')[:-2]), exchange.hang_up()),
    ],
    ids=["html", "a list", "deep", "10 GB", "drips", "redirects", "breaks off"],
)
def test_a_service_that_lies_leaves_the_default_or_no_match(
    gateway: Any, odd_server: Start, model: OddServer, script: Callable[[Exchange], None]
):
    service = odd_server(script)
    assert route(gateway(deciding(model, service, keys="default: gold")), x_user="a") == "gold"
    assert route(gateway(deciding(model, service)), x_user="a") == "rest"
    assert len(service.seen) == 2


@pytest.mark.parametrize("result", [b"null", b"7", b"[1, [2]]", b'{"tier": "gold"}', b'"GOLD"'])
def test_a_result_of_another_shape_than_conditions_expect_is_a_value_like_any_other(
    gateway: Any, odd_server: Start, model: OddServer, result: bytes
):
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": %s}' % result)))
    assert route(gateway(deciding(model, service, keys="default: gold")), x_user="a") == "rest"


def test_a_request_ends_under_the_configuration_under_which_it_began(gateway: Any, odd_server: Start, model: OddServer):
    """Its service is gone when it answers, and its route and its model are."""
    asked, go_on = threading.Event(), threading.Event()

    def wait(exchange: Exchange) -> None:
        asked.set()
        go_on.wait(30)
        exchange.send(answer(b'{"result": "free"}'))

    other = odd_server(lambda exchange: exchange.send(answer(b"[2]")))
    text = deciding(model, odd_server(wait)).replace("timeout: 200ms", "timeout: 30s")
    running, answers = gateway(text), []
    asking = threading.Thread(target=lambda: answers.append(ask(running, [1], x_user="a")))
    asking.start()
    assert asked.wait(30)
    assert ask(gateway(to(other.url)), [1]).data == b"[2]"
    go_on.set()
    asking.join()
    assert (answers[0].headers["x-rulegate-route"], answers[0].data) == ("free", b"[1]")


def test_events_go_on_when_the_configuration_names_their_server_no_more(
    gateway: Any, odd_server: Start, model: OddServer
):
    go_on = threading.Event()

    def say_two(exchange: Exchange) -> None:
        exchange.send(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        go_on.wait(30)
        exchange.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    answered = ask(gateway(to(odd_server(say_two).url)))
    parts = answered.iter_encoded()
    assert next(parts) == b"data: 1\n\n"
    assert ask(gateway(to(model.url))).data == b"[1]"
    go_on.set()
    assert b"".join(parts) == b"data: 2\n\n"


def test_services_that_are_gone_are_asked_no_more(gateway: Any, odd_server: Start, model: OddServer):
    service = odd_server(lambda exchange: exchange.send(answer(b'{"result": "free"}')))
    gateway(deciding(model, service))
    assert ask(gateway(to(model.url))).headers["x-rulegate-route"] == "there"
    assert service.seen == []


# Everything at once


def moody(name: str, seed: int) -> Callable[[Exchange], None]:
    """A server that answers with its name one time of two, and is wrong in every other way else."""
    chance, lock = random.Random(seed), threading.Lock()
    whole = answer(json.dumps({"predictions": [name], "result": name}).encode())
    moods: list[Callable[[Exchange], object]] = [
        Exchange.hang,
        Exchange.hang_up,
        lambda exchange: exchange.send(answer(b"garbage")),
        lambda exchange: exchange.send(answer(b"", status="503 S")),
        lambda exchange: exchange.send(answer(b'{"error_code": "ODD", "message": "no"}', status="500 E")),
        lambda exchange: exchange.send(TEN_GIGABYTES),
        lambda exchange: (exchange.send(whole[:-3]), exchange.hang_up()),
    ]

    def script(exchange: Exchange) -> None:
        with lock:
            mood = chance.choice([lambda exchange: exchange.send(whole)] * len(moods) + moods)
        mood(exchange)

    return script


def test_whatever_servers_do_while_the_configuration_changes_each_request_is_answered_whole_by_one(
    gateway: Any, running: tuple[bootstrap.Running, Path], odd_server: Start
):
    """A target, a shadow and a decision service are moody; a fallback is well. Nothing is held when all is over."""
    fine, last = odd_server(moody("fine", 1)), odd_server(lambda exchange: exchange.send(answer(b'["last"]')))
    shadow, service = odd_server(moody("next", 2)), odd_server(moody("fine", 3))
    balances = ("balance: least_busy", "balance: round_robin", "sticky_on: request.headers['X-User']")

    def text(number: int) -> str:
        """Routes are named by the number, and there is less or more beside them."""
        copies = f", shadow: {{alias: next, model_uri: '{shadow.url}'}}" if number % 2 else ""
        return f"""
external: [{{name: mood, url: "{service.url}", timeout: 20ms, default: bad{", cache: 1s" if number % 3 else ""}}}]
model_endpoints:
  - name: texts
    routes:
      - alias: first-{number}
        model_request_condition: "external['mood'] == 'fine'"
        targets: [{{alias: a, model_uri: "{fine.url}"}}, {{alias: b, model_uri: "{fine.url}/b"}}]
        {balances[number % 3]}
        timeout: 100ms
        fallback: [last-{number}]
      - {{alias: last-{number}, model_uri: "{last.url}"{copies}}}
"""

    application = gateway(text(0))
    settled, begun, over = 0, 0, threading.Event()
    breaches: list[object] = []
    asked: Counter[str] = Counter()

    def ask_again_and_again(user: int) -> None:
        while not over.is_set():
            at_least = settled
            answered = ask(application, x_user=str(user))
            route, _, number = answered.headers["x-rulegate-route"].partition("-")
            expected = ["last"] if route == "last" else {"predictions": ["fine"], "result": "fine"}
            if not at_least <= int(number) <= begun or answered.json != expected:
                breaches.append((answered.status_code, dict(answered.headers), answered.data, at_least, begun))
            asked[route] += 1

    # Of four places one model gets half.
    threads = [threading.Thread(target=ask_again_and_again, args=(user,)) for user in range(2)]
    for thread in threads:
        thread.start()
    while asked.total() < 500 or len(asked) < 2:
        begun += 1
        gateway(text(begun))
        settled = begun
    over.set()
    for thread in threads:
        thread.join()
    assert not breaches, breaches[:3]
    gateway(to(last.url))
    assert running[0].pool.figures().in_flight == {}
    assert running[0].shadows.waiting() == 0
