"""What authors read when a configuration is wrong, word for word.

Each file in ``config/`` stands beside the text that it is answered with. After a deliberate change of the wording, run
this file with ``RULEGATE_WRITE_GOLDEN=1`` and read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rulegate.config import ConfigError, load_config
from rulegate.diagnostics import render_all

VARIABLES = {"GOLDEN_PORT": "99999", "GOLDEN_TOKEN": "hunter2", "GOLDEN_NAME": "hunter 2", "GOLDEN_EMPTY": ""}
CASES = sorted((Path(__file__).parent / "config").glob("*.yaml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_wrong_configuration_is_answered_word_for_word(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    try:
        found = load_config(case.name).warnings
    except ConfigError as error:
        found = error.diagnostics
    answer = case.with_suffix(".txt")
    if os.environ.get("RULEGATE_WRITE_GOLDEN"):
        answer.write_text(f"{render_all(found)}\n", encoding="utf-8")
    assert f"{render_all(found)}\n" == answer.read_text(encoding="utf-8")


def test_no_answer_is_left_without_its_case() -> None:
    answers = {path.stem for path in (Path(__file__).parent / "config").glob("*.txt")}
    assert answers == {case.stem for case in CASES}
