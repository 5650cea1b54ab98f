"""What the making of an environment leaves, and what it tells when it fails, with a conda that installs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rulegate.serving.mlflow.activation import Activation
from rulegate.serving.mlflow.installers import variables

# It takes what to do from the file that it is to install from, which is to be found beside what the file refers to.
CONDA = """#!/bin/sh
case "$*" in
    "env create -n "*)
        prefix="$CONDA_ENVS_PATH/$4"
        mkdir -p "$prefix/bin"
        touch "$CONDA_PKGS_DIRS/package" "$(dirname "$6")/written by conda"
        grep -q python "$6" && ln -s "$PYTHON_OF_THE_TEST" "$prefix/bin/python"
        grep -q impossible "$6" && { echo no such package >&2; exit 1; }
        cat "$(dirname "$6")/requirements.txt" ;;
    "env list --json") echo '{"envs": []}' ;;
esac
exit 0
"""
SCRIPT = """
conda() {
    export PATH="$CONDA_ENVS_PATH/$2/bin:$PATH" CONDA_PREFIX="$CONDA_ENVS_PATH/$2" TOKEN="$CONDA_TOKEN"
    echo "scripts may print"
}
"""
# The process forgets its environment and hides, so it is one of its own; it makes several here, as that is quicker.
PROGRAM = """
import json, os, socket, sys, threading
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.mlflow import environment_process

for facts in json.loads(sys.argv[1]):
    ours, theirs = socket.socketpair()
    threading.Thread(target=environment_process.run, args=(theirs,), daemon=True).start()
    write_frame(ours, Frame(1, Kind.PREPARE, json.dumps(facts)))
    print(read_frame(open_stream(ours)).meta)
"""
MLMODEL = """
flavors:
  python_function:
    loader_module: mlflow.pyfunc.model
    {env}
"""
Make = Callable[[Mapping[Path, Path]], list[dict[str, str]]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes the environments of models at their places; what is answered of each."""
    conda = tmp_path / "conda"
    for name, text in {"bin/conda": CONDA, "etc/profile.d/conda.sh": SCRIPT}.items():
        (conda / name).parent.mkdir(parents=True)
        (conda / name).write_text(text)
        (conda / name).chmod(0o755)
    known = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_CONDA_HOME": str(conda),
        "CONDA_TOKEN": "secret",
        "PYTHON_OF_THE_TEST": sys.executable,
    }

    def make(places: Mapping[Path, Path]) -> list[dict[str, str]]:
        told = {"manager": "conda", "limit_bytes": 2**30, "variables": variables("conda", known)}
        facts = [{"model": str(model), "place": str(place), **told} for model, place in places.items()]
        command = [sys.executable, "-c", PROGRAM, json.dumps(facts)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines()]

    return make


def write_model(folder: Path, env: str, conda_yaml: str) -> Path:
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL.format(env=env))
    (folder / "conda.yaml").write_text(conda_yaml)
    (folder / "requirements.txt").touch()
    return folder


def test_an_environment_is_left_with_what_it_takes_to_enter_it_and_nothing_else(make: Make, tmp_path: Path):
    """No cache of packages; nothing in the model's folder, beside whose files conda writes; nothing installers know."""
    model = write_model(tmp_path / "model", "env: {conda: conda.yaml}", "dependencies: [python]")
    place = tmp_path / "cache" / "name"
    assert make({model: place}) == [{}]
    made = place.resolve()
    assert {path.name for path in made.iterdir()} == {"conda_envs", "activation.json"}
    assert {path.name for path in model.iterdir()} == {"MLmodel", "conda.yaml", "requirements.txt"}
    (prefix,) = (made / "conda_envs").iterdir()
    entered = {"CONDA_PREFIX": str(prefix), "TOKEN": ""}
    assert Activation.read(made) == Activation(f"{prefix}/bin/python", entered, {"PATH": f"{prefix}/bin"})


def test_what_cannot_be_made_is_told_and_leaves_nothing(make: Make, tmp_path: Path):
    cases = [
        ("", "dependencies: [python]", "it has no `conda.yaml`"),
        ("env: {virtualenv: python_env.yaml}", "dependencies: [python]", "it has no `conda.yaml`"),
        ("env: other.yaml", "dependencies: [python]", "it has no `conda.yaml`"),
        ("env: conda.yaml", "dependencies: [python, impossible]", "a package that it needs cannot be installed"),
        ("env: {conda: conda.yaml}", "dependencies: [numbers]", "no Python was installed in it"),
    ]
    models = [write_model(tmp_path / f"model-{n}", env, text) for n, (env, text, _) in enumerate(cases)]
    answers = make({model: tmp_path / "cache" / model.name for model in models})
    for (_, conda_yaml, message), answer in zip(cases, answers, strict=True):
        assert answer["message"].startswith(message)
        assert ("no such package" in answer["detail"]) == ("impossible" in conda_yaml)
        assert (f"leads to {sys.prefix}" in answer["detail"]) == ("numbers" in conda_yaml)
    assert list((tmp_path / "cache").iterdir()) == []
