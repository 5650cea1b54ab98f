"""A decision service over HTTP, in the shape of OPA's data API: answers, and all that is none."""

from __future__ import annotations

import gzip
import json
import resource
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rulegate.client import Client
from rulegate.condition.body import parse_body
from rulegate.external import Answered, DataApi, Fault, NoAnswer
from rulegate.external.data_api import MAX_ANSWER_BYTES
from tests.odd_servers import Exchange, OddServer, answer

LONG_S = 30.0
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
TEN_GIGABYTES = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n"
ZIPPED = gzip.compress(b'{"result": 1}')
Start = Callable[..., OddServer]


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def ask(client: Client, url: str, *, timeout_s: float = LONG_S, **headers: str) -> Answered:
    return DataApi(client, url, headers).ask(b'{"user":"a"}', until_s=time.monotonic() + timeout_s)


def test_the_result_of_the_answer_is_the_value(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(json.dumps({"result": exchange.json["input"]}).encode())))
    assert ask(client, f"{server.url}/v1/data/risk?strict", authorization="Bearer x").value == {"user": "a"}
    [exchange] = server.seen
    assert exchange.path == "/v1/data/risk?strict"
    assert exchange.json == {"input": {"user": "a"}}
    assert exchange.headers["content-type"] == "application/json"
    assert exchange.headers["authorization"] == "Bearer x"


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, 1e400, {"a": [{"b": "\ud800"}]}])
def test_any_json_value_is_a_result(client: Client, odd_server: Start, value: Any):
    server = odd_server(lambda exchange: exchange.send(answer(json.dumps({"result": value}).encode())))
    assert ask(client, server.url).value == value


@pytest.mark.parametrize(
    "part",
    [
        "[]",
        "{}",
        "300",
        "1.5",
        '"ab"',
        '"é"',
        '"😀"',
        '{"a":1}',
        '{"é":[]}',
        "[[[]]]",
        f'"{"a" * 50}\\ud83d\\ude00"',
    ],
)
def test_the_size_of_an_answer_is_what_its_value_takes_up_and_not_much_more(
    client: Client, odd_server: Start, part: str
):
    body = f'{{"result":[{",".join([part] * 10_000)}]}}'.encode()
    answered = ask(client, odd_server(lambda exchange: exchange.send(answer(body))).url)
    tracemalloc.start()
    try:
        value = parse_body(body)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert value["result"] == answered.value
    assert held_bytes <= answered.size_bytes <= 6 * held_bytes + 4096


@pytest.mark.parametrize("content_type", ["text/html", "application/octet-stream", "image/png; charset=klingon", ""])
def test_what_the_answer_says_it_is_does_not_matter_but_what_it_is(
    client: Client, odd_server: Start, content_type: str
):
    server = odd_server(lambda exchange: exchange.send(answer(b'{"result": 1}', content_type=content_type)))
    assert ask(client, server.url).value == 1


def fault_of(client: Client, url: str, *, timeout_s: float = LONG_S) -> tuple[Fault, str, bool]:
    with pytest.raises(NoAnswer) as raised:
        ask(client, url, timeout_s=timeout_s)
    return raised.value.fault, raised.value.reason, raised.value.is_ill


@pytest.mark.parametrize(
    ("body", "fault", "reason"),
    [
        (b"{}", Fault.UNDEFINED, "its answer has no `result`"),
        (b'{"decision_id": "1"}', Fault.UNDEFINED, "its answer has no `result`"),
        (b"[1]", Fault.BROKEN, "it answered with what is no JSON object"),
        (b"null", Fault.BROKEN, "it answered with what is no JSON object"),
        (b"", Fault.BROKEN, "it answered with what is no JSON, or is nested too deeply"),
        (b"<html>", Fault.BROKEN, "it answered with what is no JSON, or is nested too deeply"),
        (b'{"result": ' + b"[" * 70 + b"]" * 70 + b"}", Fault.BROKEN, "it answered with what is no JSON, or is nested"),
        (b'{"result": "' + b"x" * MAX_ANSWER_BYTES + b'"}', Fault.TOO_LARGE, "it answered with more than 1048576"),
    ],
)
def test_what_is_no_answer_is_told_apart(client: Client, odd_server: Start, body: bytes, fault: Fault, reason: str):
    server = odd_server(lambda exchange: exchange.send(answer(body)))
    found, told, is_ill = fault_of(client, server.url)
    assert found is fault
    assert told.startswith(reason)
    assert is_ill is (fault is not Fault.UNDEFINED)


