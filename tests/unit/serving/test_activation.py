"""What is kept of an activation, and what a process gets of it that enters without a shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulegate.serving.mlflow.activation import Activation

BEFORE = {"PATH": "/usr/bin:/bin", "HOME": "/home/gateway", "OMP_NUM_THREADS": "1"}


def changed_to(**after: str) -> Activation:
    return Activation.between(BEFORE, BEFORE | after, python="/made/bin/python")


@pytest.mark.parametrize(
    ("after", "values", "fronts"),
    [
        pytest.param({}, {}, {}, id="nothing of what was there before"),
        pytest.param({"CONDA_PREFIX": "/made"}, {"CONDA_PREFIX": "/made"}, {}, id="what is new"),
        pytest.param({"HOME": "/made"}, {"HOME": "/made"}, {}, id="what is other"),
        pytest.param({"PATH": "/made/bin:/usr/bin:/bin"}, {}, {"PATH": "/made/bin"}, id="what was put in front"),
        pytest.param({"PATH": "/made/bin"}, {"PATH": "/made/bin"}, {}, id="a list that was replaced"),
        pytest.param({"OMP_NUM_THREADS": "11"}, {"OMP_NUM_THREADS": "11"}, {}, id="no list, though it ends the same"),
        pytest.param({"PS1": "(made)", "SHLVL": "2", "_": "/usr/bin/env"}, {}, {}, id="not what makes it a shell"),
        pytest.param({"PIP_INDEX_URL": "x", "CONDA_PKGS_DIRS": "x"}, {}, {}, id="not what installers are told"),
        pytest.param({"__CONDA_SHLVL_0_HOME": "/home/gateway"}, {}, {}, id="not what it would give back"),
    ],
)
def test_what_activation_changes_is_kept(after: dict[str, str], values: dict[str, str], fronts: dict[str, str]):
    assert changed_to(**after) == Activation("/made/bin/python", values, fronts)


@pytest.mark.parametrize(
    ("variables", "entered"),
    [
        ({"PATH": "/other", "LANG": "C"}, {"PATH": "/made/bin:/other", "LANG": "C", "CONDA_PREFIX": "/made"}),
        ({"CONDA_PREFIX": "/gateway"}, {"PATH": "/made/bin", "CONDA_PREFIX": "/made"}),
        ({"PATH": ""}, {"PATH": "/made/bin", "CONDA_PREFIX": "/made"}),
    ],
)
def test_it_is_laid_over_the_variables_of_who_enters(variables: dict[str, str], entered: dict[str, str]):
    """Those that it has then, not those with which the environment was made; a list gets no blank part."""
    activation = changed_to(PATH=f"/made/bin:{BEFORE['PATH']}", CONDA_PREFIX="/made")
    assert activation.over(variables) == entered


def test_it_is_kept_as_it_is_whatever_bytes_variables_have(tmp_path: Path):
    activation = changed_to(PATH=f"/made/bin:{BEFORE['PATH']}", NAME="\udcff ü\n")
    activation.write(tmp_path)
    assert Activation.read(tmp_path) == activation
