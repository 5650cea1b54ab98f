"""What authors read when a condition is wrong, as they read it: each file is both the cases and the answers."""

from pathlib import Path

import pytest

from rulegate.condition import ConditionError, compile_condition, compile_expression
from rulegate.condition.messages import Code
from rulegate.diagnostics import render_all

HERE = Path(__file__).parent


def read(name):
    """The cases of a file: what is written, and the answer."""
    cases = (HERE / name).read_text(encoding="utf-8").removesuffix("\n").split("\n\n\n")
    return [tuple(case.removeprefix(">>> ").split("\n", 1)) for case in cases]


def told(read, text, **options):
    try:
        diagnostics = read(text, **options).warnings
    except ConditionError as error:
        diagnostics = error.diagnostics
    return render_all(diagnostics)


@pytest.mark.parametrize(("written", "answer"), read("conditions.txt"))
def test_the_author_of_a_condition_is_told(written, answer):
    """A case is written on one line, with Python's escapes for what cannot be seen."""
    text = written.encode("ascii", "backslashreplace").decode("unicode_escape") if written[0] == "\\" else written
    assert told(compile_condition, text) == answer


@pytest.mark.parametrize(("written", "answer"), read("conditions_with_services.txt"))
def test_the_author_of_a_condition_that_may_ask_decision_services_is_told(written, answer):
    assert told(compile_condition, written, external=frozenset({"risk", "fraud"})) == answer


@pytest.mark.parametrize(("written", "answer"), read("expressions.txt"))
def test_the_author_of_an_expression_that_is_used_for_its_value_is_told(written, answer):
    assert told(compile_expression, written) == answer


def test_every_code_but_the_bounds_is_shown():
    """Bounds are held by their own test, since their cases are too long to read."""
    bounds = {
        *(Code.TOO_LONG, Code.TOO_MANY_OPEN_BRACKETS, Code.TOO_DEEP, Code.TOO_MANY_NODES),
        *(Code.TEXT_TOO_LONG, Code.CHAIN_TOO_LONG, Code.COLLECTION_TOO_LARGE, Code.EMPTY),
    }
    golden = "".join(file.read_text(encoding="utf-8") for file in HERE.glob("*.txt"))
    assert {code for code in Code if f" {code} " not in golden} <= bounds
