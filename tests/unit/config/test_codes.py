"""Every code has its page, every page its code, and the pages' examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rulegate.config import CODES, ConfigError, load_config
from rulegate.registry_check import CODES as REGISTRY_CODES

ROOT = Path(__file__).parents[3]
PAGES = sorted(page for page in (ROOT / "docs" / "codes").glob("RG3*.md") if page.stem not in REGISTRY_CODES)
EXAMPLE = re.compile(r"^## (\w+)[^#]*?^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_codes_and_pages_are_the_same():
    assert {page.stem for page in PAGES} == set(CODES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_begins_with_the_code_and_its_title(page: Path):
    assert page.read_text(encoding="utf-8").splitlines()[0] == f"# {page.stem}: {CODES[page.stem]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_bad_example_of_a_page_has_its_fault_and_the_good_one_has_none(page: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RULEGATE_ADMIN_TOKEN", "a-token-that-nobody-can-guess")
    monkeypatch.setenv("RISK_AUTHORIZATION", "Bearer x")
    monkeypatch.delenv("REGISTRY_HOST", raising=False)
    examples = dict(EXAMPLE.findall(page.read_text(encoding="utf-8")))
    if page.stem in {"RG301", "RG302"}:  # what is wrong with such a file cannot be shown in a page
        assert not examples
        return
    assert set(examples) == {"Bad", "Good"}
    try:
        found = load_config(examples["Bad"]).warnings
    except ConfigError as error:
        found = error.diagnostics
    assert {diagnostic.code for diagnostic in found} == {page.stem}
    assert not load_config(examples["Good"]).warnings


def test_every_example_in_the_examples_folder_loads():
    examples = sorted((ROOT / "examples").glob("*.yaml"))
    assert len(examples) >= 2
    for example in examples:
        assert load_config(example).endpoints
