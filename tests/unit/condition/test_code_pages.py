"""Every code of the condition language has a page, and its examples are true."""

import re
from pathlib import Path

import pytest

from rulegate.condition import ConditionError, compile_condition
from rulegate.condition.messages import Code

PAGES = Path(__file__).parents[3] / "docs" / "codes"
EXAMPLE = re.compile(r"^## (Bad|Good)\n\n```python\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def codes_of(text, services):
    try:
        return {diagnostic.code for diagnostic in compile_condition(text, external=services).warnings}
    except ConditionError as error:
        return {diagnostic.code for diagnostic in error.diagnostics}


def test_codes_and_pages_are_the_same():
    assert {str(code) for code in Code} == {page.stem for page in PAGES.glob("RG[12]*.md")}


@pytest.mark.parametrize("code", Code)
def test_the_bad_example_gets_the_code_and_the_good_one_nothing(code):
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {code}: ")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == ["Bad", "Good", "Why"]
    examples = dict(EXAMPLE.findall(page))
    services = frozenset() if code is Code.NO_SERVICES else frozenset({"risk"})
    assert codes_of(examples["Good"], services) == set()
    if "Bad" in examples:
        assert codes_of(examples["Bad"], services) == {code}
