"""Memory: what a process has of its own, and what this machine gives to all of them."""

from __future__ import annotations

import re
from pathlib import Path

_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def process_memory_bytes(pid: int) -> int | None:
    """The proportional set size of a process: pages of its own, and its share of those that it shares.

    A model's process shares most pages with the warm parent that it was forked from, so its resident set size would
    count those once for each model. None if the process is gone.
    """
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_bytes()
    except OSError:
        return None
    found = _PSS.search(rollup)
    return int(found[1]) * 1024 if found else None


def machine_memory_bytes(root: Path = Path("/")) -> int:
    """The memory that this process may use: the machine's, or the control group's where that is less.

    Args:
        root: Where ``proc`` and ``sys`` are found; another one only in tests.
    """
    meminfo = (root / "proc/meminfo").read_text()
    total = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    limits = [int(total[1]) * 1024] if total else []
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            limits += _limits(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")
    return min(limits)


def _limits(mount: Path, path: str, name: str) -> list[int]:
    """The limits of a group and of those around it; inside a container, the mount may begin at the group itself."""
    limits = []
    group = mount / path.lstrip("/")
    for folder in (group, *group.parents):
        if not folder.is_relative_to(mount):
            break
        try:
            text = (folder / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            limits.append(int(text))
    return limits
