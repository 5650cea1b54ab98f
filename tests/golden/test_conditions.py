"""What authors read when a condition is wrong, as they read it: `conditions.txt` is both the cases and the answers."""

from pathlib import Path

import pytest

from rulegate.condition import ConditionError, compile_condition
from rulegate.condition.messages import Code
from rulegate.diagnostics import render_all

GOLDEN = Path(__file__).with_name("conditions.txt")
CASES = dict(
    case.removeprefix(">>> ").split("\n", 1)
    for case in GOLDEN.read_text(encoding="utf-8").removesuffix("\n").split("\n\n\n")
)


def told(text):
    try:
        diagnostics = compile_condition(text).warnings
    except ConditionError as error:
        diagnostics = error.diagnostics
    return render_all(diagnostics)


@pytest.mark.parametrize("written", CASES)
def test_the_author_is_told(written):
    """A case is written on one line, with Python's escapes for what cannot be seen."""
    text = written.encode("ascii", "backslashreplace").decode("unicode_escape") if written[0] == "\\" else written
    assert told(text) == CASES[written]


def test_every_code_but_the_bounds_is_shown():
    """Bounds are held by their own test, since their cases are too long to read."""
    bounds = {
        *(Code.TOO_LONG, Code.TOO_MANY_OPEN_BRACKETS, Code.TOO_DEEP, Code.TOO_MANY_NODES),
        *(Code.TEXT_TOO_LONG, Code.CHAIN_TOO_LONG, Code.COLLECTION_TOO_LARGE, Code.EMPTY),
    }
    golden = GOLDEN.read_text(encoding="utf-8")
    assert {code for code in Code if f" {code} " not in golden} <= bounds
