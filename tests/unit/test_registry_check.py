"""A configuration is held against what the registry says, each fault at its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rulegate.config import load_config
from rulegate.config.uses import uses
from rulegate.diagnostics import render_all
from rulegate.registry_check import CODES, check_registry
from rulegate.serving.errors import ModelNotResolved, RegistryUnreachable
from rulegate.serving.models import ModelDescription, ModelVersion

CONFIG = """
model_endpoints:
  - name: payments
    routes:
      - alias: large
        model_uri: models:/large/production
        model_request_condition: "any(r['amonut'] > 9 for r in request.json['dataframe_records'])"
      - alias: small
        model_uri: models:/small@champion
"""


def described(reference: str, **facts: object) -> ModelDescription:
    return ModelDescription(ModelVersion(reference, reference, reference), **facts)


def check(**descriptions: object) -> str:
    found = {"models:/large/production": None, "models:/small@champion": described("models:/small/1"), **descriptions}
    return render_all(check_registry(uses(load_config(CONFIG)), {uri: one for uri, one in found.items() if one}))


def test_what_the_registry_has_nothing_against_is_clean():
    assert check(**{"models:/large/production": described("models:/large/3", columns=("amonut",))}) == ""


def test_models_that_nobody_described_are_passed_over():
    assert check() == ""


def test_a_model_that_is_not_there_is_an_error_at_its_name():
    error = ModelNotResolved("Registered Model with name=large not found.")
    assert check(**{"models:/large/production": error}) == (
        "<text>:6:20: RG351 `models:/large/production` cannot be resolved: "
        "Registered Model with name=large not found\n"
        "  |         model_uri: models:/large/production\n"
        "  |                    ^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  = hint: name a model, version, stage or alias that the registry has"
    )


def test_a_registry_that_does_not_answer_is_another_error():
    error = RegistryUnreachable("the registry did not answer within 30 s")
    assert "RG350 the registry cannot be asked: the registry did not" in check(**{"models:/large/production": error})


@pytest.mark.parametrize(
    ("aliases", "hint"),
    [
        ((), "give `models:/large/3` an alias, such as `production`, and name `models:/large@production`"),
        (("best", "champion"), "`models:/large@best` leads to the same version now"),
    ],
)
def test_a_stage_is_a_warning_that_suggests_an_alias(aliases: tuple[str, ...], hint: str):
    shown = check(**{"models:/large/production": described("models:/large/3", stage="Production", aliases=aliases)})
    assert "warning: RG352 `models:/large/production` names a stage, and MLflow has deprecated stages" in shown
    assert shown.endswith(f"  = hint: {hint}")


def test_a_column_that_the_model_does_not_take_is_a_warning_in_the_condition():
    shown = check(**{"models:/large/production": described("models:/large/3", columns=("amount", "currency"))})
    assert shown == (
        "<text>:7:41: warning: RG353 `models:/large/production` takes no column `amonut`\n"
        "  |         model_request_condition: \"any(r['amonut'] > 9 for r in request.json['dataframe_records'])\"\n"
        "  |                                         ^^^^^^^^\n"
        "  = hint: did you mean `amount`?"
    )


@pytest.mark.parametrize(("columns", "found"), [(("a",), True), (("a", "b", "c"), False), (None, False), ((), False)])
def test_a_position_that_the_model_does_not_have_is_a_warning(columns: tuple[str, ...] | None, found: bool):
    config = CONFIG.replace(
        "any(r['amonut'] > 9 for r in request.json['dataframe_records'])",
        "request.json['dataframe_split']['data'][0][2] == 1",
    )
    large = described("models:/large/3", columns=columns)
    shown = render_all(check_registry(uses(load_config(config)), {"models:/large/production": large}))
    assert ("`models:/large/production` has no column at position 2" in shown) == found
    assert bool(shown) == found


def test_a_column_without_a_name_may_be_meant_by_any():
    assert check(**{"models:/large/production": described("models:/large/3", columns=(None,))}) == ""


KNOWN = {
    "models:/payments/1": described("models:/payments/1", columns=("amount",)),
    "models:/payments@champion": described("models:/payments/3", aliases=("champion",)),
    "models:/payments/production": described("models:/payments/3", stage="Production", aliases=("champion",)),
    "models:/paymens/1": ModelNotResolved("Registered Model with name=paymens not found"),
}
EXAMPLE = re.compile(r"^## (\w+)\n\n```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_a_code_shows_its_fault_and_how_it_is_mended(code: str):
    page = (Path(__file__).parents[2] / "docs" / "codes" / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {code}: {CODES[code]}\n")
    examples = {title: load_config(text) for title, text in EXAMPLE.findall(page)}
    assert set(examples) == {"Bad", "Good"}
    no_answer = dict.fromkeys(KNOWN, RegistryUnreachable("nobody listens there"))
    known = no_answer if (examples["Bad"].registry_uri or "").startswith("http") else KNOWN
    assert {found.code for found in check_registry(uses(examples["Bad"]), known)} == {code}
    assert not check_registry(uses(examples["Good"]), KNOWN)


def test_neither_secrets_nor_values_of_variables_are_shown():
    config = """
model_endpoints:
  - name: a
    routes:
      - {alias: a, model_uri: "s3://key:hunter2@bucket/model", model_request_condition: request.path == '/a'}
      - {alias: b, model_uri: "models:/${MODEL}/1"}
"""
    uris = ("s3://key:hunter2@bucket/model", "models:/hunter2/1")
    found = {uri: ModelNotResolved(f"{uri} was not found") for uri in uris}
    shown = render_all(check_registry(uses(load_config(config, variables={"MODEL": "hunter2"})), found))
    assert "hunter2" not in shown
    assert "RG351 `s3://key:*******@bucket/model` cannot be resolved\n" in shown
    assert "RG351 `models:/${MODEL}/1` cannot be resolved\n" in shown


def test_a_text_of_no_file_goes_by_the_name_that_it_is_given():
    assert {use.source.name for use in uses(load_config(CONFIG), name="<stdin>")} == {"<stdin>"}
