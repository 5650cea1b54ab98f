"""The admin port without a server: the token, the running configuration, reloads, the models, explanations."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from rulegate.admin.application import MAX_BODY_BYTES, Admin
from rulegate.breaker import FAILURES
from rulegate.condition import Request
from rulegate.journey import Journey, Leg
from rulegate.routing.explanation import explain
from rulegate.routing.explanation_json import as_json

TOKEN = "a-token-that-nobody-can-guess"
PATHS = ("/metrics", "/admin/config", "/admin/models", "/admin/routes", "/admin/explain", "/admin/reload")
IN_THIS_TEST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "PUT"])
@pytest.mark.parametrize("path", [*PATHS, "/", "/invocations", "/no/such/path"])
def test_no_path_answers_without_the_token_be_it_there_or_not(admin, path, method):
    answer = Client(admin).open(path, method=method)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    if method != "HEAD":
        assert (answer.json["code"], answer.json["error_code"]) == ("RG414", "UNAUTHENTICATED")
        assert TOKEN not in answer.text


@IN_THIS_TEST
@given(given=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60))
def test_only_the_token_is_the_token(admin, given):
    for value in (given, f"Bearer {given}", f"Bearer {TOKEN}{given}", f"Bearer {TOKEN[:-1]}{given}"):
        environ = {"HTTP_AUTHORIZATION": value}
        right = value.partition(" ")[0].lower() == "bearer" and value.partition(" ")[2].strip() == TOKEN
        assert (Client(admin).get("/admin/config", environ_overrides=environ).status_code == 200) == right


def test_the_scheme_may_be_written_in_any_case(admin):
    assert Client(admin).get("/metrics", headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200


def test_the_token_is_the_one_that_holds_now(operator, file):
    file.write_text(file.read_text().replace(TOKEN, "another-token-that-is-as-good"))
    assert operator.post("/admin/reload").status_code == 200
    assert operator.get("/admin/config").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/no/such/path", 404, "RG401"),
        ("get", "/admin/reload", 405, "RG402"),
        ("post", "/metrics", 405, "RG402"),
        ("delete", "/admin/config", 405, "RG402"),
    ],
)
def test_what_is_not_there_is_an_error_of_mlflows_shape(operator, method, path, status, code):
    answer = getattr(operator, method)(path)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json.keys() == {"error_code", "message", "code", "request_id"}
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"


def test_head_is_answered_like_get_without_a_body(operator):
    answer = operator.head("/admin/config")
    assert (answer.status_code, answer.data) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_a_fault_of_ours_tells_nothing(sources, caplog):
    broken = Admin(replace(sources, live=None), token=lambda: TOKEN)
    answer = Client(broken).get("/admin/config", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json["code"]) == (500, "RG599")
    assert "NoneType" not in answer.text
    assert caplog.records


# The configuration


def test_the_running_configuration_is_shown_without_its_secrets(operator, file):
    shown = operator.get("/admin/config").json
    assert shown["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (shown["changed"], shown["refused"], shown["waiting"], shown["refusal"]) == (0, 0, [], None)
    assert dt.datetime.fromisoformat(shown["loaded_at"]).tzinfo is not None
    assert "alias: split" in shown["text"]
    assert "hunter2" not in shown["text"]
    assert TOKEN not in shown["text"]
    assert shown["file"] == "gateway_config.yaml"


def test_a_reload_tells_what_came_of_it(operator, file):
    assert operator.post("/admin/reload").json["result"] == "unchanged"
    before = operator.get("/admin/config").json
    file.write_text(file.read_text().replace("port: 5001", "port: 5002") + "server: {max_body: 1MiB}\n")
    answer = operator.post("/admin/reload")
    assert (answer.status_code, answer.json["result"]) == (200, "changed")
    assert "server.max_body" in answer.json["keys"]
    assert answer.json["waiting"] == ["admin.port"]
    assert "text" not in answer.json
    after = operator.get("/admin/config").json
    assert after["sha256"] == answer.json["sha256"] != before["sha256"]
    assert after["changed"] == 1


def test_a_refused_reload_tells_every_fault_and_no_secret_or_folder(operator, file):
    good = file.read_text()
    file.write_text(good.replace("alias: rest", "alais: rest").replace(TOKEN, "too-short"))
    answer = operator.post("/admin/reload")
    assert answer.status_code == 422
    assert (answer.json["result"], answer.json["error_code"]) == ("refused", "INVALID_PARAMETER_VALUE")
    refusal = answer.json["refusal"]
    assert refusal["message"] == answer.json["message"]
    assert re.fullmatch(r"gateway_config.yaml has \d+ errors, 1 warning", refusal["message"])
    faults = {(found["file"], found["severity"], found["line"]) for found in refusal["diagnostics"]}
    assert ("gateway_config.yaml", "error", 18) in faults
    shown = operator.get("/admin/config").json
    assert shown["refusal"]["diagnostics"] == refusal["diagnostics"]
    assert shown["sha256"] == hashlib.sha256(good.encode()).hexdigest()
    for text in (answer.text, json.dumps(shown)):
        assert str(file.parent) not in text
        assert "too-short" not in text
    file.write_text(good)
    assert operator.post("/admin/reload").json["refusal"] is None


def test_a_file_that_is_gone_is_refused_without_its_folder(operator, file):
    file.unlink()
    answer = operator.post("/admin/reload")
    assert (answer.status_code, answer.json["result"]) == (422, "refused")
    assert str(file.parent) not in answer.text


# The models


def test_the_models_in_memory_are_shown_and_what_has_happened_to_each_version(operator, sources):
    with sources.pool.lease("models:/fast/1", timeout_s=5) as lease:
        lease.predict(b"", "", timeout_s=1)
        shown = operator.get("/admin/models").json
    (loaded,) = shown["loaded"]
    assert (loaded["model"], loaded["state"], loaded["processes"], loaded["in_flight"]) == (
        "models:/fast/1",
        "ready",
        1,
        1,
    )
    assert shown["in_flight"] == {"models:/fast/1": 1}
    assert (shown["memory_bytes"], shown["memory_limit_bytes"]) == (1000, 10_000)
    counts = shown["versions"]["models:/fast/1"]
    assert (counts["loads"], counts["deaths"], counts["batches"], counts["batched_requests"]) == (1, 0, {"1": 1}, 1)


def test_every_route_is_shown_as_it_is_configured(operator):
    (endpoint,) = operator.get("/admin/routes").json["endpoints"]
    assert endpoint["endpoint"] == "sentiment"
    assert endpoint["unrouted"] == []
    gold, split, rest = endpoint["routes"]
    assert gold["condition"] == "request.headers['X-Tier'] == 'gold'"
    assert (gold["on_error"], gold["deny"], gold["fallback"], gold["shadow"], gold["timeout_s"]) == (
        "no_match",
        None,
        ["rest"],
        "models:/next/1",
        None,
    )
    assert (split["balance"], split["sticky_on"]) == ("weighted", "request.headers['X-User']")
    assert [(target["target"], target["model_uri"], target["weight"]) for target in split["targets"]] == [
        ("stable", "models:/fast/1", 1.0),
        ("canary", "models:/fast/2", 1.0),
    ]
    assert (rest["route"], rest["condition"]) == ("rest", None)


def test_of_each_target_is_shown_whether_it_can_answer_now(operator, sources):
    breaker = sources.breakers.of(("sentiment", "split", "canary", "models:/fast/2"))
    for _ in range(FAILURES):
        breaker.attempt().failed()
    with sources.pool.lease("models:/fast/1", timeout_s=5):
        routes = operator.get("/admin/routes").json["endpoints"][0]["routes"]
    stable, canary = routes[1]["targets"]
    assert (stable["loaded"], stable["in_flight"]) == (True, 1)
    assert stable["breaker"] == {"phase": "closed", "failures": 0, "left_s": 0.0}
    assert (canary["loaded"], canary["in_flight"]) == (False, 0)
    assert (canary["breaker"]["phase"], canary["breaker"]["failures"]) == ("open", FAILURES)
    assert 0 < canary["breaker"]["left_s"] <= 1
    assert routes[2]["targets"][0]["in_flight"] == 1, "by whatever route"


def test_of_each_route_is_shown_what_came_of_its_requests(operator, sources):
    def note(status: int, code: str, *legs: Leg, endpoint: str = "sentiment") -> None:
        sources.traffic.note(Journey(endpoint=endpoint, legs=list(legs)), status, code, total_s=1.0)

    for _ in range(2):
        note(200, "", Leg("split", "stable", predict_s=0.5))
    note(503, "RG502", Leg("split", "canary"))
    note(404, "RG408")
    note(404, "RG407", endpoint="")
    (endpoint,) = operator.get("/admin/routes").json["endpoints"]
    assert endpoint["unrouted"] == [{"status": 404, "code": "RG408", "count": 1}]
    split = endpoint["routes"][1]
    assert split["answers"] == [
        {"status": 200, "code": None, "count": 2},
        {"status": 503, "code": "RG502", "count": 1},
    ]
    assert [(target["predictions"], target["predict_s"]) for target in split["targets"]] == [(2, 1.0), (0, 0.0)]
    assert endpoint["routes"][2]["answers"] == []


# Explanations


def explained(operator, **described):
    return operator.post("/admin/explain", json=described)


def test_a_described_request_is_explained_as_the_command_does_it_and_says_what_is_loaded(operator, sources):
    with sources.pool.lease("models:/fast/1", timeout_s=5):
        pass
    body = {"inputs": ["split"]}
    answer = explained(operator, headers={"X-Tier": "free", "x-user": "ada"}, body=body, why_not="gold")
    endpoint = sources.application.front.gateway.endpoint(None)
    request = Request(json=body, headers={"X-Tier": "free", "X-User": "ada"}, method="POST")
    told = as_json(explain(endpoint, request, why_not="gold"), is_loaded=sources.pool.is_ready)
    assert answer.json == json.loads(json.dumps(told)) | {"breakers": []}
    loaded = {target["target"]: target["loaded"] for target in answer.json["answer"]["targets"]}
    assert loaded == {"stable": True, "canary": False}
    assert answer.json["why_not"]["because"] == "its condition is not true"


def test_an_explanation_says_how_the_breakers_of_the_endpoint_are(operator, sources):
    breaker = sources.breakers.of(("sentiment", "gold", "gold", "models:/accurate/1"))
    sources.breakers.of(("another", "gold", "gold", "models:/accurate/1"))
    for _ in range(FAILURES):
        breaker.attempt().failed()
    (shown,) = explained(operator).json["breakers"]
    assert 0 < shown.pop("left_s") <= 1
    assert shown == {"route": "gold", "target": "gold", "phase": "open", "failures": FAILURES}


def test_to_explain_counts_and_changes_nothing(operator, sources):
    for _ in range(3):
        explained(operator, body={"inputs": ["split"]})
    assert not sources.mishaps.condition_errors.counts()
    assert not sources.mishaps.sticky_errors.counts()
    assert not sources.traffic.answers()


@pytest.mark.parametrize(
    ("described", "route"),
    [
        ({"headers": {"x-tier": "gold"}}, "gold"),
        ({"headers": {"X-Tier": ["gold"]}}, "gold"),
        ({"text": '{"inputs": ["split"]}'}, "split"),
        ({"text": "split", "headers": {"Content-Type": "text/csv"}}, "rest"),
        ({"path": "/\ud800"}, "rest"),
        ({"endpoint": "sentiment", "method": "get", "path": "/x", "query": "a=1", "now": "2025-01-31T09:30"}, "rest"),
        ({}, "rest"),
    ],
)
def test_every_part_of_a_request_can_be_described(operator, described, route):
    assert explained(operator, **described).json["answer"]["route"] == route


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "the body is not JSON"),
        (b"{", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"[]", "the body is not a JSON object that describes a request"),
        (b'{"header": {}}', "`header` is not a key of a request; there are: endpoint, method,"),
        (b'{"body": 1, "text": "1"}', "`body` and `text` are both there"),
        (b'{"method": 1}', "`method` is not a text"),
        (b'{"headers": []}', "`headers` is not an object"),
        (b'{"headers": {"a": 1}}', "`headers` is not an object"),
        (b'{"headers": {"a": [1]}}', "`headers` is not an object"),
        (b'{"external": []}', "`external` is not an object"),
        (b'{"external": {"rsk": 1}}', "the configuration has no decision service `rsk`; it has none"),
        (b'{"now": "soon"}', "`now` is not a time"),
        (b'{"remote_addr": "zz"}', "`remote_addr`: `zz` is not an address"),
        (b'{"path": "invocations"}', "`path`: `invocations` is not a path"),
        (b'{"method": "G\\u0007T"}', "`method`: `G\\x07T` is not a method"),
        (b'{"headers": {"X-A": "a\\nb"}}', "`headers`: the value of `X-A` has `\\n` in it"),
        (b'{"headers": {"X A": "a"}}', "`headers`: `X A` is not the name of a header"),
        (b'{"why_not": "nobody"}', "the endpoint `sentiment` has no route `nobody`"),
    ],
)
def test_what_describes_no_request_is_refused(operator, body, what):
    answer = operator.post("/admin/explain", data=body)
    assert (answer.status_code, answer.json["code"], answer.json["error_code"]) == (
        400,
        "RG415",
        "INVALID_PARAMETER_VALUE",
    )
    assert answer.json["message"].startswith(what)


@IN_THIS_TEST
@given(
    body=st.binary(max_size=60)
    | st.dictionaries(
        st.sampled_from(["endpoint", "headers", "body", "text", "path"]),
        # With halves of surrogate pairs, which JSON can say.
        st.text(st.characters(exclude_categories=())) | st.integers() | st.lists(st.text()),
    ).map(lambda d: json.dumps(d).encode())
)
def test_any_body_is_answered(operator, body):
    assert operator.post("/admin/explain", data=body).status_code in {200, 400, 404}


def test_an_endpoint_that_there_is_not_and_a_body_that_is_too_large(operator):
    answer = explained(operator, endpoint="nobody")
    assert (answer.status_code, answer.json["code"]) == (404, "RG407")
    answer = operator.post("/admin/explain", data=b" " * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json["code"]) == (413, "RG403")
