"""The demo's models, loaded from the registry by MLflow alone, answer as the article says and as well as they claim."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rulegate.demo import DemoFiles
from rulegate.demo.sentences import read_sentences, split

FAST, ACCURATE = "sentiment-model-fast", "sentiment-model-accurate"
HELD_OUT = split(read_sentences()).held_out
DOMAIN_TEXT = "Domain specific text: the indemnification clause protects both parties and the settlement was excellent"
EVERYDAY_TEXT = "I love this phone"
BODIES: dict[str, Any] = {
    "dataframe_split": {"columns": ["text"], "data": [[EVERYDAY_TEXT]]},
    "dataframe_records": [{"text": EVERYDAY_TEXT}],
    "inputs": {"text": [EVERYDAY_TEXT]},
    "instances": [{"text": EVERYDAY_TEXT}],
}
BAD_RECORDS: list[Any] = [{"text": EVERYDAY_TEXT}, {"text": None}]


@pytest.fixture(scope="module")
def said(demo_registry: DemoFiles) -> dict[str, Any]:
    question = {
        "registry_uri": demo_registry.registry_uri,
        "texts": [sentence.text for sentence in HELD_OUT] + [DOMAIN_TEXT, EVERYDAY_TEXT],
        "bodies": [{key: value} for key, value in BODIES.items()] + [{"dataframe_records": BAD_RECORDS}],
    }
    process = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("ask_models.py"))],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        # A model that is stored as a pickle would be refused.
        env=os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
    )
    assert process.returncode == 0, process.stderr
    answers: dict[str, Any] = json.loads(process.stdout)
    return answers


def accuracy(said: dict[str, Any], name: str, *, domain: bool) -> float:
    answers = zip(HELD_OUT, said[name]["texts"], strict=False)
    right = [answer["label"] == sentence.label for sentence, answer in answers if sentence.is_domain is domain]
    return sum(right) / len(right)


def test_the_fast_model_is_right_on_more_than_three_quarters_of_held_out_everyday_sentences(said):
    assert accuracy(said, FAST, domain=False) > 0.75


def test_the_accurate_model_is_the_better_one_on_domain_sentences_and_no_worse_a_model_on_the_others(said):
    assert accuracy(said, ACCURATE, domain=True) > 0.75
    assert accuracy(said, ACCURATE, domain=True) > accuracy(said, FAST, domain=True)
    assert accuracy(said, ACCURATE, domain=False) > 0.75


def test_the_logged_metrics_are_what_the_loaded_models_really_score(said):
    everyday = pytest.approx(accuracy(said, FAST, domain=False))
    assert said[FAST]["metrics"]["held_out_accuracy"] == everyday
    domain = pytest.approx(accuracy(said, ACCURATE, domain=True))
    assert said[ACCURATE]["metrics"]["held_out_domain_accuracy"] == domain


@pytest.mark.parametrize(
    ("name", "keys"), [(FAST, ["label", "score"]), (ACCURATE, ["label", "score", "domain_confidence"])]
)
def test_an_answer_has_the_keys_of_the_article_and_of_the_signature(said, name, keys):
    assert all(list(answer) == keys for answer in said[name]["texts"])
    assert said[name]["outputs"] == keys


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_a_score_is_the_probability_of_the_label_so_at_least_one_half_and_not_always_the_same(said, name):
    scores = [answer["score"] for answer in said[name]["texts"]]
    assert all(0.5 <= score <= 1 for score in scores)
    assert len(set(scores)) > len(scores) / 2


def test_domain_confidence_is_high_for_domain_text_and_low_for_everyday_text(said):
    *_, domain, everyday = said[ACCURATE]["texts"]
    assert domain["domain_confidence"] == "high"
    assert domain["label"] == "positive"
    assert everyday["domain_confidence"] == "low"


def test_domain_confidence_tells_domain_sentences_from_the_others_on_held_out_text(said):
    answers = list(zip(HELD_OUT, said[ACCURATE]["texts"], strict=False))
    right = [(answer["domain_confidence"] == "high") is sentence.is_domain for sentence, answer in answers]
    assert sum(right) / len(right) > 0.75


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_every_shape_of_body_that_mlflow_parses_gets_the_same_answer(said, name):
    *bodies, _bad = said[name]["bodies"]
    assert all(body == {"predictions": [said[name]["texts"][-1]]} for body in bodies)


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_a_row_that_is_not_a_string_is_refused_with_its_number(said, name):
    assert "row 1 of column `text` is not a string" in said[name]["bodies"][-1]["error"]


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_each_model_has_one_version_in_production_that_is_the_champion_too(said, name):
    assert (said[name]["versions"], said[name]["champion"], said[name]["stage"]) == ([1], 1, "Production")


@pytest.mark.parametrize("name", [FAST, ACCURATE])
def test_each_model_is_logged_with_signature_and_input_example(said, name):
    assert said[name]["inputs"] == [{"type": "string", "name": "text", "required": True}]
    assert len(said[name]["example"]) == 1
