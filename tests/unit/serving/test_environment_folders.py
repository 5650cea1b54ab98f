"""What is kept of environments that were made, and what is removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rulegate.serving.mlflow.environment_folders import hold, making, prune

NAMES = [digit * 40 for digit in "abcd"]


@pytest.fixture
def made(tmp_path: Path):
    """Makes an environment of 64 KiB with a link to it, or a try that came to nothing; later ones are newer."""
    count = 0

    def made(name: str, *, linked: bool = True) -> Path:
        nonlocal count
        count += 1
        folder = tmp_path / f"{name}-{count}"
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * 65_536)
        os.utime(folder, (count, count))
        if linked:
            (tmp_path / name).symlink_to(folder, target_is_directory=True)
        return folder

    return made


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_within_the_limit_stays(made, tmp_path: Path):
    for name in NAMES:
        made(name)
    before = left(tmp_path)
    prune(tmp_path / NAMES[-1], 10 * 65_536)
    assert left(tmp_path) == before


def test_beyond_the_limit_the_least_recently_entered_go_with_their_links(made, tmp_path: Path):
    for name in NAMES:
        made(name)
    prune(tmp_path / NAMES[-1], 2 * 65_536 + 4096)
    assert left(tmp_path) == {NAMES[2], f"{NAMES[2]}-3", NAMES[3], f"{NAMES[3]}-4"}


def test_what_was_just_made_stays_however_large_it_is(made, tmp_path: Path):
    made(NAMES[0])
    prune(tmp_path / NAMES[0], 1)
    assert left(tmp_path) == {NAMES[0], f"{NAMES[0]}-1"}


def test_a_try_that_came_to_nothing_goes_and_nothing_else(made, tmp_path: Path):
    made(NAMES[0], linked=False)
    made(NAMES[1])
    (tmp_path / f"package-{NAMES[2]}").mkdir()
    prune(tmp_path / NAMES[1], 10 * 65_536)
    assert left(tmp_path) == {NAMES[1], f"{NAMES[1]}-2", f"package-{NAMES[2]}"}


def test_what_somebody_uses_stays_as_long_as_they_do(made, tmp_path: Path):
    used = made(NAMES[0])
    made(NAMES[1])
    held = hold(used)
    prune(tmp_path / NAMES[1], 1)
    assert left(tmp_path) == {NAMES[0], f"{NAMES[0]}-1", NAMES[1], f"{NAMES[1]}-2"}
    os.close(held)
    prune(tmp_path / NAMES[1], 1)
    assert left(tmp_path) == {NAMES[1], f"{NAMES[1]}-2"}


def test_what_is_being_made_stays_and_appears_when_it_is_whole(made, tmp_path: Path):
    made(NAMES[1])
    with making(tmp_path / NAMES[0]) as folder:
        prune(tmp_path / NAMES[1], 1)
        assert folder.is_dir()
        assert not (tmp_path / NAMES[0]).exists()
    assert (tmp_path / NAMES[0]).resolve() == folder


def test_what_fails_to_be_made_leaves_nothing(tmp_path: Path):
    def fail() -> None:
        with making(tmp_path / "environments" / NAMES[0]) as folder:
            (folder / "file").touch()
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is what was raised
        fail()
    assert left(tmp_path / "environments") == set()


def test_what_is_made_anew_takes_the_place_of_what_was(made, tmp_path: Path):
    """Of two gateways that make the same, the later one; what the other made stays for who uses it."""
    first = made(NAMES[0])
    held = hold(first)
    with making(tmp_path / NAMES[0]) as second:
        pass
    prune(tmp_path / NAMES[0], 10 * 65_536)
    assert (tmp_path / NAMES[0]).resolve() == second
    assert first.exists()
    os.close(held)
    prune(tmp_path / NAMES[0], 10 * 65_536)
    assert not first.exists()


def test_what_is_gone_cannot_be_held(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        hold(tmp_path / NAMES[0])
