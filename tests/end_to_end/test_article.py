"""The article's gateway: two requests, two models, one address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ARTICLE = Path(__file__).parents[2] / "examples" / "domain_condition.yaml"

PLAIN = {"dataframe_split": {"columns": ["text"], "data": [["I love this product, it works great"]]}}
DOMAIN = {"dataframe_split": {"columns": ["text"], "data": [["Domain specific text: the settlement was excellent"]]}}


@pytest.fixture(scope="module")
def gateway(start, demo_registry):
    """The article's file, unchanged, on the registry that the environment names."""
    return start(ARTICLE.read_text(), MLFLOW_REGISTRY_URI=demo_registry.registry_uri, HTTP_X_TENANT="forged")


def test_a_plain_text_is_answered_by_the_fast_model(gateway):
    answer = gateway.post(PLAIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-rulegate-endpoint"] == "sentiment-router"
    assert answer.headers["x-rulegate-route"] == answer.headers["x-rulegate-target"] == "fast"
    assert answer.headers["x-rulegate-model"] == "models:/sentiment-model-fast/1"
    (prediction,) = answer.json()["predictions"]
    assert prediction.keys() == {"label", "score"}
    assert prediction["label"] == "positive"
    assert 0.5 <= prediction["score"] <= 1


def test_a_domain_specific_text_is_answered_by_the_accurate_model(gateway):
    answer = gateway.post(DOMAIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-rulegate-route"] == "accurate"
    (prediction,) = answer.json()["predictions"]
    assert prediction.keys() == {"label", "score", "domain_confidence"}
    assert prediction["domain_confidence"] in {"low", "medium", "high"}


def test_csv_is_answered_like_json(gateway):
    csv = gateway.post("text\nI love this product\n", content_type="text/csv")
    as_json = gateway.post({"dataframe_records": [{"text": "I love this product"}]})
    assert csv.status_code == 200, csv.text
    assert csv.json() == as_json.json()
    # The condition reads JSON, which a CSV body has none of: it errs, and an error is no match.
    assert csv.headers["x-rulegate-route"] == "fast"


def test_the_named_path_is_the_default_one(gateway):
    by_name = gateway.post(PLAIN, "/endpoints/sentiment-router/invocations")
    assert by_name.json() == gateway.post(PLAIN).json()


def test_each_request_has_one_log_line_with_all_that_is_known(gateway):
    answer = gateway.post(DOMAIN, x_request_id="one-of-mine")
    assert answer.headers["x-request-id"] == "one-of-mine"
    line = gateway.logged(answer)
    assert line["status"] == 200
    assert (line["endpoint"], line["route"], line["target"]) == ("sentiment-router", "accurate", "accurate")
    assert line["model"] == "models:/sentiment-model-accurate/1"
    assert line["decide_ms"] >= 0
    assert line["load_ms"] >= 0
    assert line["predict_ms"] > 0
    assert line["time"].endswith("Z")


def test_an_insane_request_id_is_replaced(gateway):
    for insane in ("a b", "x" * 200, '"><script>'):
        answer = gateway.post(PLAIN, x_request_id=insane)
        assert answer.headers["x-request-id"] != insane
        assert len(answer.headers["x-request-id"]) == 32


def test_the_pages_of_the_stock_server_are_there(gateway):
    import importlib.metadata

    for path in ("/ping", "/health"):
        assert (gateway.get(path).status_code, gateway.get(path).text) == (200, "\n")
    assert gateway.get("/version").text == importlib.metadata.version("mlflow")
    assert gateway.get("/version").headers["x-rulegate-version"]
    assert gateway.get("/ready").status_code == 200


def test_a_variable_of_the_gateways_environment_is_no_header(start, demo_registry):
    config = ARTICLE.read_text().replace(
        "request.json()['dataframe_split']['data'][0][0].startswith('Domain specific text')",
        "request.headers['X-Tenant'] == 'forged'",
    )
    gateway = start(config, MLFLOW_REGISTRY_URI=demo_registry.registry_uri, HTTP_X_TENANT="forged")
    assert gateway.post(PLAIN).headers["x-rulegate-route"] == "fast"
    assert gateway.post(PLAIN, x_tenant="forged").headers["x-rulegate-route"] == "accurate"


def test_two_routes_without_a_condition_serve_and_warn(start, demo_registry):
    both = (ARTICLE.parent / "two_models.yaml").read_text()
    gateway = start(both, MLFLOW_REGISTRY_URI=demo_registry.registry_uri)
    assert gateway.post(DOMAIN).headers["x-rulegate-route"] == "fast"
    assert "can never be chosen" in gateway.err.read_text()


def test_answers_are_those_of_the_model(gateway):
    """Many texts in one request: one prediction each, in order, and none but the probabilities that the model has."""
    texts = ["I love it", "I hate it", "It is fine", "awful, broken, useless"]
    body = {"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}}
    together = gateway.post(body).json()["predictions"]
    apart = [
        gateway.post({"dataframe_split": {"columns": ["text"], "data": [[text]]}}).json()["predictions"][0]
        for text in texts
    ]
    assert together == apart
    assert len({json.dumps(prediction) for prediction in together}) == len(texts)
