"""The benchmark of routing runs, and its endpoints are what it says they are; how fast anything is, no test says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rulegate.routing import coverage, decide

routing = pytest.importorskip("benchmarks.routing", reason="the benchmarks are not beside the tests")

ROOT = Path(__file__).parents[3]


def test_a_quick_run_prints_a_table_and_writes_nothing() -> None:
    results = ROOT / "benchmarks" / "results"
    before = {path: path.stat().st_mtime_ns for path in results.glob("*")}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.routing", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "| 100 | 1 % sharing | last |" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in results.glob("*")} == before


@pytest.mark.parametrize("name", ["none", "1 % sharing", "1 % alone"])
def test_conditions_are_found_by_a_key_but_for_those_that_are_alone(name: str) -> None:
    cases, _ = routing.cases([1_600])
    endpoint = next(case.endpoint for case in cases if case.others == name)
    found = coverage(endpoint)
    alone = 16 if name == "1 % alone" else 0
    assert sum(one.routes for one in found.found) == 1_600 - alone
    assert [len(aliases) for _, aliases in found.unfound] == ([16] if alone else [])


def test_each_request_matches_the_route_that_it_should_by_index_and_by_scan() -> None:
    cases, _ = routing.cases([100])
    for case in cases:
        expected = {"first": "0", "last": "99", "none": "100"}[case.match]
        scanned = routing.without_index(case.endpoint)
        assert scanned.index is None
        assert case.endpoint.index is not None
        assert decide(case.endpoint, case.request).route == expected
        assert decide(scanned, case.request).route == expected
