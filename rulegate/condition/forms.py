"""Keeps the forms of the shapes that were met lately, so that thousands of conditions share a few of them."""

from __future__ import annotations

import functools
import threading
from typing import Final

from rulegate.condition.compile import Form
from rulegate.condition.shape import Shape

MAX_FORMS: Final = 1024
"""How many are kept; some ten kilobytes each."""


class Forms:
    """Forms by shape. Any number of threads may use it at once."""

    def __init__(self) -> None:
        self._kept: dict[Shape, Form] = {}
        self._keeping = threading.Lock()

    def get(self, shape: Shape) -> Form | None:
        """The form of the conditions of a shape, if it is known."""
        return self._kept.get(shape)

    def keep(self, shape: Shape, form: Form) -> None:
        """Keeps a form for as long as not `MAX_FORMS` others came after it."""
        with self._keeping:
            while len(self._kept) >= MAX_FORMS:
                del self._kept[next(iter(self._kept))]
            self._kept[shape] = form


@functools.cache
def forms() -> Forms:
    """The forms of this process."""
    return Forms()
