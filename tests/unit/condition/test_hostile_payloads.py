"""Requests that are made to hurt: what they come to is decided, quickly, and in little memory."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from rulegate.condition import BudgetExceededError, MalformedBodyError, Request, compile_condition

CORPUS = Path(__file__).parents[2] / "corpora" / "hostile_payloads.json"
ENTRIES = {entry["id"]: entry for entry in json.loads(CORPUS.read_text(encoding="utf-8"))}

ERRS = None
OUTCOMES = {
    "hostile-concat": ERRS,
    "hostile-deep-eq-lists": True,
    "hostile-deep-nested-eq": ERRS,
    "hostile-int-unicode": ERRS,
    "hostile-json-deep": MalformedBodyError,
    "hostile-list-times-int": ERRS,
    "hostile-percent-format": ERRS,
    "hostile-regex-1mb-3": False,
    "hostile-str-bigint": False,
    "hostile-str-vs-list-in": True,
    "hostile-surrogate-bucket": True,
}
"""The verdict on each payload, or what fails the request."""


def request_of(payload):
    """The request of a payload: a recipe in Python for the value of the body, or for the body itself."""
    prefix = "raw body "
    if payload.startswith(prefix):
        return Request.from_body(eval(payload.removeprefix(prefix)).encode(), content_type="application/json")
    return Request(json=eval(payload))


def outcome(condition, request):
    try:
        return condition.verdict(request)
    except (MalformedBodyError, BudgetExceededError) as error:
        return type(error)


def test_every_payload_is_tested():
    assert ENTRIES.keys() == OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_hostile_payload_comes_to_what_is_decided(name):
    condition = compile_condition(ENTRIES[name]["expr"])
    request = request_of(ENTRIES[name]["payload"])
    # What is too costly for one condition fails the request, which is as good as an answer, and is never "no match".
    assert outcome(condition, request) in (OUTCOMES[name], BudgetExceededError)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_hostile_payload_takes_little_time_and_memory(name):
    """Besides the request itself 4 MiB, and 50 ms of processor time, the best of three: the machine may be busy."""
    condition = compile_condition(ENTRIES[name]["expr"])
    assert min(processor_s(condition, request_of(ENTRIES[name]["payload"])) for _ in range(3)) < 0.05
    request = request_of(ENTRIES[name]["payload"])
    tracemalloc.start()
    try:
        outcome(condition, request)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def processor_s(condition, request):
    begin = time.thread_time()
    outcome(condition, request)
    return time.thread_time() - begin
