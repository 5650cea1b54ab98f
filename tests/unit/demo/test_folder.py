"""The demo's folder is made once, whole, and is the reader's from then on."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rulegate.demo import DemoError, DemoFiles, prepare


def silent(line: str) -> None:
    raise AssertionError(f"nothing has to be made, and yet: {line}")


def state(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_second_run_finds_what_the_first_made_and_says_and_changes_nothing(demo_registry: DemoFiles):
    before = state(demo_registry.folder)
    assert prepare(demo_registry.folder, silent) == demo_registry
    assert state(demo_registry.folder) == before


def test_preparing_never_imports_mlflow_here(demo_registry: DemoFiles):
    code = (
        "import sys, pathlib, rulegate.demo\n"
        "rulegate.demo.prepare(pathlib.Path(sys.argv[1]), print)\n"
        "assert not {'mlflow', 'pandas', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(demo_registry.folder)], check=True)


def test_the_configuration_is_the_articles_with_the_registry_it_needs(demo_registry: DemoFiles):
    config = yaml.safe_load(demo_registry.config.read_text())
    assert config["registry_uri"] == demo_registry.registry_uri == f"sqlite:///{demo_registry.folder}/mlflow.db"
    (endpoint,) = config["model_endpoints"]
    assert endpoint["name"] == "sentiment-router"
    fast, accurate = endpoint["routes"]
    assert fast == {"model_uri": "models:/sentiment-model-fast/production", "alias": "fast"}
    assert accurate == {
        "model_uri": "models:/sentiment-model-accurate/production",
        "alias": "accurate",
        "model_request_condition": (
            "request.json()['dataframe_split']['data'][0][0].startswith('Domain specific text')"
        ),
    }


@pytest.fixture
def misleading_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with an `mlflow.py` of its own, and variables that name another registry."""
    (tmp_path / "mlflow.py").write_text("raise ImportError('a stray file was taken for MLflow')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)


@pytest.mark.usefixtures("misleading_surroundings")
def test_an_interrupted_run_leaves_nothing_that_the_next_one_trusts(tmp_path: Path):
    folder = tmp_path / "not made yet" / "demo"

    def interrupt(line: str) -> None:
        if line == "training sentiment-model-accurate …":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, interrupt)
    assert not (folder / "mlflow.db").exists()
    assert len(list((folder / "artifacts").rglob("MLmodel"))) == 1, "the run was half-way"
    config = folder / "gateway_config.yaml"
    config.write_text("# mine\n")

    lines: list[str] = []
    made = prepare(folder, lines.append)
    assert "training sentiment-model-fast …" in lines
    assert "registering sentiment-model-accurate …" in lines
    assert all(line == line.strip() and line for line in lines)
    assert config.read_text() == "# mine\n", "what the reader wrote stays"
    assert sorted(path.name for path in folder.iterdir()) == [
        "artifacts",
        "demo.json",
        "gateway_config.yaml",
        "mlflow.db",
    ]
    assert len(list((folder / "artifacts").rglob("MLmodel"))) == 2, "nothing of the interrupted run is left"
    assert prepare(folder, silent) == made


def test_a_configuration_that_was_removed_is_written_again(demo_registry: DemoFiles):
    text = demo_registry.config.read_text()
    demo_registry.config.unlink()
    prepare(demo_registry.folder, silent)
    assert demo_registry.config.read_text() == text


def test_two_runs_on_one_folder_wait_for_each_other(demo_registry: DemoFiles):
    other = os.open(demo_registry.folder, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    lines: list[str] = []

    def release(line: str) -> None:
        lines.append(line)
        fcntl.flock(other, fcntl.LOCK_UN)

    assert prepare(demo_registry.folder, release) == demo_registry
    assert lines == ["waiting for another run that is making the demo here …"]
    os.close(other)


def test_a_training_that_fails_says_its_last_words_and_where_the_rest_is(tmp_path: Path, monkeypatch):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "mlflow.py").write_text("raise ImportError('this MLflow is broken')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    with pytest.raises(DemoError) as raised:
        prepare(tmp_path / "demo", lambda _line: None)
    assert str(raised.value) == "training the demo's models failed: ImportError: this MLflow is broken"
    assert str(tmp_path / "demo" / "demo.log") in raised.value.hint
    assert not (tmp_path / "demo" / "mlflow.db").exists()


def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DemoError, match=r"cannot be made in `.*/file/demo`: not a directory"):
        prepare(tmp_path / "file" / "demo", silent)


@pytest.mark.parametrize("name", ["why?", "a%20b"])
def test_a_path_that_no_registry_address_can_hold_is_refused_before_anything_is_made(tmp_path: Path, name: str):
    with pytest.raises(DemoError, match=r"has no place for `\?` and `%`"):
        prepare(tmp_path / name, silent)
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_the_demo_did_not_make_is_left_alone(tmp_path: Path):
    (tmp_path / "mlflow.db").write_text("someone's own")
    with pytest.raises(DemoError, match="was not made by the demo"):
        prepare(tmp_path, silent)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"mlflow.db": "someone's own"}


def test_artifacts_that_the_demo_did_not_make_are_left_alone(tmp_path: Path):
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "mine").touch()
    for _ in range(2):
        with pytest.raises(DemoError, match="was not made by the demo"):
            prepare(tmp_path, silent)
    assert [path.name for path in tmp_path.rglob("*")] == ["artifacts", "mine"]


@pytest.fixture
def moved(demo_registry: DemoFiles, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo_registry.folder, tmp_path / "moved"))


def test_a_demo_that_was_moved_is_refused_for_its_registry_holds_the_old_paths(moved: Path, demo_registry: DemoFiles):
    with pytest.raises(DemoError, match="works only there") as raised:
        prepare(moved, silent)
    assert str(demo_registry.folder) in str(raised.value)
    for name in ("gateway_config.yaml", "artifacts", "mlflow.db"):
        assert str(moved / name) in raised.value.hint


def test_a_demo_whose_models_are_gone_is_refused(moved: Path):
    record = moved / "demo.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"folder": str(moved)}))
    prepare(moved, silent)
    shutil.rmtree(moved / "artifacts")
    with pytest.raises(DemoError, match="incomplete"):
        prepare(moved, silent)
