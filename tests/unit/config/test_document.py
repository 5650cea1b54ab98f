"""YAML is read the same with and without libyaml."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rulegate.config import document
from rulegate.diagnostics import Source

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "config").glob("*.yaml"))


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case.stem)
def test_a_fault_reads_the_same_with_and_without_libyaml(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("c.yaml", case.read_text(encoding="utf-8"))
    fast = document.read(source)
    monkeypatch.setattr(document, "_Loader", yaml.SafeLoader)
    assert document.read(source) == fast
