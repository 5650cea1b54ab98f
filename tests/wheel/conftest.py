"""Wheel and sdist, built once, and an environment of their own to use them in: nothing of it sees the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"


@dataclass(frozen=True)
class Distributions:
    wheel: Path
    sdist: Path


@dataclass(frozen=True)
class Installed:
    """A virtual environment with the wheel in it, used from a folder that is not the checkout.

    `environment` is all that its processes see: no variable of the tests' own environment that could lead to the
    checkout is among it.
    """

    folder: Path
    environment: dict[str, str]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def rulegate(self) -> Path:
        return self.folder / "bin" / "rulegate"

    def run(self, *command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return run(*command, cwd=cwd, env=self.environment | variables)


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """What a command wrote to standard output, after making sure that it succeeded."""
    assert done.returncode == 0, f"{done.args}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session", name="run")
def _run():
    return run


@pytest.fixture(scope="session", name="succeeded")
def _succeeded():
    return succeeded


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Both, each built from the checkout."""
    folder = tmp_path_factory.mktemp("distributions")
    command = [sys.executable, "-m", "build", "--wheel", "--sdist", "--outdir", folder]
    succeeded(run(*command, "--dependency-constraints-txt", CONSTRAINTS, ROOT, cwd=folder))
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return Distributions(wheel, sdist)


@pytest.fixture(scope="session")
def wheel_from_sdist(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds for those who install the sdist."""
    folder = tmp_path_factory.mktemp("from sdist")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--build-constraint", CONSTRAINTS]
    succeeded(run(*command, "--wheel-dir", folder, distributions.sdist, cwd=folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel with all that it requires, as `pip install` brings it into an empty environment."""
    folder = tmp_path_factory.mktemp("environment")
    succeeded(run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder))
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--constraint", CONSTRAINTS]
    succeeded(run(*command, distributions.wheel, cwd=folder))
    home = tmp_path_factory.mktemp("home")
    return Installed(folder, {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"})


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples, copied away from the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return Path(shutil.copytree(ROOT / "examples", folder / "examples"))
