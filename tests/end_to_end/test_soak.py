"""The soak runs, and finds nothing in a few seconds; `make soak` takes the minutes that leaks need to show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_request_fails_without_a_reason(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--seconds", "10"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "| requests answered |" in done.stdout, done.stderr
    assert "unexplained" not in done.stdout, done.stdout
