"""The benchmarks of serving ask what they say they ask, and count what fails; how fast anything is, no test says."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rulegate import Gateway, Request, load_config

applications = pytest.importorskip("benchmarks.applications", reason="the benchmarks are not beside the tests")
article = pytest.importorskip("benchmarks.article")
contenders = pytest.importorskip("benchmarks.contenders")
density = pytest.importorskip("benchmarks.density")
load = pytest.importorskip("benchmarks.load")
models = pytest.importorskip("benchmarks.models")
servers = pytest.importorskip("benchmarks.servers")
versions = pytest.importorskip("benchmarks.versions")


def asked(body: bytes, **headers: str) -> Request:
    return Request.from_body(body, content_type="application/json", headers=headers)


@pytest.fixture
def article_config(tmp_path):
    routes = article.routes("models:/quick/1", "models:/careful/1")
    return contenders.write_config(tmp_path / "config.yaml", "sqlite:///r.db", routes)


def test_the_articles_requests_go_where_the_article_says(article_config):
    gateway = Gateway(load_config(article_config))
    assert gateway.decide(None, asked(article.FIRST)).route == "fast"
    assert gateway.decide(None, asked(article.SECOND)).route == "accurate"


def test_a_header_says_which_version_is_asked(tmp_path):
    registry = models.Models("sqlite:///r.db", tmp_path)
    config = versions.config_of(tmp_path / "config.yaml", registry, versions=30, memory_limit="64MiB")
    head, _, body = versions.question_to(17).partition(b"\r\n\r\n")
    headers = dict(line.split(": ") for line in head.decode().split("\r\n")[1:])
    assert Gateway(load_config(config)).decide(None, asked(body, **headers)).route == "v17"


def test_both_applications_give_the_same_answer(article_config, monkeypatch):
    monkeypatch.setenv(applications.CONFIG_VARIABLE, str(article_config))
    answers = []
    for make in (applications.bare, applications.decision):
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/invocations",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(article.FIRST)),
            "wsgi.input": io.BytesIO(article.FIRST),
        }
        statuses: list[str] = []
        answer = make()(environ, lambda status, _, statuses=statuses: statuses.append(status))
        answers.append((statuses, b"".join(answer)))
    assert answers[0] == answers[1]
    assert answers[0][0] == ["200 OK"]


@pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk")
@pytest.mark.parametrize("status", [200, 503])
def test_what_is_not_answered_with_success_counts_as_a_failure(tmp_path, status):
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = load.drive(server.server_port, "/invocations", article.FIRST, connections=1, seconds=1, folder=tmp_path)
        server.shutdown()
    assert set(bodies) == {article.FIRST}
    assert (done.rate > 0, done.failures > 0) == ((True, False) if status == 200 else (False, True))
    assert 0 < done.p50_ms <= done.p99_ms


def test_popular_versions_are_asked_more_often_and_all_may_be():
    drawn = Counter(itertools.islice(density.zipf(20, seed=3), 20_000))
    assert set(drawn) == set(range(1, 21))
    assert drawn[1] > drawn[3] > drawn[9] > drawn[20]
    assert drawn[1] / drawn[2] == pytest.approx(2**density.EXPONENT, rel=0.1)


def test_the_same_seed_asks_for_the_same_versions():
    first, second = (list(itertools.islice(density.zipf(1000, seed=1), 100)) for _ in range(2))
    assert first == second


def test_a_request_has_the_headers_and_the_length_it_says():
    head, _, body = servers.post("/x", json.dumps([1]).encode(), {"x-version": "3"}).partition(b"\r\n\r\n")
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"\r\nx-version: 3" in head
    assert f"content-length: {len(body)}".encode() in head
