"""The tables of ``docs/configuration.md`` are those that the settings give."""

from __future__ import annotations

from pathlib import Path

import pytest

from rulegate.config.reference import updated

DOCUMENT = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_the_tables_are_in_step_with_the_settings():
    """If not: make reference"""
    assert updated(DOCUMENT) == DOCUMENT


def test_a_table_that_is_missing_is_noticed():
    with pytest.raises(ValueError, match="no table for models"):
        updated(DOCUMENT.replace("## `models`\n", "## Models\n"))
