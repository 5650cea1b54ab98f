"""The benchmarks of the condition language run, and compare like with like; how fast anything is, no test says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

condition = pytest.importorskip("benchmarks.condition", reason="the benchmarks are not beside the tests")
cases = pytest.importorskip("benchmarks.cases")
texts = pytest.importorskip("benchmarks.texts")

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["condition", "compile"])
def test_a_quick_run_prints_a_table_and_writes_nothing(name: str) -> None:
    results = ROOT / "benchmarks" / "results"
    before = {path: path.stat().st_mtime_ns for path in results.glob("*")}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| rulegate |" in " ".join(done.stdout.split())
    assert {path: path.stat().st_mtime_ns for path in results.glob("*")} == before


@pytest.mark.parametrize("case", cases.cases(), ids=lambda case: case.name)
def test_what_is_written_by_hand_gives_the_expected_answer(case: object) -> None:
    assert case.hand_written(case.request) is case.expected  # type: ignore[attr-defined]


def test_every_peer_that_is_installed_gives_the_expected_answer() -> None:
    found = condition.contenders(cases.cases())
    assert {contender.engine for contender in found} >= {"rulegate", "hand-written lambda"}
    assert {contender.case.name for contender in found} == {case.name for case in cases.cases()}


def test_the_conditions_that_are_compiled_are_as_many_as_asked_for_distinct_and_python() -> None:
    made = [text for found in texts.texts(1200).values() for text in found]
    assert len(made) == len(set(made)) == 1200
    for text in made[::97]:
        ast.parse(text, mode="eval")


def test_the_overview_has_a_line_for_each_engine_and_a_column_for_each_case() -> None:
    case = cases.cases()[0]
    evaluation = condition.Evaluation(len, str)
    measured = [condition.Contender(case, "rulegate", evaluation, 1, [100.0, 120.0, 900.0])]
    measured.append(condition.Contender(case, "peer", evaluation, 1, [3.1e6]))
    assert condition.overview(measured).splitlines() == [
        f"|  | {case.name} |",
        "| --- | ---: |",
        "| rulegate | 120 ns |",
        "| peer | 3.1 ms |",
    ]
