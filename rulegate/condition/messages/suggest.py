"""Finds what an author may have meant by a name that is not known."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_SIMILAR: Final = 0.7
"""How alike two names must be (0 to 1) before one is suggested for the other."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that one is most alike, if it is alike."""
    # Here, because only mistakes need it.
    import difflib

    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)), None)


def did_you_mean(name: str, known: Iterable[str], otherwise: str | None) -> str | None:
    """A hint at the known name that one is most alike; ``otherwise`` if it is like none."""
    close = closest(name, known)
    return f"did you mean `{close}`?" if close else otherwise


def choice(noun: str, names: Iterable[str]) -> str:
    """A hint that lists all there is."""
    listed = ", ".join(f"`{name}`" for name in sorted(names))
    return f"the {noun}s are {listed}" if "," in listed else f"the only {noun} is {listed}"
