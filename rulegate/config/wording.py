"""How names and the author's own text read in a message."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

_QUOTED = 60
_LISTED = 10
_LINE_BREAKS = re.compile("[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` may be a slip for or a part of, or None if none is near."""
    word, words = word[:_QUOTED].lower(), list(known)
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    found += [whole for whole in words if len(word) > 2 and word in whole]
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the known word nearest to ``word``, or None."""
    found = nearest(word, known)
    return f"did you mean `{shorten(found)}`?" if found else None


def enumerate_names(names: Iterable[str], conjunction: str = "and") -> str:
    """``a``, ``b`` and ``c``, each in backticks; of many, the first few."""
    listed = list(names)
    quoted = [f"`{shorten(name)}`" for name in listed[:_LISTED]]
    if len(listed) > _LISTED:
        return ", ".join(quoted) + f" {conjunction} {len(listed) - _LISTED} more"
    if len(quoted) == 1:
        return quoted[0]
    return ", ".join(quoted[:-1]) + f" {conjunction} {quoted[-1]}"


def no_such_service(name: str, services: Iterable[str]) -> str:
    """What is said of a decision service that the configuration does not have, with the one that may be meant."""
    known = list(services)
    hint = did_you_mean(name, known) or (f"there are: {enumerate_names(known)}" if known else "it has none")
    return f"the configuration has no decision service `{shorten(name)}`; {hint}"


def shorten(text: str) -> str:
    """The author's text as it fits into a message: in one line, its first sixty characters."""
    line = _LINE_BREAKS.sub(" ", text[:_QUOTED])
    return line if len(text) <= _QUOTED else line[:-1] + "…"


def suggest_name(text: str) -> str:
    """The text with what a name cannot hold replaced by dashes."""
    kept = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in text[:_QUOTED])
    return kept.strip("-") or "my-name"
