"""`"stream": true` is answered bit by bit, as fast as the model speaks and the client reads, and ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

TIMEOUT_S = 3


@pytest.fixture(scope="module")
def gateway(models, start, helpers):
    names = ("speaking", "chatting", "returning", "hint-texts")
    config = helpers.one_endpoint_a_model(
        "sqlite:///nobody-asks-it.db",
        {name: str(models / name) for name in names},
        f"server: {{request_timeout: {TIMEOUT_S}s}}\nmodels: {{preload: true}}",
    )
    gateway = start(config)
    helpers.wait_until(lambda: gateway.get("/ready").status_code == 200)
    return gateway


def speak(gateway, prompt: str, **more) -> requests.Response:
    body = {"prompt": prompt, "stream": True, **more}
    url = f"{gateway.url}/endpoints/speaking/invocations"
    return requests.post(url, json=body, stream=True, timeout=60)


def events(text: str) -> list:
    """The data of server-sent events, parsed, but for the last one of an answer that is whole."""
    *lines, last = text.split("\n\n")
    assert last == ""
    assert all(line.startswith("data: ") and "\n" not in line for line in lines)
    data = [line.removeprefix("data: ") for line in lines]
    return [item if item == "[DONE]" else json.loads(item) for item in data]


def test_the_answer_is_events_in_order_and_then_done(gateway):
    answer = speak(gateway, "one two three")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-rulegate-endpoint"] == "speaking"
    assert answer.headers["x-rulegate-model"].startswith("local:speaking@")
    words = [{"word": "one", "number": None}, {"word": "two", "number": 0.5}, {"word": "three", "number": 1.0}]
    assert events(answer.text) == [*words, "[DONE]"]


def test_no_words_are_an_answer_too(gateway):
    assert events(speak(gateway, "").text) == ["[DONE]"]


def test_an_event_arrives_before_the_model_has_said_the_next(gateway, tmp_path):
    with speak(gateway, "first await second", marks=str(tmp_path)) as answer:
        lines = answer.iter_lines()
        assert "first" in next(lines).decode()
        (tmp_path / "go").touch()
        assert "second" in b"".join(lines).decode()


def test_events_come_through_another_gateway_as_they_are_said(gateway, start, helpers, tmp_path):
    there = f"{gateway.url}/endpoints/speaking/invocations"
    front = start(helpers.one_endpoint_a_model("sqlite:///nobody-asks-it.db", {"speaking": there}))
    answer = speak(front, "one two three")
    assert (answer.headers["content-type"], answer.headers["x-rulegate-model"]) == ("text/event-stream", there)
    assert events(answer.text) == events(speak(gateway, "one two three").text)
    with speak(front, "first await second", marks=str(tmp_path)) as answer:
        lines = answer.iter_lines()
        assert "first" in next(lines).decode()
        (tmp_path / "go").touch()
        assert "second" in b"".join(lines).decode()


def test_an_answer_comes_to_its_end_though_the_configuration_no_longer_names_its_model(
    models, start, helpers, tmp_path
):
    def config(model: str) -> str:
        return helpers.one_endpoint_a_model("sqlite:///nobody-asks-it.db", {"speaking": str(models / model)})

    gateway = start(config("speaking"), "--no-watch")
    log = lambda: " ".join(line["event"] for line in gateway.log())  # noqa: E731
    with speak(gateway, "first await second", marks=str(tmp_path)) as answer:
        lines = answer.iter_lines()
        assert "first" in next(lines).decode()
        gateway.config.write_text(config("chatting"))
        gateway.process.send_signal(signal.SIGHUP)
        helpers.wait_until(lambda: "the configuration has changed" in log())
        messages = {"messages": [{"role": "user", "content": "hello"}]}
        other = gateway.post(messages, "/endpoints/speaking/invocations")
        assert other.headers["x-rulegate-model"].startswith("local:chatting@")
        assert "is unloaded" not in log()
        (tmp_path / "go").touch()
        rest = b"\n".join(lines).decode()
    assert "second" in rest
    assert rest.endswith("data: [DONE]\n")
    helpers.wait_until(lambda: "speaking" in log() and "is unloaded: no model URI means it any more" in log())


@pytest.mark.parametrize("stream", [False, "true", 1, None])
def test_only_true_asks_for_events(gateway, stream):
    answer = speak(gateway, "one", stream=stream)
    assert answer.json() == "whole"


def test_a_frame_of_one_row_can_be_answered_bit_by_bit(gateway):
    body = {"dataframe_split": {"columns": ["prompt"], "data": [["one"]]}, "stream": True}
    first, done = events(gateway.post(body, "/endpoints/speaking/invocations").text)
    assert (first["word"], done) == ("one", "[DONE]")
    body["dataframe_split"]["data"].append(["bystander"])
    answer = gateway.post(body, "/endpoints/speaking/invocations")
    assert "requires single input" in answer.json()["message"]
    assert "bystander" not in answer.text


def test_a_chat_model_speaks_in_chunks(gateway):
    body = {"messages": [{"role": "user", "content": "good morning"}], "stream": True}
    *chunks, done = events(gateway.post(body, "/endpoints/chatting/invocations").text)
    assert [chunk["choices"][0]["delta"]["content"] for chunk in chunks] == ["good", "morning"]
    assert done == "[DONE]"


def test_a_model_that_cannot_stream_answers_whole(gateway):
    assert gateway.post({"prompt": "integer", "stream": True}, "/endpoints/returning/invocations").json() == 3


@pytest.mark.parametrize(
    ("prompt", "status", "code", "words"),
    [
        ("raise", 400, "RG507", "unexpected error"),
        ("refuse", 400, "RG507", "no such word"),
        ("set", 500, "RG506", "cannot be encoded"),
        ("exit", 503, "RG504", "ended"),
        ("hang", 504, "RG505", "in time"),
    ],
)
def test_a_failure_before_the_first_event_is_an_answer_and_after_it_the_last_event(
    gateway, prompt, status, code, words
):
    answer = speak(gateway, prompt)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert words in answer.json()["message"]
    later = speak(gateway, f"word {prompt} word")
    assert later.status_code == 200
    first, last = events(later.text)
    assert first["word"] == "word"
    assert last["error"]["code"] == code
    assert last["error"]["request_id"] == later.headers["x-request-id"]
    assert words in last["error"]["message"]
    assert "secret" not in later.text


def test_a_client_that_reads_slowly_holds_the_model_back_and_nobody_else(gateway, tmp_path, helpers):
    """Forty megabytes are to be said; what is said ahead has a bound."""
    with speak(gateway, "large:400", marks=str(tmp_path)) as answer:
        reading = answer.iter_content(100_000)
        read = len(next(reading))
        said = helpers.wait_until(lambda: unchanged(lambda: len(list(tmp_path.iterdir())), gateway))
        assert said < 250
        assert read + sum(map(len, reading)) > 400 * 100_000
    assert (tmp_path / "ended").exists()


def unchanged(measure, gateway) -> int:
    """What is measured, if it is past what may be said ahead and the same after other streams are answered; else 0."""
    before = measure()
    for _ in range(50):
        assert events(speak(gateway, "one").text)[-1] == "[DONE]"
    return before if before > 32 and measure() == before else 0


def test_the_prediction_ends_when_the_client_goes_away(gateway, tmp_path, helpers):
    host, port = gateway.url.removeprefix("http://").split(":")
    body = json.dumps({"prompt": "large:100000", "stream": True, "marks": str(tmp_path)}).encode()
    with socket.create_connection((host, int(port)), timeout=60) as sock:
        head = f"POST /endpoints/speaking/invocations HTTP/1.1\r\nHost: x\r\nX-Request-Id: {tmp_path.name}\r\n"
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert sock.recv(1000)
    helpers.wait_until((tmp_path / "ended").exists)
    (line,) = helpers.wait_until(
        lambda: [line for line in gateway.requests_logged() if line["request_id"] == tmp_path.name]
    )
    assert line["detail"] == "the client went away before the end"


def test_many_streams_at_once_each_get_their_own(gateway):
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: speak(gateway, f"n{n} " * 100).text, range(32)))
    for number, text in enumerate(answers):
        *words, done = events(text)
        assert [word["word"] for word in words] == [f"n{number}"] * 100
        assert done == "[DONE]"


def test_a_stream_has_one_line_in_the_log_when_it_ends(gateway, helpers):
    answer = speak(gateway, "one two")
    assert events(answer.text)[-1] == "[DONE]"
    this = answer.headers["x-request-id"]
    (line,) = helpers.wait_until(lambda: [line for line in gateway.requests_logged() if line["request_id"] == this])
    assert line["status"] == 200
    assert "detail" not in line
