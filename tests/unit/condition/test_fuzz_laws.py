"""The laws that the fuzzer tries to break hold for what it has found so far, and for the corpora."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

laws = pytest.importorskip("fuzz.laws", reason="the fuzzer is not beside the tests")

ROOT = Path(__file__).parents[3]
FOUND = sorted((ROOT / "fuzz" / "corpus").iterdir())


def test_the_laws_hold_for_every_text_that_the_fuzzer_has_kept() -> None:
    for path in FOUND:
        laws.hold(path.read_bytes().decode("utf-8", "replace"))


@pytest.mark.parametrize("name", ["accepted", "errors", "rejected", "hostile_payloads"])
def test_the_laws_hold_for_the_corpora(name: str) -> None:
    for entry in json.loads((ROOT / "tests" / "corpora" / f"{name}.json").read_text(encoding="utf-8")):
        laws.hold(entry["expr"])


def test_a_law_that_does_not_hold_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A walk that forgets what a condition says must not pass for the same as the generated code."""
    monkeypatch.setattr(laws, "evaluate", lambda checked, request: None)
    with pytest.raises(laws.LawBroken, match="differ"):
        laws.hold("request.method == 'POST'")
