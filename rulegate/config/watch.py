"""Notices that a file has other content than before, once it is left alone."""

from __future__ import annotations

import os
from pathlib import Path

_Identity = tuple[int, int, int, int, int]  # device, inode, size, times of modification and of change


class Watch:
    """What one file was like when it was last looked at, by what the file system says of it. For one thread.

    A file that is being written is not news yet: half of a configuration may be a valid one, which says something else.
    So a change counts once two looks find the same; and as a file that has just been written could be written again in
    the same tick of the file system's clock, unnoticed, the pause between looks must be longer than such a tick. Links
    are followed, all of them, so a link that leads elsewhere now (as Kubernetes swaps a ConfigMap) is a change too. A
    file that is missing for less than that is not news either.

    Args:
        path: The file. That it is there is news at first, as it may have changed since it was read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: _Identity | None = None
        self._last: _Identity | None = None

    def look(self) -> bool:
        """Whether the file differs from the one that was known, and is as it was at the last look; then it is known."""
        last, self._last = self._last, self._identity()
        if self._last == self._known or self._last != last:
            return False
        self._known = self._last
        return True

    def _identity(self) -> _Identity | None:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        # The last one cannot be set back, as `cp --preserve` or `touch` do with the one before.
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
