"""Models of other servers: what is passed on, what is passed back, and what becomes of servers that misbehave."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rulegate.client import Client
from rulegate.serving.admission import Admission
from rulegate.serving.all_models import AllModels
from rulegate.serving.errors import (
    ModelOverloaded,
    PredictionTimeout,
    RemoteBroken,
    RemoteRefused,
    RemoteUnavailable,
    RemoteUnreachable,
    ServingError,
)
from rulegate.serving.mlflow.remote import RemoteModels, RemoteTerms
from rulegate.serving.models import Prediction
from tests.odd_servers import Exchange, OddServer, answer

LONG_S = 30.0
Start = Callable[..., OddServer]
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


@pytest.fixture
def models(client: Client) -> RemoteModels:
    return RemoteModels(client, Admission(8), RemoteTerms(headers=("x-tenant", "authorization")))


def ask(
    models: RemoteModels, url: str, body: bytes = b"{}", *, timeout_s: float = LONG_S, **headers: str
) -> Prediction:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    with models.lease(url, timeout_s=timeout_s) as lease:
        return lease.predict(body, "application/json", timeout_s=timeout_s, headers=lambda: fields)


def test_body_and_content_type_are_passed_on_and_the_answer_is_passed_back(models: RemoteModels, odd_server: Start):
    shown = "application/json; charset=utf-8"
    server = odd_server(lambda exchange: exchange.send(answer(b' {"predictions": [NaN]}\n', content_type=shown)))
    with models.lease(server.url, timeout_s=1) as lease:
        assert (lease.version.reference, lease.load_s) == (server.url, 0.0)
        prediction = lease.predict(b"a,b\n1,2\n", "text/csv", timeout_s=LONG_S)
    assert prediction == Prediction(b' {"predictions": [NaN]}\n', shown)
    [exchange] = server.seen
    assert (exchange.path, exchange.body) == ("/invocations", b"a,b\n1,2\n")
    assert exchange.headers["content-type"] == "text/csv"


@pytest.mark.parametrize(
    ("path", "asked"),
    [("", "/invocations"), ("/", "/invocations"), ("/sentiment", "/sentiment"), ("/a/invocations", "/a/invocations")],
)
def test_a_url_without_a_path_means_invocations_and_another_path_stands(
    models: RemoteModels, odd_server: Start, path: str, asked: str
):
    server = odd_server(lambda exchange: exchange.send(answer(b"[1]")))
    ask(models, server.url + path)
    assert server.seen[0].path == asked


def test_only_the_headers_that_are_named_are_passed_on_and_the_requests_id(models: RemoteModels, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"[1]")))
    sent = {"x_tenant": "acme", "cookie": "secret", "x_request_id": "id-1", "content_length": "9999"}
    ask(models, server.url, **sent)
    assert server.seen[0].headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept-encoding": "identity",
        "content-length": "2",
        "content-type": "application/json",
        "x-tenant": "acme",
        "x-request-id": "id-1",
    }


def test_other_terms_hold_from_the_next_request_on(models: RemoteModels, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"[1]")))
    models.change(RemoteTerms(headers=("cookie",)))
    ask(models, server.url, x_tenant="acme", cookie="a=b")
    assert server.seen[0].headers.get("cookie") == "a=b"
    assert "x-tenant" not in server.seen[0].headers


def test_a_server_gets_no_more_requests_than_it_may_hold(models: RemoteModels):
    url = "http://models.example"
    with models.lease(url, timeout_s=1), models.lease(url, timeout_s=1), models.lease(url, timeout_s=1):
        with models.lease(url, timeout_s=1):
            assert models.busy(url) == 4
            with pytest.raises(ModelOverloaded), models.lease(url, timeout_s=1):
                pass
        with models.lease("http://other.example", timeout_s=1):
            pass
    assert models.busy(url) == 0


def test_who_tries_a_server_out_takes_no_place_among_requests_and_is_not_refused_one(models):
    url = "http://busy.example"
    with contextlib.ExitStack() as held:
        for _ in range(4):
            held.enter_context(models.lease(url, timeout_s=1))
        for _ in range(4):
            held.enter_context(models.try_out(url, timeout_s=1))
        assert models.busy(url) == 4
    assert models.busy(url) == 0


# What a server may answer


def failure(models: RemoteModels, url: str, *, timeout_s: float = LONG_S) -> ServingError:
    with pytest.raises(ServingError) as raised:
        ask(models, url, timeout_s=timeout_s)
    assert "Traceback" not in raised.value.message
    return raised.value


def told(server: OddServer, what: str) -> str:
    return f"{server.url} {what}"


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500, 501])
def test_an_error_of_the_protocol_is_passed_back_without_what_is_nobodys_business(
    models: RemoteModels, odd_server: Start, status: int
):
    facts = {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "no column `text`, see /srv/models/secret/place.txt",
        "stack_trace": "Traceback …",
        "code": "RG507",
        "request_id": "another",
        "sqlstate": "22023",
    }
    server = odd_server(lambda exchange: exchange.send(answer(json.dumps(facts).encode(), status=f"{status} Odd")))
    error = failure(models, server.url)
    assert type(error) is RemoteRefused
    assert (error.status, error.error_code) == (status, "INVALID_PARAMETER_VALUE")
    fields = {"sqlstate": "22023", "stack_trace": "left out"}
    assert (error.message, error.fields) == ("no column `text`, see place.txt", fields)


@pytest.mark.parametrize(("after", "seconds"), [("7", 7.0), ("999999999", 3600.0), ("soon", None), ("-1", None)])
@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_server_that_cannot_now_says_when(
    models: RemoteModels, odd_server: Start, status: int, after: str, seconds: float | None
):
    body = b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "it is being loaded"}'
    server = odd_server(lambda exchange: exchange.send(answer(body, status=f"{status} Odd", retry_after=after)))
    error = failure(models, server.url)
    assert type(error) is RemoteUnavailable
    assert error.retry_after_s == seconds
    assert error.message == told(server, "cannot answer now: it is being loaded")


def test_a_server_that_is_too_slow_for_itself_is_too_slow(models: RemoteModels, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"Request processing time exceeded", status="504 T")))
    error = failure(models, server.url)
    assert type(error) is PredictionTimeout
    assert error.message == told(server, "did not answer in time: it answered with status 504")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (answer(b"<html>", content_type="text/html"), "answered with what is not JSON"),
        (answer(b"hello"), "answered with what is not JSON"),
        (answer(b""), "answered with what is not JSON"),
        (answer(b'{"predictions": [1'), "answered with what is not JSON"),
        (answer(b"[1}"), "answered with what is not JSON"),
        (answer(b'"'), "answered with what is not JSON"),
        (answer(b"{}", content_encoding="gzip"), "answered in an encoding that it was not asked for"),
        (answer(b"{}", status="302 F", location="/x"), "answered with status 302, which the protocol"),
        (answer(b"{}", status="204 N"), "answered with status 204, which the protocol"),
        (answer(b"{}", status="600 N"), "answered with status 600, which the protocol"),
        (answer(b"<html>", status="404 N"), "answered with status 404, and with no error of the protocol"),
        (answer(b'{"detail": "Not Found"}', status="404 N"), "answered with status 404, and with no error of the prot"),
        (answer(b'{"error_code": 1, "message": []}', status="500 E"), "answered with status 500, and with no error of"),
        (answer(b'"' + b"x" * 2**20 + b'"', status="500 E"), "answered with more than 1048576 bytes"),
        (b"hello\r\n\r\n", "answered with what is not HTTP"),
    ],
    ids=range(15),
)
def test_what_the_protocol_does_not_know_is_broken(models: RemoteModels, odd_server: Start, data: bytes, what: str):
    server = odd_server(lambda exchange: (exchange.send(data), exchange.hang_up()))
    error = failure(models, server.url)
    assert type(error) is RemoteBroken
    assert error.message.startswith(told(server, what))
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b"[1]", b'{"a": 1}', b'"text"', b"1.5", b"-1", b"true", b"null", b" \n[]\n"])
def test_any_json_is_an_answer(models: RemoteModels, odd_server: Start, body: bytes):
    server = odd_server(lambda exchange: exchange.send(answer(body)))
    assert ask(models, server.url).body == body


def test_more_than_may_be_is_not_taken(client: Client, odd_server: Start):
    models = RemoteModels(client, Admission(8), RemoteTerms(max_answer_bytes=100))
    server = odd_server(lambda exchange: exchange.send(answer(b"[" + b" " * int(exchange.body) + b"]")))
    assert len(ask(models, server.url, b"98").body) == 100
    with pytest.raises(RemoteBroken, match="answered with more than 100 bytes"):
        ask(models, server.url, b"99")


@pytest.mark.parametrize(
    ("script", "kind", "what"),
    [
        (Exchange.hang, PredictionTimeout, "did not answer in time"),
        (lambda e: e.drip(answer(b"[" + b" " * 10_000 + b"]")), PredictionTimeout, "did not answer in time"),
        (lambda e: (e.send(EVENTS), e.drip(b"1\r\nx\r\n")), PredictionTimeout, "did not answer in time"),
        (Exchange.hang_up, RemoteUnreachable, "ended the connection without an answer"),
        (lambda e: (e.send(answer(b"[1]")[:-1]), e.hang_up()), RemoteUnreachable, "ended the connection before the e"),
    ],
    ids=["hangs", "drips", "drips an event", "hangs up", "breaks off"],
)
def test_a_server_that_does_not_answer_is_given_up_in_time(
    models: RemoteModels, odd_server: Start, script: Callable[[Exchange], Any], kind: type, what: str
):
    server = odd_server(script)
    begin_s = time.monotonic()
    error = failure(models, server.url, timeout_s=0.3)
    assert time.monotonic() - begin_s < LONG_S / 2
    assert type(error) is kind
    assert error.message.startswith(told(server, what))


def test_nobody_is_there(models: RemoteModels):
    error = failure(models, "http://127.0.0.1:1")
    assert type(error) is RemoteUnreachable
    assert error.message == "http://127.0.0.1:1 cannot be connected to: connection refused"


# Answers in parts


def rest_of(prediction: Prediction) -> list[bytes]:
    assert prediction.rest is not None
    parts = []
    try:
        while True:
            parts.append(next(prediction.rest))
    except StopIteration:
        return parts
    finally:
        prediction.rest.close()


def test_events_are_passed_back_as_they_come_each_of_them_whole(
    models: RemoteModels, client: Client, odd_server: Start
):
    def events(exchange: Exchange) -> None:
        exchange.send(
            EVENTS + chunk(b"data: 1\n\nda") + chunk(b"ta: 2\n") + chunk(b"\ndata: 3\r\n\r\ndata: [DONE]\n\n")
        )
        exchange.send(b"0\r\n\r\n")

    prediction = ask(models, odd_server(events).url)
    assert prediction.content_type == "text/event-stream; charset=utf-8"
    assert prediction.body.startswith(b"data: 1\n\n")
    parts = [prediction.body, *rest_of(prediction)]
    assert all(part.endswith((b"\n\n", b"\r\n\r\n")) for part in parts)
    assert b"".join(parts) == b"data: 1\n\ndata: 2\n\ndata: 3\r\n\r\ndata: [DONE]\n\n"
    assert client.kept() == 1


@pytest.mark.parametrize(
    ("script", "kind"),
    [(Exchange.hang_up, RemoteUnreachable), (Exchange.hang, PredictionTimeout)],
    ids=["breaks off", "hangs"],
)
def test_events_that_end_too_early_end_with_an_error_after_the_last_whole_one(
    models: RemoteModels, odd_server: Start, script: Callable[[Exchange], None], kind: type
):
    server = odd_server(lambda exchange: (exchange.send(EVENTS + chunk(b"data: 1\n\ndata: ha")), script(exchange)))
    prediction = ask(models, server.url, timeout_s=0.5)
    assert prediction.body == b"data: 1\n\n"
    assert prediction.rest is not None
    with pytest.raises(kind):
        next(prediction.rest)


def test_an_event_without_an_end_costs_no_more_memory_than_an_answer_may(client: Client, odd_server: Start):
    def pour(exchange: Exchange) -> None:
        exchange.send(EVENTS)
        while True:
            exchange.send(chunk(b"x" * 65536))

    models = RemoteModels(client, Admission(8), RemoteTerms(max_answer_bytes=1024**2))
    with pytest.raises(RemoteBroken, match="answered with more than 1048576 bytes"):
        ask(models, odd_server(pour).url)


def test_the_server_hears_that_nobody_wants_more(models: RemoteModels, odd_server: Start):
    heard: list[bytes] = []

    def events(exchange: Exchange) -> None:
        exchange.send(EVENTS + chunk(b"data: 1\n\n"))
        heard.append(exchange.connection.recv(1))

    prediction = ask(models, odd_server(events).url)
    assert prediction.rest is not None
    prediction.rest.close()
    until_s = time.monotonic() + LONG_S
    while not heard:
        assert time.monotonic() < until_s
    assert heard == [b""]


# All models


def test_models_are_told_apart_by_their_uris():
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def lease(self, model_uri: str, *, timeout_s: float) -> Any:
            return self.name, model_uri, timeout_s

        def busy(self, model_uri: str) -> Any:
            return self.name

    models = AllModels(Named("local"), Named("remote"))
    for uri in ("http://a", "https://a/b", "HTTP://A"):
        assert models.lease(uri, timeout_s=2.0) == ("remote", uri, 2.0)
        assert models.busy(uri) == "remote"
    for uri in ("models:/a/1", "/http/a", "s3://a", "https"):
        assert models.lease(uri, timeout_s=2.0) == ("local", uri, 2.0)
        assert models.busy(uri) == "local"
