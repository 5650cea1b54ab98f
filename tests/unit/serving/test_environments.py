"""Which models share an environment."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from rulegate.serving.mlflow.environments import Environments
from rulegate.serving.mlflow.warm_parent_client import WarmParent
from rulegate.serving.models import Manager

FILES = {"MLmodel": "id: 1", "model.pkl": "1", "conda.yaml": "1", "requirements.txt": "1", "wheels/own.whl": "1"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def name_of(model: Path, manager: Manager = "conda") -> str:
    with contextlib.closing(WarmParent({})) as warm_parent:
        kept = Environments(warm_parent, manager=manager, folder=model, limit_bytes=1, variables={})
        return kept._name(model)


@pytest.mark.parametrize("file", ["MLmodel", "model.pkl", "code/module.py"])
def test_those_that_ask_for_the_same_do_whatever_else_differs(model: Path, file: str):
    before = name_of(model)
    (model / file).parent.mkdir(exist_ok=True)
    (model / file).write_text("2")
    assert name_of(model) == before


@pytest.mark.parametrize("file", ["conda.yaml", "env.yaml", "env.yml", "requirements.txt", "wheels/own.whl", "uv.lock"])
def test_those_that_ask_for_other_things_do_not(model: Path, file: str):
    """Also where the model has its own name for the file."""
    before = name_of(model)
    (model / file).write_text("2")
    assert name_of(model) != before


def test_what_different_managers_make_is_not_shared(model: Path):
    assert len({name_of(model, "uv"), name_of(model, "virtualenv"), name_of(model, "conda")}) == 3
