"""Every code of the condition language has a page, and its examples are true."""

import re
from pathlib import Path

import pytest

from rulegate.condition import ConditionError, compile_condition
from rulegate.condition.messages import Code

PAGES = Path(__file__).parents[3] / "docs" / "codes"
EXAMPLE = re.compile(r"^## (Bad|Good)\n\n```python\n(.*?)\n```$", re.MULTILINE | re.DOTALL)

TOO_MUCH = {
    Code.EMPTY: " \n",
    Code.TOO_LONG: "x" * 4097,
    Code.TOO_MANY_OPEN_BRACKETS: "[" * 65,
    Code.TOO_DEEP: "not " * 64 + "request.is_json",
    Code.TOO_MANY_NODES: " or ".join(["request.json < 1"] * 200),
    Code.TEXT_TOO_LONG: f"request.path == '{'x' * 2049}'",
    Code.CHAIN_TOO_LONG: "0 < 1 < 2 < 3 < 4 < 5 < 6 < 7 < 8 < 9",
    Code.COLLECTION_TOO_LARGE: f"request.json['n'] in [{','.join('1' * 1025)}]",
}
"""What the pages describe in words."""


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
    bad = TOO_MUCH[code] if code in TOO_MUCH else examples["Bad"]
    assert codes_of(bad, services) == {code}
