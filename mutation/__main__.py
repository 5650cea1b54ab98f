"""Runs mutation testing: `python -m mutation`, or with the names of some modules."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

import pytest

from mutation.changes import MODULES, copy, make_changes
from mutation.trial import Trial

ROOT: Final = Path(__file__).parents[1]
COPY: Final = ROOT / "build" / "mutation"
"""Where the code is broken, and nowhere else."""
EXPLAINED: Final = Path(__file__).with_name("README.md")
"""The changes that no test need notice, with the reason, in the form in which this program shows them: not tried."""

_UNIT: Final = "tests/unit/condition"
_TESTS: Final = (
    # Pytest's own tracebacks read all of a module again for each failure, and these modules are very long.
    *("tests", "-qq", "-p", "no:cacheprovider", "--tb=native"),
    # What takes seconds, looks at a clock, or starts a process in which nothing is broken.
    *(f"--ignore={_UNIT}/test_{name}.py" for name in ("body", "fuzz_laws", "hostile_payloads", "keys", "request")),
    f"--deselect={_UNIT}/test_tables.py::test_conditions_compile_without_the_reader_of_grammars",
    f"--deselect={_UNIT}/test_corpora.py::test_refusing_is_quick",
    f"--deselect={_UNIT}/test_budget.py::test_what_would_take_too_long_fails_the_request_before_it_is_done",
    f"--deselect={_UNIT}/test_budget.py::test_what_requests_of_ten_megabytes_can_do",
)


def main() -> int:
    """Shows every change that no test notices and nobody has explained: 1 if there is one."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description=main.__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"some of {', '.join(MODULES)} (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="changes tried at once (default: %(default)s)")
    options = parser.parse_args()
    copy(ROOT, COPY)
    os.chdir(COPY)
    explained = EXPLAINED.read_text(encoding="utf-8")
    changes = make_changes(COPY, options.modules or MODULES)
    tried = [change for change in changes if f"\n{change.shown}\n" not in explained]
    sys.path.insert(0, str(COPY))
    trial = Trial(tried, options.jobs)
    ended = pytest.main(list(_TESTS), plugins=[trial])
    known, missed = len(changes) - len(tried), len(trial.unnoticed)
    sys.stdout.write(f"\r{len(changes)} changes: {known} explained, {missed} neither noticed nor explained\n")
    return 1 if missed else ended


if __name__ == "__main__":
    sys.exit(main())
