"""Keeps the forms of the shapes that were met lately, so that thousands of conditions share a few of them."""

from __future__ import annotations

import functools
import threading
from typing import Final

from rulegate.condition.compile import Form
from rulegate.condition.shape import Shape
from rulegate.condition.truth import Use

MAX_FORMS: Final = 1024
"""How many are kept; some ten kilobytes each."""

Kept = tuple[Shape, Use, frozenset[str]]
"""What a form is kept by: all but the literals that decides what there is to say about a text."""


class Forms:
    """Forms by shape, use and the decision services that may be asked. Any number of threads may use it at once."""

    def __init__(self) -> None:
        self._kept: dict[Kept, Form] = {}
        self._keeping = threading.Lock()

    def get(self, kept: Kept) -> Form | None:
        """The form of the conditions of a shape, if it is known."""
        return self._kept.get(kept)

    def keep(self, kept: Kept, form: Form) -> None:
        """Keeps a form for as long as not `MAX_FORMS` others came after it."""
        with self._keeping:
            while len(self._kept) >= MAX_FORMS:
                del self._kept[next(iter(self._kept))]
            self._kept[kept] = form


@functools.cache
def forms() -> Forms:
    """The forms of this process."""
    return Forms()
