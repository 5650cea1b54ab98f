"""Shares out how fast a log may grow among those who print, so that who prints much takes nothing from the others."""

from __future__ import annotations


class Allowance:
    """What each who prints may still print. Not safe to use from several threads.

    What somebody has printed is owed, and paid back as time passes: by all who owe together ``bytes_per_s``, in equal
    parts, where who owes less than a part leaves the rest of it to the others. Nobody may owe more than an equal part
    of ``burst_bytes``, so that somebody whom n others print beside, whoever they are and however much they want to,

    - may print ``burst_bytes / (n + 1)`` at once, and ``bytes_per_s / (n + 1)`` for good;
    - has more as soon as others want less, and all of it when nobody else prints.

    In t seconds all together get at most ``burst_bytes * (1 + 1/2 + … + 1/n) + bytes_per_s * t``, and a line each. Only
    who owes is remembered.

    Args:
        bytes_per_s: What all may print together for good.
        burst_bytes: What one may print at once if no other prints.
    """

    def __init__(self, *, bytes_per_s: float, burst_bytes: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._burst_bytes = burst_bytes
        self._owed: dict[str, float] = {}

    def pass_time(self, seconds: float) -> None:
        """Has those who owe pay back for this long."""
        left = seconds * self._bytes_per_s
        still: dict[str, float] = {}
        # Who owes least comes first, so that what is left over goes to those after.
        for place, (name, owed) in enumerate(sorted(self._owed.items(), key=lambda item: item[1])):
            paid = min(owed, left / (len(self._owed) - place))
            left -= paid
            if paid < owed:
                still[name] = owed - paid
        self._owed = still

    def has(self, name: str, *, part: float = 0.0) -> bool:
        """Whether ``name`` may print a line now, with this part of what it may owe still left."""
        owed = self._owed.get(name, 0.0)
        others = len(self._owed) - (name in self._owed)
        return owed < self._burst_bytes / (others + 1) * (1 - part)

    def charge(self, name: str, size_bytes: int) -> None:
        """Has ``name`` owe what it has printed."""
        self._owed[name] = self._owed.get(name, 0.0) + size_bytes
