"""What a version is expected to hold before it is loaded, by what has been measured so far."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.serving.budget import Budget
from rulegate.serving.models import ModelVersion, Terms
from rulegate.serving.resident import Resident, State

MB = 1_000_000


def version(name: str) -> ModelVersion:
    return ModelVersion(f"models:/{name}/1", name, name)


def noted(budget: Budget, name: str, size_bytes: int, *, processes: int = 1) -> None:
    resident = Resident(version(name), Terms(), 0.0, state=State.READY)
    budget.note(resident, size_bytes, processes, 1.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder, 3 MB in two files."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "MLmodel").write_bytes(b"x" * MB)
    (folder / "data").mkdir()
    (folder / "data" / "weights").write_bytes(b"x" * 2 * MB)
    return folder


def test_of_the_first_version_as_much_as_its_files_is_expected(files):
    assert Budget({}, None).expected_bytes(version("new"), files) == 3 * MB


def test_of_a_version_that_was_measured_what_one_of_its_processes_held_last(files):
    budget = Budget({}, None)
    noted(budget, "known", 50 * MB)
    noted(budget, "known", 80 * MB, processes=2)
    noted(budget, "other", MB)
    assert budget.expected_bytes(version("known"), files) == 40 * MB


@given(st.lists(st.integers(1, 100 * MB), min_size=1, max_size=5))
def test_of_any_other_no_less_than_its_files_or_than_the_smallest_process_so_far(files, sizes):
    budget = Budget({}, None)
    for number, size_bytes in enumerate(sizes):
        noted(budget, str(number), size_bytes)
    assert budget.expected_bytes(version("new"), files) == max(3 * MB, min(sizes))


def test_a_process_that_has_ended_before_it_was_measured_teaches_nothing(files):
    budget = Budget({}, None)
    noted(budget, "gone", 0)
    assert budget.expected_bytes(version("new"), files) == 3 * MB
