"""Keeps what is said short where the author's text is not: a name may have thousands of characters."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from rulegate.diagnostics import Diagnostic

MAX_WORD: Final = 80
"""The longest word of a message or a hint, inclusive; of a longer one, the begin and the last character are shown."""
MAX_MESSAGE: Final = 300
"""The longest message, inclusive."""
MAX_HINT: Final = 1000
"""The longest hint, inclusive: some list all that there is."""

_SHOWN: Final = 60
_LONG_WORD: Final = re.compile(rf"\S{{{MAX_WORD + 1},}}")


def brief(diagnostic: Diagnostic) -> Diagnostic:
    """The same fault, told in no more than anybody reads; its place is as wide as before."""
    hint = None if diagnostic.hint is None else _short(diagnostic.hint, MAX_HINT)
    return replace(diagnostic, message=_short(diagnostic.message, MAX_MESSAGE), hint=hint)


def _short(text: str, longest: int) -> str:
    # The last character closes the quotes that most words stand in.
    text = _LONG_WORD.sub(lambda word: f"{word[0][:_SHOWN]}…{word[0][-1]}", text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
