"""Routes with fallbacks, on models in real processes that die, hang, raise, or cannot be loaded; alone and together."""

from __future__ import annotations

import json

import pytest
import requests

CONFIG = """
registry_uri: {uri}
server: {{request_timeout: 3s}}
model_endpoints:
  - name: two
    routes:
      - {{alias: one, model_uri: "models:/first/1", timeout: 700ms, fallback: [other]}}
      - alias: other
        model_request_condition: "request.args.get('route') == 'other'"
        model_uri: "models:/second/1"
  - name: broken
    routes:
      - {{alias: one, model_uri: "models:/broken/1", fallback: [dying, none, other]}}
      - {{alias: dying, model_uri: "models:/dying/1", model_request_condition: "request.path == ''"}}
      - {{alias: none, model_uri: "models:/no-such-model/1", model_request_condition: "request.path == ''"}}
      - {{alias: other, model_uri: "models:/second/1", model_request_condition: "request.path == ''"}}
  - name: denied
    routes:
      - {{alias: one, model_uri: "models:/broken/1", fallback: [full]}}
      - alias: full
        model_request_condition: "request.path == ''"
        on_error: no_match
        deny: {{status: 429, message: come back later}}
"""


@pytest.fixture(scope="module")
def gateway(registry, start, helpers):
    gateway = start(CONFIG.format(uri=registry["uri"]))
    for route in ("one", "other"):
        path = f"/endpoints/two/invocations?route={route}"
        helpers.wait_until(lambda path=path: gateway.post(body("nobody rests"), path).ok)
    return gateway


def body(command: str) -> dict[str, object]:
    return {"dataframe_split": {"columns": ["command"], "data": [[command]]}}


def told(answer: requests.Response) -> tuple[object, ...]:
    """Who answered what: the prediction or our code, the route, the version, and why not the first."""
    what = answer.json()["predictions"] if answer.ok else answer.json()["code"]
    names = ("route", "model", "fallback-from")
    return (what, *(answer.headers.get(f"x-rulegate-{name}") for name in names))


def logged(gateway, helpers, answer: requests.Response) -> dict[str, object]:
    """The log line of a request that has been answered."""
    this_request = answer.headers["x-request-id"]
    lines = gateway.requests_logged
    return helpers.wait_until(lambda: next((line for line in lines() if line["request_id"] == this_request), None))


ONE = (["first"], "one", "models:/first/1", None)


def by_other(why: str) -> tuple[object, ...]:
    return (["second"], "other", "models:/second/1", why)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("nobody rests", ONE),
        ("first raise", by_other("one; RG507")),
        ("first object", by_other("one; RG506")),
        ("first die", by_other("one; RG504")),
        ("first hang", by_other("one; RG505")),
    ],
)
def test_a_fallback_answers_for_a_model_that_fails_and_the_headers_and_the_log_say_so(
    gateway, helpers, command, answer
):
    got = gateway.command(command, "two")
    assert (got.status_code, told(got)) == (200, answer)
    line = logged(gateway, helpers, got)
    assert (line["route"], line["model"], line.get("fallback_from")) == answer[1:]
    # Whatever it was, the model answers the next request itself.
    helpers.wait_until(lambda: told(gateway.command("nobody rests", "two")) == ONE)


def test_a_request_that_does_not_fit_the_models_signature_is_refused_by_the_first(gateway):
    got = gateway.post({"dataframe_split": {"columns": ["other"], "data": [["x"]]}}, "/endpoints/two/invocations")
    assert (got.status_code, told(got)) == (400, ("RG507", "one", "models:/first/1", None))


def test_a_model_that_cannot_be_loaded_is_passed_by_with_all_that_fail_behind_it(gateway, helpers):
    """The first request finds all of them out; later ones find them left alone."""
    why = "one; RG502, dying; RG502, none; RG501"
    helpers.wait_until(lambda: told(gateway.command("x", "broken")) == by_other(why))


def test_a_fallback_that_denies_says_so(gateway):
    got = gateway.command("x", "denied")
    assert (got.status_code, got.json()["message"], told(got)) == (
        429,
        "come back later",
        ("RG412", "full", None, "one; RG502"),
    )


def test_where_the_fallback_fails_too_the_answer_is_that_of_the_first(gateway, helpers):
    got = gateway.command("first die;second raise", "two")
    assert (got.status_code, told(got)) == (503, ("RG504", "one", "models:/first/1", None))
    line = logged(gateway, helpers, got)
    assert (line["route"], line["failed_fallbacks"], line.get("fallback_from")) == ("one", "other; RG507", None)
    helpers.wait_until(lambda: told(gateway.command("nobody rests", "two")) == ONE)


def test_a_target_that_times_out_again_and_again_is_left_alone_and_comes_back(gateway, helpers):
    whys = [told(gateway.command("first hang", "two")) for _ in range(5)]
    assert whys == [by_other("one; RG505")] * 5
    # It would answer this, and is not asked.
    assert told(gateway.command("nobody rests", "two")) == by_other("one; RG510")
    helpers.wait_until(lambda: told(gateway.command("nobody rests", "two")) == ONE)
    for words in ("failed 5 times in a row", "answers again"):
        helpers.wait_until(lambda words=words: any(words in json.dumps(line) for line in gateway.log()))


def test_a_process_that_is_stuck_for_longer_than_a_request_may_take_is_replaced(gateway, helpers):
    """Also where each of its requests gives up sooner, and few of them reach it."""
    assert told(gateway.command("first spin", "two")) == by_other("one; RG505")
    helpers.wait_until(lambda: told(gateway.command("nobody rests", "two")) == ONE)
    assert any("says nothing any more" in line["event"] for line in gateway.log())
