"""The client against servers that do what they should, and against those that do not."""

from __future__ import annotations

import contextlib
import datetime as dt
import resource
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rulegate.client import (
    Address,
    Answer,
    AnswerBroken,
    AnswerTooLarge,
    AskError,
    Client,
    ConnectionLost,
    TooLate,
    Unreachable,
)
from rulegate.client.names import Names
from tests.odd_servers import Exchange, OddServer, answer

LONG_S = 30.0
SHORT_S = 0.3
Start = Callable[..., OddServer]


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def ask(client: Client, url: str, body: bytes = b"{}", *, timeout_s: float = LONG_S, **headers: str) -> Answer:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    until_s = time.monotonic() + timeout_s
    return client.post(Address.of(url), body, fields, until_s=until_s, connect_timeout_s=timeout_s)


def body_of(answered: Answer, *, max_bytes: int = 1024) -> bytes:
    return answered.whole(max_bytes=max_bytes)


# What it sends


def test_the_request_arrives_as_it_was_given(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    answered = ask(client, f"{server.url}/a/b?c=d", b"\x00raw", content_type="text/csv", x_tenant="\xe9t\xe9")
    assert (answered.status, answered.headers["content-type"], body_of(answered)) == (200, "application/json", b"{}")
    [exchange] = server.seen
    assert exchange.head.startswith("POST /a/b?c=d HTTP/1.1\r\n")
    assert exchange.body == b"\x00raw"
    assert exchange.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept-encoding": "identity",
        "content-length": "4",
        "content-type": "text/csv",
        "x-tenant": "\xe9t\xe9",
    }


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://models.example", Address("models.example", 80, False, "/")),
        ("https://models.example/", Address("models.example", 443, True, "/")),
        ("HTTP://Models.Example:8080/a/?b=c", Address("models.example", 8080, False, "/a/?b=c")),
        ("http://[::1]:5000/x", Address("::1", 5000, False, "/x")),
    ],
)
def test_an_address_is_taken_apart(url: str, address: Address):
    assert Address.of(url) == address


def test_an_address_without_a_path_has_the_one_that_is_meant():
    assert Address.of("http://a:1/", default_path="/invocations").target == "/invocations"
    assert Address.of("http://a:1/x", default_path="/invocations").target == "/x"


@pytest.mark.parametrize("url", ["ftp://a", "http://", "http://user:secret@a/", "http://user@a", "a"])
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(ValueError, match=r"^not the address of a server$"):
        Address.of(url)


def test_a_name_of_a_host_is_looked_up(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    assert body_of(ask(client, f"http://localhost:{server.port}")) == b"{}"


def test_proxies_of_the_environment_are_not_used(client: Client, odd_server: Start, monkeypatch: pytest.MonkeyPatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    assert body_of(ask(client, server.url)) == b"{}"


def test_a_redirect_is_an_answer_like_any_other(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"", status="302 Found", location="/elsewhere")))
    with contextlib.closing(ask(client, server.url)) as answered:
        assert answered.status == 302
    assert len(server.seen) == 1


# Connections


def test_a_connection_is_used_again(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    for _ in range(3):
        body_of(ask(client, server.url))
    assert server.connections == 1
    assert client.kept() == 1


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK\r\nConnection: close\r\n", "HTTP/1.0 200 OK\r\n"])
def test_a_connection_that_the_server_ends_is_not_kept(client: Client, odd_server: Start, head: str):
    def close(exchange: Exchange) -> None:
        exchange.send(f"{head}Content-Length: 2\r\n\r\n{{}}".encode())
        exchange.hang_up()

    server = odd_server(close)
    assert [body_of(ask(client, server.url)) for _ in range(2)] == [b"{}", b"{}"]
    assert (server.connections, client.kept()) == (2, 0)


def test_a_kept_connection_that_has_ended_meanwhile_is_noticed(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    body_of(ask(client, server.url))
    server.end_idle_connections()
    assert body_of(ask(client, server.url)) == b"{}"
    assert len(server.seen) == 2


def test_a_kept_connection_that_ends_with_the_next_request_costs_one_more_try(client: Client, odd_server: Start):
    def once(exchange: Exchange) -> None:
        exchange.send(answer(b"{}")) if exchange.number == 0 else exchange.hang_up()

    server = odd_server(once)
    assert [body_of(ask(client, server.url)) for _ in range(3)] == [b"{}"] * 3
    assert [exchange.number for exchange in server.seen] == [0, 1, 0, 1, 0]


def test_a_new_connection_that_ends_is_not_tried_again(client: Client, odd_server: Start):
    server = odd_server(Exchange.hang_up)
    with pytest.raises(ConnectionLost, match=r"^ended the connection without an answer$"):
        ask(client, server.url)
    assert len(server.seen) == 1


def test_a_kept_connection_that_ends_within_an_answer_is_not_tried_again(client: Client, odd_server: Start):
    def break_off(exchange: Exchange) -> None:
        exchange.send(answer(b"{}") if exchange.number == 0 else b"HTTP/1.1 20")
        if exchange.number:
            exchange.hang_up()

    server = odd_server(break_off)
    body_of(ask(client, server.url))
    with pytest.raises(AskError):
        ask(client, server.url)
    assert len(server.seen) == 2


def test_an_answer_that_is_left_unread_ends_its_connection(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    ask(client, server.url).close()
    assert client.kept() == 0
    assert body_of(ask(client, server.url)) == b"{}"


def test_what_comes_unasked_on_a_kept_connection_is_nobodys_answer(client: Client, odd_server: Start):
    told = threading.Event()

    def too_much(exchange: Exchange) -> None:
        exchange.send(answer(b'"mine"'))
        told.wait(LONG_S)
        exchange.send(answer(b'"not yours"'))

    server = odd_server(too_much)
    assert body_of(ask(client, server.url)) == b'"mine"'
    told.set()
    deadline = time.monotonic() + LONG_S
    while client.kept() and not client._kept[("127.0.0.1", server.port, False)][0][0].is_stale():
        assert time.monotonic() < deadline
    assert body_of(ask(client, server.url)) == b'"mine"'


def test_many_threads_share_the_connections(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(exchange.body)))
    wrong: list[bytes] = []

    def run(number: int) -> None:
        for turn in range(20):
            body = b"%d/%d" % (number, turn)
            if body_of(ask(client, server.url, body)) != body:
                wrong.append(body)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert server.connections <= 8


def test_a_closed_client_keeps_nothing(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"{}")))
    begun = ask(client, server.url)
    client.close()
    assert body_of(begun) == b"{}"
    assert client.kept() == 0


