"""The benchmark of routing runs, and its endpoints are what it says they are; how fast anything is, no test says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rulegate.condition import compile_condition
from rulegate.routing import decide

routing = pytest.importorskip("benchmarks.routing", reason="the benchmarks are not beside the tests")

ROOT = Path(__file__).parents[3]


def test_a_quick_run_prints_a_table_and_writes_nothing() -> None:
    results = ROOT / "benchmarks" / "results"
    before = {path: path.stat().st_mtime_ns for path in results.glob("*")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.routing", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| 100 | 1 % | last |" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in results.glob("*")} == before


@pytest.mark.parametrize("number", range(4))
def test_conditions_with_a_key_have_one_and_the_others_have_none(number: int) -> None:
    assert compile_condition(routing.keyed(number)).keys(errors_count=False)
    assert not compile_condition(routing.unkeyed(50 + 100 * number)).keys(errors_count=False)


def test_each_request_matches_the_route_that_it_should_by_index_and_by_scan() -> None:
    cases, _ = routing.cases([100])
    for case in cases:
        expected = {"first": "0", "last": "99", "none": "100"}[case.match]
        scanned = routing.without_index(case.endpoint)
        assert scanned.index is None
        assert case.endpoint.index is not None
        assert case.endpoint.index.keyed == 100 - case.percent_unkeyed
        assert decide(case.endpoint, case.request).route == expected
        assert decide(scanned, case.request).route == expected
