"""The README's blocks are true: what it shows loads, answers, and is what users will see."""

from __future__ import annotations

import doctest
import json
import re
import shlex
from pathlib import Path

import pytest
import requests
from click.testing import CliRunner

from rulegate import compile_condition
from rulegate.cli import main
from rulegate.condition.vocabulary import REQUEST_ATTRIBUTES
from rulegate.config import load_config
from rulegate.demo import curl_commands

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_configuration_is_the_articles_and_has_no_faults():
    assert (
        block("yaml") == (ROOT / "examples" / "domain_condition.yaml").read_text(encoding="utf-8").rstrip("\n") + "\n"
    )
    assert not load_config(block("yaml")).warnings


def test_the_error_is_what_check_config_prints_for_the_slip(tmp_path, monkeypatch):
    (tmp_path / "gateway_config.yaml").write_text(block("yaml").replace("startswith", "startwith"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["check-config", "gateway_config.yaml"])
    assert (result.output, result.exit_code) == (block("text"), 2)


def test_the_request_is_the_second_one_of_the_demo():
    assert block("sh").strip() == curl_commands("127.0.0.1", 5000)[1]


def test_the_answer_is_what_the_gateway_answers(start, demo_registry):
    """Header for header, but for those that differ from one request to the next."""
    gateway = start(block("yaml"), MLFLOW_REGISTRY_URI=demo_registry.registry_uri)
    words = shlex.split(block("sh"))
    name, _, value = words[words.index("-H") + 1].partition(": ")
    url = words[-1].replace("http://127.0.0.1:5000", gateway.url)
    answer = requests.post(url, data=words[words.index("-d") + 1], headers={name: value}, timeout=60)
    head, _, body = block("http").partition("\n\n")
    status, *fields = head.splitlines()
    shown = dict(field.split(": ", 1) for field in fields)
    assert status == f"HTTP/1.1 {answer.status_code} {answer.reason}"
    changing = {"x-request-id", "content-length"}
    assert changing < shown.keys()
    assert {name: answer.headers[name] for name in shown.keys() - changing} == {
        name: value for name, value in shown.items() if name not in changing
    }
    (shown_prediction,), (prediction,) = json.loads(body)["predictions"], answer.json()["predictions"]
    assert list(prediction) == list(shown_prediction)
    # Another version of the training library may move the last digits.
    assert prediction.pop("score") == pytest.approx(shown_prediction.pop("score"), abs=0.05)
    assert prediction == shown_prediction


def test_the_library_does_what_the_session_shows():
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    result = runner.run(parser.get_doctest(block("pycon"), {}, "README.md", "README.md", 0))
    assert (result.failed, result.attempted) == (0, 3)


def test_what_it_says_of_the_language_is_so():
    """Each attribute of the request is named, and each example is a condition."""
    section = README.partition("## What a condition can say")[2].partition("\n## ")[0]
    assert not [name for name in REQUEST_ATTRIBUTES if not re.search(rf"\b{name}\b", section)]
    examples = re.search(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)[1].splitlines()
    assert len(examples) >= 5
    for example in examples:
        assert not compile_condition(example).warnings


def test_the_commands_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)) == {"demo", "test"} <= set(targets)
    named = set(
        re.findall(r"\brulegate ([a-z]+(?:-[a-z]+)*) ", "\n".join(re.findall(r"^rulegate .*$", README, re.MULTILINE)))
    )
    assert named == {"check-config", "explain", "schema", "serve"} <= set(main.commands)