# Time


def too_late(ask_it: Callable[[], object]) -> None:
    begin_s = time.monotonic()
    with pytest.raises(TooLate, match=r"^did not answer in time$"):
        ask_it()
    assert time.monotonic() - begin_s < LONG_S / 2


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        Exchange.hang,
        lambda exchange: (exchange.send(HEAD), exchange.hang()),
        lambda exchange: exchange.drip(b"HTTP/1.1 100 Continue\r\n\r\n", 0.001),
        lambda exchange: (exchange.send(b"HTTP/1.1 200 OK\r\n"), exchange.drip(b"X-A: b\r\n")),
        lambda exchange: (exchange.send(HEAD), exchange.drip(b"x")),
        lambda exchange: (exchange.send(CHUNKED), exchange.drip(b"1\r\nx\r\n")),
        lambda exchange: (exchange.send(CHUNKED), exchange.drip(b"0")),
        lambda exchange: (exchange.send(CHUNKED + b"0\r\n"), exchange.drip(b"X-A: b\r\n", 0.001)),
    ],
    ids=["silent", "silent body", "100s", "headers", "body", "chunks", "length of a chunk", "trailers"],
)
def test_however_slowly_a_server_answers_it_has_no_longer_than_it_is_given(
    client: Client, odd_server: Start, script: Callable[[Exchange], None]
):
    server = odd_server(script)
    too_late(lambda: ask(client, server.url, timeout_s=SHORT_S).whole(max_bytes=10_000_000))
    assert client.kept() == 0


def test_a_server_that_reads_nothing_ends_a_request_too(client: Client, odd_server: Start):
    listener = socket.create_server(("127.0.0.1", 0))
    with listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        too_late(lambda: ask(client, url, bytes(64 * 1024**2), timeout_s=SHORT_S))


def test_a_connection_that_is_not_made_in_time_is_unreachable(client: Client):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        with socket.create_connection(full.getsockname()):
            until_s = time.monotonic() + LONG_S
            with pytest.raises(Unreachable, match=r"^cannot be connected to in time$"):
                client.post(Address.of(url), b"", {}, until_s=until_s, connect_timeout_s=SHORT_S)


def test_a_name_that_is_slow_to_be_found_holds_nobody(monkeypatch: pytest.MonkeyPatch):
    found = threading.Event()
    asked = []

    def slow(*_: object, **__: object) -> list[object]:
        asked.append(1)
        found.wait(LONG_S)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    names = Names()
    for _ in range(3):
        too_late(lambda: names.find("models.example", 80, until_s=time.monotonic() + 0.05))
    found.set()
    assert names.find("models.example", 80, until_s=time.monotonic() + LONG_S) == [(socket.AF_INET, ("127.0.0.1", 80))]
    assert len(asked) <= 2


def test_a_part_may_be_given_time_of_its_own(client: Client, odd_server: Start):
    more = threading.Event()

    def in_parts(exchange: Exchange) -> None:
        exchange.send(CHUNKED + b"3\r\none\r\n")
        more.wait(LONG_S)
        exchange.send(b"3\r\ntwo\r\n0\r\n\r\n")

    server = odd_server(in_parts)
    answered = ask(client, server.url)
    assert answered.part() == b"one"
    more.set()
    assert answered.part(until_s=time.monotonic() + LONG_S) == b"two"
    assert answered.part() == b""
    answered.close()
    assert client.kept() == 1


# Lies


def test_nobody_listens(client: Client):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(Unreachable, match=r"^cannot be connected to: connection refused$"):
            ask(client, url)