@pytest.mark.parametrize(
    ("status", "is_ill"), [(201, True), (302, True), (400, False), (404, False), (429, True), (500, True), (503, True)]
)
def test_another_status_is_no_answer_whatever_its_body_says(
    client: Client, odd_server: Start, status: int, is_ill: bool
):
    server = odd_server(lambda exchange: exchange.send(answer(b'{"result": 1}', status=f"{status} Odd", location="/")))
    assert fault_of(client, server.url) == (Fault.STATUS, f"it answered with status {status}", is_ill)
    assert len(server.seen) == 1


def pour(exchange: Exchange, part: bytes) -> None:
    """A body without an end, in chunks."""
    exchange.send(CHUNKED)
    chunk = b"%x\r\n%s\r\n" % (len(part), part)
    while True:
        exchange.send(chunk)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (lambda exchange: pour(exchange, b" " * 65536), "it answered with more than 1048576 bytes"),
        (lambda exchange: pour(exchange, b"[" * 1000), "it answered with more than 1048576 bytes"),
        (lambda exchange: exchange.send(TEN_GIGABYTES), "it answered with more than 1048576 bytes"),
        (lambda exchange: exchange.send(answer(b"[" * 1024**2)), "it answered with what is no JSON, or is nested too"),
        (lambda exchange: exchange.send(answer(b'{"a":' * 200_000)), "it answered with what is no JSON, or is nested"),
        (lambda exchange: exchange.send(answer(ZIPPED, content_encoding="gzip")), "it answered with what is no JSON"),
        (lambda exchange: exchange.send(answer(b'{"result": "\xff"}')), "it answered with what is no JSON"),
    ],
    ids=["chunks", "chunks of brackets", "10 GB", "brackets", "objects", "gzip", "not UTF-8"],
)
def test_an_answer_without_an_end_or_without_sense_costs_no_more_than_its_bound(
    client: Client, odd_server: Start, script: Callable[[Exchange], None], reason: str
):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fault_of(client, odd_server(script).url)[1].startswith(reason)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (Exchange.hang, Fault.TIMEOUT),
        (lambda exchange: exchange.drip(b"HTTP/1.1 100 Continue\r\n\r\n", every_s=0.001), Fault.TIMEOUT),
        (lambda exchange: (exchange.send(CHUNKED), exchange.drip(b"1\r\n \r\n", every_s=0.001)), Fault.TIMEOUT),
        (lambda exchange: exchange.drip(answer(b'{"result": 1}' + b" " * 10_000)), Fault.TIMEOUT),
        (Exchange.hang_up, Fault.UNREACHABLE),
        (lambda exchange: (exchange.send(answer(b'{"result": 1}')[:-3]), exchange.hang_up()), Fault.UNREACHABLE),
        (lambda exchange: (exchange.send(b"what?\r\n"), exchange.hang_up()), Fault.BROKEN),
    ],
    ids=["hangs", "goes on", "drips chunks", "drips", "hangs up", "breaks off", "speaks something else"],
)
def test_a_service_that_does_not_answer_is_given_up_in_time(
    client: Client, odd_server: Start, script: Callable[[Exchange], None], fault: Fault
):
    begin_s = time.monotonic()
    assert fault_of(client, odd_server(script).url, timeout_s=0.3)[0] is fault
    assert time.monotonic() - begin_s < LONG_S / 2


def test_a_service_that_is_not_there(client: Client):
    assert fault_of(client, "http://127.0.0.1:1") == (
        Fault.UNREACHABLE,
        "it cannot be connected to: connection refused",
        True,
    )
