"""What a soak may cost: the requests that a killed process had, and those refused in a pause that a kill has caused.

Both are bounded version by version. A process that is killed can take along one request of each asker. A pause follows
a kill, if any: one that ended a load, or the last of several in a row without an answer in between. And who is refused
in a pause comes back when the answer says, so that each pause refuses each asker once. Whatever goes beyond, or fails
in another way, is unexplained.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_VERSION: Final = r"(?P<version>models:/soak/\d+)"

_LOST: Final = re.compile(
    rf"the process of {_VERSION} ended while it had the request"
    rf"|{_VERSION.replace('version', 'loading')} cannot be loaded: "
    r"(its process ended while loading it|the process of \S+ ended as soon as it was loaded)"
)
"""What is told those whose request a process has taken along, while it was loaded or later."""

_REFUSED: Final = re.compile(rf"{_VERSION} .*; it is tried again in [\d.]+ s")
"""What is told those who come in a pause."""

_PAUSE: Final = re.compile(rf"{_VERSION} .*; it is left alone for [\d.]+ s")
"""What the log says of a pause when it begins."""

_OF_PROCESSES: Final = {"RG502", "RG504"}


class Accounts:
    """Counts how requests end, and says what nothing explains. Not thread-safe.

    Args:
        askers: How many ask, one request at a time each.
    """

    def __init__(self, askers: int) -> None:
        self._askers = askers
        self.answered = 0
        self.killed: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.pauses: Counter[str] = Counter()
        self.unexplained: Counter[str] = Counter()

    def failed(self, endpoint: str, status: int, code: str, message: str) -> bool:
        """Counts a request that was not answered; whether it was refused in a pause, and is to wait."""
        if code in _OF_PROCESSES and (found := _REFUSED.search(message)):
            self.refused[found["version"]] += 1
            return True
        if code in _OF_PROCESSES and (found := _LOST.fullmatch(message)):
            self.lost[found["version"] or found["loading"]] += 1
        else:
            self.unexplained[f"{endpoint}: {status} {code} {message}"] += 1
        return False

    def read_log(self, log: str) -> None:
        """Counts the pauses that a gateway's log tells of."""
        self.pauses.update(found["version"] for found in _PAUSE.finditer(log))

    def all_unexplained(self) -> Counter[str]:
        """What has failed without a reason, and each version that has cost more requests than its kills may."""
        found = self.unexplained.copy()
        for version in self.lost | self.pauses | self.refused:
            for what, count, most in (
                ("requests lost with processes", self.lost[version], self._askers * self.killed[version]),
                ("pauses", self.pauses[version], self.killed[version]),
                ("requests refused in pauses", self.refused[version], self._askers * self.pauses[version]),
            ):
                if count > most:
                    found[f"{version}: {count} {what}, of which {most} can be explained"] += 1
        return found
