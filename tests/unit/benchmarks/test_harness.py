"""The arithmetic of benchmarks, and what they write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

harness = pytest.importorskip("benchmarks.harness", reason="the benchmarks are not beside the tests")


def test_a_ratio_is_ours_over_the_peers_median() -> None:
    row = harness.Row("p50", "ms", ours=harness.Spread((1.0, 2.0, 30.0)), peer=harness.Spread((4.0, 4.0, 1.0)))
    assert row.ratio == 0.5


def test_there_is_no_ratio_over_nothing() -> None:
    row = harness.Row("failures", "", ours=harness.Spread((3.0,)), peer=harness.Spread((0.0,)))
    assert row.ratio is None


def test_figures_of_one_name_are_one_spread_in_the_unit_asked_for() -> None:
    measured = harness.Measured()
    for seconds in (0.5, 0.25):
        measured.add("p50", seconds)
    assert measured.spread("p50", 1e3) == harness.Spread((500.0, 250.0))


def test_a_row_without_a_peer_has_no_ratio() -> None:
    row = harness.Row("p50", "ms", ours=harness.Spread((1.0,)))
    assert row.ratio is None
    assert row.facts()["peer"] is None


def test_every_other_repeat_runs_in_reverse_order() -> None:
    calls: list[str] = []
    contenders = [lambda: calls.append("a"), lambda: calls.append("b")]
    assert harness.alternating(contenders, repeats=3, budget_s=60, progress=lambda _: None) == 3
    assert calls == ["a", "b", "b", "a", "a", "b"]


def test_repeats_end_when_the_budget_does_but_not_before_the_first() -> None:
    calls: list[str] = []
    said: list[str] = []
    done = harness.alternating([lambda: calls.append("a")], repeats=5, budget_s=-1.0, progress=said.append)
    assert (done, calls) == (1, ["a"])
    assert "1 of 5" in said[-1]


def test_the_table_is_markdown_with_median_and_spread() -> None:
    rows = [
        harness.Row("start", "s", harness.Spread((0.5, 0.25, 1.0)), harness.Spread((5.0,))),
        harness.Row("memory", "MB", harness.Spread((512.0,))),
    ]
    assert harness.table(rows, peer="stock").splitlines() == [
        "|        |    |         rulegate |            stock | ratio |",
        "| ------ | -- | ---------------: | ---------------: | ----: |",
        "| start  | s  | 0.50 (0.25–1.00) | 5.00 (5.00–5.00) |  0.10 |",
        "| memory | MB |    512 (512–512) |                – |       |",
    ]


def test_a_result_says_where_and_from_what_it_comes(tmp_path: Path) -> None:
    path = harness.write_result(
        "some",
        [harness.Row("start", "s", harness.Spread((0.5, 1.0)), harness.Spread((3.0,)))],
        peer="stock",
        settings={"repeats": 2},
        distributions=("mlflow",),
        load_before=0.1,
        folder=tmp_path,
    )
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert path.name == "some.json"
    assert facts.keys() >= {"at", "commit", "machine", "versions", "settings", "rows"}
    assert facts["machine"].keys() >= {"processor", "cores", "memory_gib", "load_before", "load_after"}
    assert facts["versions"].keys() == {"python", "mlflow"}
    assert facts["rows"][0]["rulegate"] == {"median": 0.75, "min": 0.5, "max": 1.0, "values": [0.5, 1.0]}
    assert facts["rows"][0]["ratio"] == 0.25
