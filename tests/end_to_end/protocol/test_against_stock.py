"""A gateway answers as MLflow's own scoring server does, but for the differences listed in docs/protocol.md."""

from __future__ import annotations

import dataclasses
import json
import random
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"

ERROR = 400
"""The first status of failures."""


def failure(answer, status: int, error_code: str, message: str):
    """An answer that tells of a failure, in MLflow's shape."""
    body = json.dumps({"error_code": error_code, "message": message})
    return dataclasses.replace(answer, status=status, content_type="application/json", body=body)


def with_facts(answer, change):
    """The answer with what it tells of a failure changed; any other answer as it is."""
    if answer.status < ERROR or answer.content_type != "application/json":
        return answer
    try:
        facts = json.loads(answer.body)
    except ValueError:
        return answer
    return dataclasses.replace(answer, body=json.dumps(change(facts)))


def with_message(answer, change):
    return with_facts(answer, lambda facts: {**facts, "message": change(facts["message"])})


def crashed(answer) -> bool:
    return (answer.status, answer.body) == (500, "Internal Server Error")


# Each of these takes a case and MLflow's answer to it, as far as the ones before have changed it, and returns what the
# difference makes of it. They are named as in the document.


def no_content_type(case, answer):
    if case.content_type is not None:
        return answer
    known = "['text/csv', 'application/json', 'application/vnd.apache.parquet']"
    return dataclasses.replace(
        answer,
        status=415,
        content_type="text/plain; charset=utf-8",
        body=f"This predictor only supports the following content types: Types: {known}. The request names none.",
    )


def plain_refusal(case, answer):
    return failure(answer, 415, "BAD_REQUEST", answer.body) if answer.status == 415 else answer


def unreadable_body(case, answer):
    if not crashed(answer) or case.model != "bare":
        return answer
    why = {"an integer too large to read": "The request cannot be decoded. Error: ValueError"}.get(
        case.name, "Ensure that input is a valid JSON formatted string. Error: 'nested too deeply'"
    )
    facts = {"sqlstate": "KAM00", "error_class": "INVALID_PARAMETER_VALUE"}
    return with_facts(failure(answer, 400, "BAD_REQUEST", f"Invalid input. {why}"), lambda error: error | facts)


def unencodable_failure(case, answer):
    if not crashed(answer) or case.model != "raising":
        return answer
    return failure(answer, 400, "BAD_REQUEST", "Failed to predict data. Error: fields of any type")


def unencodable_result(case, answer):
    if not crashed(answer):
        return answer
    return failure(answer, 500, "INTERNAL_ERROR", "The model returned a result that cannot be encoded as JSON.")


def no_number(case, answer):
    if answer.status != 200:
        return answer
    numbers = json.loads(answer.body, parse_constant=lambda _: None)
    return dataclasses.replace(answer, body=json.dumps(numbers))


def body_limit(case, answer):
    if case.name != "a body over the limit":
        return answer
    return failure(answer, 413, "BAD_REQUEST", "the body is larger than 524288 bytes")


def repeated_columns(case, answer):
    if "the same column again and again" not in case.name:
        return answer
    return not_decoded(answer, "The data names tens of thousands of columns, and the same ones again and again.")


def unnamed_fields(case, answer):
    if case.name != "CSV: thousands of cells too many":
        return answer
    return not_decoded(answer, "The first row has over a thousand fields more than the header.")


def not_decoded(answer, why):
    facts = {"sqlstate": "KAM00", "error_class": "INVALID_PARAMETER_VALUE"}
    return with_facts(failure(answer, 400, "BAD_REQUEST", f"Invalid input. {why}"), lambda error: error | facts)


def timeout(case, answer):
    if answer.body != "Request processing time exceeded limit":
        return answer
    return failure(answer, 504, "DEADLINE_EXCEEDED", "local:waiting@… did not answer in time")


def stream(case, answer):
    if str(case) != "speaking: stream":
        return answer
    said = [{"word": "one", "number": None}, {"word": "two", "number": 0.5}]
    body = "".join(f"data: {data}\n\n" for data in (*map(json.dumps, said), "[DONE]"))
    return dataclasses.replace(answer, content_type="text/event-stream", body=body)


