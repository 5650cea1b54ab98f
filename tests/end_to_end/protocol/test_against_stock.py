"""A gateway answers as MLflow's own scoring server does, but for the differences listed in docs/protocol.md."""

from __future__ import annotations

import random
import re
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"

differences = sys.modules["protocol_differences"]
ERROR, DIFFERENCES = differences.ERROR, differences.DIFFERENCES
comparable, expected, name_of = differences.comparable, differences.expected, differences.name_of


def test_a_gateway_answers_as_mlflows_server_does_but_for_listed_differences(case, answers):
    stock, ours = answers[case]
    assert comparable(ours) == comparable(expected(case, stock)[0])


def test_each_difference_occurs_and_is_listed():
    """The document lists the differences that the test knows, and no others."""
    listed = re.findall(r"^\| `([\w-]+)` \|", DOCUMENT.read_text(), re.MULTILINE)
    assert listed == [*map(name_of, DIFFERENCES), *PAGES_THAT_DIFFER]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=name_of)
def test_each_difference_occurs(difference, answers):
    assert any(name_of(difference) in expected(case, stock)[1] for case, (stock, _) in answers.items())


def test_no_message_quotes_what_is_not_at_fault(answers):
    """The words of a request that are as they should be are not in the message that refuses it."""
    told = [ours.body for case, (_, ours) in answers.items() if b"bystander" in case.body and ours.status >= ERROR]
    assert len(told) > 5
    assert not any("bystander" in body for body in told)


@pytest.mark.parametrize("model", ["classifier", "probabilities", "sentiment"])
def test_answers_do_not_depend_on_what_else_is_asked(servers, answers, model):
    """Good and bad requests at once, which the model's process merges where it can, are answered as they are alone."""
    cases = [case for case in answers if case.model == model] * 8
    random.Random(model).shuffle(cases)
    with ThreadPoolExecutor(32) as threads:
        together = list(threads.map(servers.ask_gateway, cases))
    for case, ours in zip(cases, together, strict=True):
        assert comparable(ours) == comparable(expected(case, answers[case][0])[0])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("path", ["/ping", "/health", "/version", "/ping?a=b", "/ping/", "/version//?a=b", "/health/"])
def test_pages_are_mlflows(servers, path, method):
    stock, ours = both(servers, method, path)
    if stock.status_code == 405:
        assert (ours.status_code, ours.json()["error_code"]) == (405, "BAD_REQUEST")
        return
    assert (ours.status_code, ours.text) == (stock.status_code, stock.text)
    assert ours.headers.get("content-type") == stock.headers.get("content-type")
    if "location" in stock.headers:
        assert stock.headers["location"] == f"{servers.stock}/bare{ours.headers['location']}"


def test_slashes_at_the_end_of_the_path_lead_to_the_prediction(servers):
    """Clients that follow a redirect, as most do, notice nothing."""
    body = {"dataframe_split": {"columns": ["a"], "data": [[1]]}}
    stock = requests.post(f"{servers.stock}/bare/invocations/", json=body, timeout=60)
    ours = requests.post(f"{servers.gateway.url}/endpoints/bare/invocations/", json=body, timeout=60)
    assert [answer.status_code for answer in (*stock.history, *ours.history)] == [307, 307]
    assert (ours.status_code, ours.text) == (200, stock.text)


PAGES_THAT_DIFFER = {
    "unknown-path": ("GET", "/nothing", (404, "application/json"), (404, "ENDPOINT_NOT_FOUND")),
    "api-pages": ("GET", "/docs", (200, "text/html; charset=utf-8"), (404, "ENDPOINT_NOT_FOUND")),
    "unknown-method": ("PUT", "/invocations", (405, "application/json"), (405, "BAD_REQUEST")),
    "head": ("HEAD", "/ping", (405, "application/json"), (200, None)),
}
"""Requests that a gateway answers by itself: what MLflow's server answers, and what a gateway does."""


@pytest.mark.parametrize("name", PAGES_THAT_DIFFER)
def test_pages_that_differ(servers, name):
    method, path, status_and_type, (our_status, error_code) = PAGES_THAT_DIFFER[name]
    stock, ours = both(servers, method, path)
    assert (stock.status_code, stock.headers["content-type"]) == status_and_type
    assert (ours.status_code, ours.json()["error_code"] if ours.text else None) == (our_status, error_code)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect"])
def test_the_pages_of_mlflows_framework_are_not_there(servers, path):
    stock, ours = both(servers, "GET", path)
    assert (stock.status_code, ours.status_code) == (200, 404)


@pytest.mark.parametrize(
    ("content_type", "chunks"),
    [("text/csv", [b"a,b\n", b"1,2\n"]), ("application/json", [b'{"inputs"', b": [1]}"])],
    ids=["CSV", "JSON"],
)
def test_a_body_of_chunks_is_answered_as_one_whose_length_is_announced(servers, content_type, chunks):
    stock, ours = (
        requests.post(f"{url}/invocations", data=iter(chunks), headers={"content-type": content_type}, timeout=60)
        for url in (f"{servers.stock}/bare", f"{servers.gateway.url}/endpoints/bare")
    )
    assert (ours.status_code, ours.text) == (stock.status_code, stock.text)
    assert stock.status_code == 200


def both(servers, method, path):
    """What both servers answer to a request that is not made for one model; nothing is followed."""
    return [
        requests.request(method, url + path, timeout=60, allow_redirects=False)
        for url in (f"{servers.stock}/bare", servers.gateway.url)
    ]


HEADS = {
    "no host": b"GET %s/ping HTTP/1.1\r\n\r\n",
    "no host in HTTP/1.0": b"GET %s/ping HTTP/1.0\r\n\r\n",
    "several hosts": b"GET %s/ping HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "an empty host": b"GET %s/ping HTTP/1.1\r\nhost:\r\n\r\n",
    "a host that is none": b"GET %s/ping HTTP/1.1\r\nhost: a b/c\r\n\r\n",
    "a host of other bytes": b"GET %s/ping HTTP/1.1\r\nhost: \xff\r\n\r\n",
    "a host with a control character": b"GET %s/ping HTTP/1.1\r\nhost: a\x1b\r\n\r\n",
    "a chunk without a length": b"POST %s/invocations HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\nno-number\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_what_bends_the_rules_of_http_gets_the_status_of_mlflows_server(servers, name):
    assert status_of(servers.gateway.url, HEADS[name] % b"") == status_of(servers.stock, HEADS[name] % b"/bare")


def status_of(url: str, request: bytes) -> bytes:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while b"\r\n" not in answer and (data := connection.recv(65536)):
            answer += data
    return answer.partition(b"\r\n")[0]
