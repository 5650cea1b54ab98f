"""What ships: the grammar as one file, the demo's sentences, the mark of a typed package."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.wheel

GRAMMAR = Path(__file__).parents[2] / "grammar" / "condition.lark"


def contents_of_wheel(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        return {name: archive.read(name) for name in names}


def contents_of_sdist(sdist: Path) -> dict[str, bytes]:
    """Its files, without the one folder that holds them all."""
    with tarfile.open(sdist) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        names = [member.name for member in members]
        assert len(names) == len(set(names))
        return {member.name.partition("/")[2]: archive.extractfile(member).read() for member in members}


def test_the_wheel_has_the_grammar_once_as_one_file(distributions):
    contents = contents_of_wheel(distributions.wheel)
    assert [name for name in contents if name.endswith(".lark")] == ["rulegate/grammar/condition.lark"]
    assert contents["rulegate/grammar/condition.lark"] == GRAMMAR.read_bytes()


def test_the_sdist_has_the_grammar_once_where_the_repository_has_it(distributions):
    contents = contents_of_sdist(distributions.sdist)
    assert [name for name in contents if name.endswith(".lark")] == ["grammar/condition.lark"]
    assert contents["grammar/condition.lark"] == GRAMMAR.read_bytes()


def test_the_sdist_builds_the_same_wheel_as_the_checkout(distributions, wheel_from_sdist):
    assert wheel_from_sdist.name == distributions.wheel.name
    assert contents_of_wheel(wheel_from_sdist) == contents_of_wheel(distributions.wheel)


def test_the_wheel_has_the_package_and_nothing_beside_it(distributions):
    contents = contents_of_wheel(distributions.wheel)
    assert {name.partition("/")[0].partition("-")[0] for name in contents} == {"rulegate"}
    assert {"rulegate/py.typed", "rulegate/demo/sentences.csv"} <= set(contents)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents)
    assert not [name for name in contents if "__pycache__" in name]


def test_the_sdist_has_what_its_own_tests_need(distributions):
    contents = contents_of_sdist(distributions.sdist)
    assert {"Makefile", "constraints.txt", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= set(contents)
    assert {"tests/conftest.py", "examples/domain_condition.yaml", "docs/configuration.md"} <= set(contents)