def stack_trace(case, answer):
    return with_facts(answer, lambda facts: {name: facts[name] for name in facts if name != "stack_trace"})


def old_releases(case, answer):
    advice = re.compile(r" IMPORTANT: The MLflow Model scoring protocol has changed .*deploy-mlflow-models\.$")
    return with_message(answer, lambda message: advice.sub("", message))


def quoted_data(case, answer):
    def change(message: str) -> str:
        message = message.partition("\nInput: \n")[0]
        message = re.sub(r"(Failed to predict data) '.*'\. \n(Error)", r"\1. \2", message, flags=re.DOTALL)
        message = re.sub(r"(enforce schema of data) '.*' (with schema)", r"\1 \2", message, flags=re.DOTALL)
        message = re.sub(r"(enforce schema of) '.*' (with type)", r"\1 data \2", message, flags=re.DOTALL)
        message = re.sub(r"(convert data) `.*` (to type)", r"\1 \2", message, flags=re.DOTALL)
        return re.sub(r"(UnicodeDecodeError\('[\w-]+'), b.*(, \d+, \d+, ')", r"\1, …\2", message, flags=re.DOTALL)

    return with_message(answer, change)


def paths(case, answer):
    return with_message(answer, lambda message: message.replace("/srv/secret/place.txt", "place.txt"))


def long_message(case, answer):
    return with_message(answer, lambda message: message if len(message) <= 2000 else message[:1999] + "…")


def more_facts(case, answer):
    return with_facts(answer, lambda facts: {**facts, "code": "…", "request_id": "…"})


DIFFERENCES = (
    no_content_type,
    plain_refusal,
    unreadable_body,
    unencodable_failure,
    unencodable_result,
    no_number,
    body_limit,
    unnamed_fields,
    repeated_columns,
    timeout,
    stream,
    stack_trace,
    old_releases,
    quoted_data,
    paths,
    long_message,
    more_facts,
)


def name_of(difference) -> str:
    return difference.__name__.replace("_", "-")


def expected(case, stock):
    """What a gateway is to answer, and the names of the differences that this takes."""
    names = set()
    for difference in DIFFERENCES:
        before, stock = stock, difference(case, stock)
        if stock != before:
            names.add(name_of(difference))
    return stock, names


def comparable(answer):
    """The answer without what differs from one process, request or run to the next."""

    def change(facts):
        facts = {name: "…" if name in ("code", "request_id") else facts[name] for name in sorted(facts)}
        # The order of a set of texts is another in each process.
        message = re.sub(r"(?<=[\[{])'[^\[\]{}]*'(?=[\]}])", lambda words: sorted_words(words[0]), facts["message"])
        return facts | {"message": re.sub(r"@[0-9a-f]{12}", "@…", message)}

    return with_facts(answer, change)


def sorted_words(words: str) -> str:
    return ", ".join(sorted(words.split(", ")))


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


@pytest.mark.parametrize("path", ["/ping", "/health", "/version"])
def test_pages_are_mlflows(servers, path):
    stock = requests.get(f"{servers.stock}/bare{path}", timeout=60)
    ours = servers.gateway.get(path)
    assert (ours.status_code, ours.text) == (stock.status_code, stock.text)
    assert ours.headers["content-type"] == stock.headers["content-type"]


PAGES_THAT_DIFFER = {
    "unknown-path": ("GET", "/nothing", (404, ["detail"]), (404, "ENDPOINT_NOT_FOUND")),
    "unknown-method": ("PUT", "/invocations", (405, ["detail"]), (405, "BAD_REQUEST")),
    "head": ("HEAD", "/ping", (405, None), (200, None)),
}
"""Requests that no model gets: what MLflow's server answers, and what a gateway does."""


@pytest.mark.parametrize("name", PAGES_THAT_DIFFER)
def test_pages_that_differ(servers, name):
    method, path, (status, keys), (our_status, error_code) = PAGES_THAT_DIFFER[name]
    stock = requests.request(method, f"{servers.stock}/bare{path}", timeout=60)
    assert (stock.status_code, [*stock.json()] if stock.text else None) == (status, keys)
    ours = requests.request(method, f"{servers.gateway.url}{path}", timeout=60)
    assert (ours.status_code, ours.json()["error_code"] if ours.text else None) == (our_status, error_code)


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