def test_there_is_no_such_host(client: Client):
    with pytest.raises(Unreachable, match=r"^cannot be found under its name$"):
        ask(client, "http://nowhere.invalid")


@pytest.mark.parametrize(
    "data",
    [
        b"garbage\r\n\r\n",
        b"\x00" * 100 + b"\r\n",
        b"HTTP/2 hello\r\n\r\n",
        b"HTTP/1.1 20x OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=["text", "zeros", "version", "status", "long header", "many headers"],
)
def test_what_is_not_http_is_broken(client: Client, odd_server: Start, data: bytes):
    server = odd_server(lambda exchange: (exchange.send(data), exchange.hang_up()))
    with pytest.raises(AnswerBroken, match=r"^answered with what is not HTTP$"):
        ask(client, server.url)


@pytest.mark.parametrize(
    "data",
    [HEAD + b"short", CHUNKED + b"5\r\nab", CHUNKED + b"2\r\nab\r\n", CHUNKED + b"zz\r\nab\r\n"],
    ids=["length", "chunk", "no last chunk", "no length of a chunk"],
)
def test_a_body_that_breaks_off_is_lost(client: Client, odd_server: Start, data: bytes):
    server = odd_server(lambda exchange: (exchange.send(data), exchange.hang_up()))
    answered = ask(client, server.url)
    with pytest.raises(ConnectionLost, match=r"^ended the connection before the end of its answer$"):
        body_of(answered, max_bytes=10_000_000)


def test_ten_gigabytes_cost_no_memory(client: Client, odd_server: Start):
    def announce(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        exchange.hang()

    def pour(exchange: Exchange) -> None:
        chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
        exchange.send(CHUNKED)
        while True:
            exchange.send(chunk)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for script in (announce, pour):
        with pytest.raises(AnswerTooLarge, match=r"^answered with more than 1048576 bytes$"):
            ask(client, odd_server(script).url).whole(max_bytes=1024**2)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
    assert client.kept() == 0


def test_an_answer_in_a_great_many_parts_costs_no_more_memory_than_its_bytes(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(CHUNKED + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"))
    answered = ask(client, server.url)
    tracemalloc.start()
    try:
        assert answered.whole(max_bytes=100_000) == b"x" * 100_000
        assert tracemalloc.get_traced_memory()[1] < 2 * 1024**2
    finally:
        tracemalloc.stop()


def test_as_much_as_is_allowed_is_taken(client: Client, odd_server: Start):
    server = odd_server(lambda exchange: exchange.send(answer(b"x" * 1024)))
    assert body_of(ask(client, server.url), max_bytes=1024) == b"x" * 1024
    with pytest.raises(AnswerTooLarge):
        body_of(ask(client, server.url), max_bytes=1023)


def test_a_refusal_that_comes_before_the_body_is_read_is_heard(client: Client, odd_server: Start):
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1024)
            connection.sendall(answer(b"{}", status="413 Content Too Large", connection="close"))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1024**2):
                pass

    threading.Thread(target=refuse, daemon=True).start()
    with listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with contextlib.closing(ask(client, url, bytes(32 * 1024**2))) as answered:
            assert answered.status == 413


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with the certificate of 127.0.0.1 and localhost, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return str(path)


@pytest.fixture
def secure_server(certificate: str, odd_server: Start) -> Start:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return lambda script: odd_server(script, context=context, host="localhost")


def test_tls_is_spoken_with_whom_the_machine_trusts(
    client: Client, secure_server: Start, certificate: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    server = secure_server(lambda exchange: exchange.send(answer(exchange.body)))
    for _ in range(2):
        assert body_of(ask(client, server.url, b"x" * 500_000), max_bytes=500_000) == b"x" * 500_000
    assert server.connections == 1
    with pytest.raises(Unreachable, match=r"^has a certificate that is not to be trusted: "):
        ask(client, f"https://127.0.0.1:{server.port}")


def test_tls_is_not_spoken_with_others(client: Client, secure_server: Start):
    server = secure_server(lambda exchange: exchange.send(answer(b"{}")))
    with pytest.raises(Unreachable, match=r"^has a certificate that is not to be trusted: self.signed certificate$"):
        ask(client, server.url)


def test_who_does_not_speak_tls_is_unreachable(client: Client, odd_server: Start):
    listener = socket.create_server(("127.0.0.1", 0))

    def babble() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"SSH-2.0-nothing\r\n" * 10)
            connection.recv(1024)

    threading.Thread(target=babble, daemon=True).start()
    with listener, pytest.raises(Unreachable, match=r"^cannot be connected to: it does not speak TLS as it should$"):
        ask(client, f"https://localhost:{listener.getsockname()[1]}")


def test_a_drip_over_tls_ends_in_time_too(
    client: Client, secure_server: Start, certificate: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    server = secure_server(lambda exchange: (exchange.send(HEAD), exchange.drip(b"x")))
    too_late(lambda: body_of(ask(client, server.url, timeout_s=SHORT_S), max_bytes=10_000_000))
