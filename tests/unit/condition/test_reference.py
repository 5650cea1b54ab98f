"""The reference of the condition language is what the vocabulary says, and its examples are conditions."""

import re
from pathlib import Path

import pytest

from rulegate.condition import compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.reference import updated

REFERENCE = (Path(__file__).parents[3] / "docs" / "condition-language.md").read_text(encoding="utf-8")
EXAMPLES = re.search(r"```python\n(.*?)\n```", REFERENCE, re.DOTALL)[1].splitlines()


def test_the_tables_are_current():
    """If not: python -m rulegate.condition.reference docs/condition-language.md"""
    assert updated(REFERENCE) == REFERENCE


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_is_a_condition(text):
    assert compile_condition(text, external=frozenset({"risk"})).warnings == ()


def test_each_name_of_the_vocabulary_is_in_it():
    names = {*v.FUNCTIONS, *v.METHODS, *v.PATTERN_FUNCTIONS, *v.REQUEST_ATTRIBUTES}
    assert {name for name in names if not re.search(rf"`(re\.|request\.)?{name}(\(\))?`", REFERENCE)} == set()
