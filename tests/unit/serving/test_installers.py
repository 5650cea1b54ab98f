"""Where the programs that make environments are found, and what is told when they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rulegate.serving.mlflow.installers import PROGRAMS, obstacle, search_path, variables
from rulegate.serving.models import Manager

CACHE = Path("/cache")


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(0o755)
    return path


@pytest.fixture
def conda(tmp_path: Path) -> Path:
    """The folder of an installation of conda."""
    program(tmp_path / "conda" / "condabin" / "conda")
    program(tmp_path / "conda" / "bin" / "conda")
    script = tmp_path / "conda" / "etc" / "profile.d" / "conda.sh"
    script.parent.mkdir(parents=True)
    script.touch()
    return tmp_path / "conda"


def why_not(environment: dict[str, str], folder: Path = CACHE) -> str | None:
    found = obstacle("conda", folder, environment)
    return None if found is None else found[0]


@pytest.mark.parametrize("manager", PROGRAMS)
def test_a_program_that_is_nowhere_is_told_with_what_to_do(manager: Manager):
    message, hint = obstacle(manager, CACHE, {"PATH": "/nowhere"}) or ("", "")
    # The gateway's own environment has uv where developers installed it.
    if message or manager != "uv":
        assert message.startswith(f"`environment: {manager}` needs the program `{PROGRAMS[manager]}`")
        assert "install" in hint


@pytest.mark.parametrize("manager", PROGRAMS)
def test_a_folder_that_cannot_stand_in_a_command_is_told(manager: Manager):
    message, hint = obstacle(manager, Path("/a folder"), {}) or ("", "")
    assert "its path has a blank" in message
    assert "RULEGATE_CACHE" in hint


def test_conda_is_found_as_mlflow_finds_it(conda: Path):
    """By MLFLOW_CONDA_HOME, else by CONDA_EXE, else on the PATH; an empty variable says nothing."""
    home = {"MLFLOW_CONDA_HOME": str(conda)}
    program_of_shell = {"CONDA_EXE": str(conda / "bin" / "conda")}
    path = {"PATH": str(conda / "condabin")}
    empty = {"MLFLOW_CONDA_HOME": "", "CONDA_EXE": ""}
    for environment in (home, program_of_shell, path, empty | path):
        assert why_not(environment) is None
    wrong = {"MLFLOW_CONDA_HOME": "/wrong"}
    assert why_not(wrong | program_of_shell | path) == (
        "`environment: conda` needs the program `/wrong/bin/conda`, which is not found"
    )
    assert "`/wrong/conda`" in (why_not({"CONDA_EXE": "/wrong/conda"} | path) or "")


@pytest.mark.parametrize("name", ["bin", "condabin"])
def test_mlflow_is_told_where_conda_really_is(conda: Path, tmp_path: Path, name: str):
    """It activates by the script beside it, which a link on the PATH has not."""
    link = tmp_path / "links" / "conda"
    link.parent.mkdir()
    link.symlink_to(conda / name / "conda")
    told = variables("conda", {"PATH": str(link.parent), "MLFLOW_CONDA_HOME": ""})
    assert told["CONDA_EXE"] == str(conda / name / "conda")
    assert "MLFLOW_CONDA_HOME" not in told


def test_conda_without_its_script_for_shells_needs_its_program_for_them(tmp_path: Path):
    environment = {"PATH": str(tmp_path), "CONDA_EXE": ""}
    program(tmp_path / "conda")
    assert "`activate`" in (why_not(environment) or "")
    program(tmp_path / "activate")
    assert why_not(environment) is None
    # MLflow would look for the script if it found the variable.
    assert "CONDA_EXE" not in variables("conda", environment)


def test_a_named_conda_without_its_script_for_shells_is_told(conda: Path):
    environment = {"CONDA_EXE": str(conda / "bin" / "conda")}
    script = conda / "etc" / "profile.d" / "conda.sh"
    script.unlink()
    assert why_not(environment) == f"`environment: conda` needs the file `{script}`, which is not there"


def test_a_conda_whose_path_cannot_stand_in_a_command_is_told(conda: Path):
    moved = conda.rename(conda.with_name("my conda"))
    assert "a blank or a sign of the shell's" in (why_not({"MLFLOW_CONDA_HOME": str(moved)}) or "")


def test_what_makes_environments_in_its_place_has_to_be_beside_it(conda: Path):
    environment = {"MLFLOW_CONDA_HOME": str(conda), "MLFLOW_CONDA_CREATE_ENV_CMD": "mamba"}
    assert f"`{conda}/bin/mamba`" in (why_not(environment) or "")
    program(conda / "bin" / "mamba")
    assert why_not(environment) is None


@pytest.mark.parametrize(("characters", "fits"), [(105, True), (106, False)])
def test_a_path_that_packages_have_no_room_for_is_told(conda: Path, characters: int, fits: bool):
    why = why_not({"MLFLOW_CONDA_HOME": str(conda)}, Path(f"/{'x' * (characters - 1)}"))
    assert fits == (why is None)
    assert fits or "more than 105 characters" in str(why)


def test_installers_are_told_what_they_need_and_users_may_say_otherwise():
    told = variables("uv", {"PATH": "/bin", "UV_COMPILE_BYTECODE": "0", "CONDA_EXE": "/conda/bin/conda"})
    assert told["PATH"] == search_path({"PATH": "/bin"})
    assert told["PATH"].startswith(f"/bin{os.pathsep}/")
    assert (told["UV_COMPILE_BYTECODE"], told["CONDA_ALWAYS_YES"]) == ("0", "true")
    assert told["CONDA_EXE"] == "/conda/bin/conda"
