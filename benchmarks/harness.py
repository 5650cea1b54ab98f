"""What every benchmark shares: repeats in alternating order, medians with their spread, one table, one result file."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

_WORDS = 2  # a table's first columns hold words, set to the left; the others figures, set to the right


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure as the repeats gave it. There is at least one value; all have the unit of the row they stand in."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def facts(self) -> dict[str, Any]:
        return {
            "median": round(self.median, 4),
            "min": round(min(self.values), 4),
            "max": round(max(self.values), 4),
            "values": [round(value, 4) for value in self.values],
        }

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(min(self.values))}–{_short(max(self.values))})"


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing: ours beside the peer's, either of which may be missing.

    ``ratio`` is ours over the peer's, of the medians; there is none over nothing.
    """

    name: str
    unit: str
    ours: Spread | None = None
    peer: Spread | None = None

    @property
    def ratio(self) -> float | None:
        if self.ours is None or self.peer is None or not self.peer.median:
            return None
        return self.ours.median / self.peer.median

    def facts(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "rulegate": self.ours and self.ours.facts(),
            "peer": self.peer and self.peer.facts(),
            "ratio": None if self.ratio is None else round(self.ratio, 3),
        }


@dataclass(slots=True)
class Measured:
    """The figures of all repeats so far, by name."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, value: float) -> None:
        self.values[name].append(value)

    def spread(self, name: str, scale: float = 1.0) -> Spread:
        """The figures of that name, in another unit where ``scale`` says so."""
        return Spread(tuple(value * scale for value in self.values[name]))


def _short(value: float) -> str:
    """Three digits that count, and never fewer than those before the point."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}"


def alternating(
    contenders: Sequence[Callable[[], None]], *, repeats: int, budget_s: float, progress: Callable[[str], None]
) -> int:
    """Calls all contenders ``repeats`` times, every other time in reverse order; how often they were called.

    It stops early, after at least one repeat, when another repeat as long as the longest would go over ``budget_s``.
    """
    begin = time.monotonic()
    longest_s = 0.0
    for number in range(repeats):
        started = time.monotonic()
        if number and started - begin + longest_s > budget_s:
            progress(f"stopped after {number} of {repeats} repeats: the next would take longer than the benchmark may")
            return number
        progress(f"repeat {number + 1} of {repeats} …")
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            contender()
        longest_s = max(longest_s, time.monotonic() - started)
    return repeats


def table(rows: Sequence[Row], *, peer: str) -> str:
    """A Markdown table, aligned so that it reads well in a terminal too: median (min–max) of each."""
    cells = [["", "", "rulegate", peer, "ratio"]]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        cells.append([row.name, row.unit, str(row.ours or "–"), str(row.peer or "–"), ratio])
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = [_line(line, widths) for line in cells]
    rule = ["-" * width if column < _WORDS else f"{'-' * (width - 1)}:" for column, width in enumerate(widths)]
    return "\n".join([lines[0], f"| {' | '.join(rule)} |", *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column < _WORDS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def write_result(
    name: str,
    rows: Sequence[Row],
    *,
    peer: str,
    settings: dict[str, Any],
    distributions: Sequence[str],
    load_before: float,
    folder: Path = RESULTS,
) -> Path:
    """Writes ``NAME.json``: the rows with every value, and what is needed to judge them.

    Args:
        name: The benchmark's.
        rows: What was measured.
        peer: What stood beside rulegate.
        settings: How the benchmark was called.
        distributions: The installed distributions that matter to the figures.
        load_before: The load average of one minute when the benchmark began.
        folder: Where the file goes; made if missing.
    """
    facts = {
        "benchmark": name,
        "peer": peer,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine() | {"load_before": round(load_before, 2), "load_after": round(os.getloadavg()[0], 2)},
        "versions": {"python": platform.python_version()}
        | {distribution: importlib.metadata.version(distribution) for distribution in distributions},
        "settings": settings,
        "rows": [row.facts() for row in rows],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores that this process may use, memory, kernel."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes / 2**30, 1),
        "kernel": platform.release(),
    }


def commit() -> str | None:
    """The commit that is measured, with ``+changes`` if the code is not as committed; None outside a repository."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", "rulegate", "grammar", "benchmarks/*.py")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}+changes" if changed else head


def _git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=True).stdout.strip()


def say(line: str) -> None:
    """Progress, on standard error: standard output is the table's."""
    print(line, file=sys.stderr, flush=True)
