"""Texts of a request by their names, as conditions read them: headers, parameters, cookies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Headers:
    """Header values by name, in whatever case the name is written; immutable, safe to share between threads.

    ``folded`` holds the same values by lower-case name.
    """

    __slots__ = ("folded",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self.folded = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        return self.folded[_folded(name)]

    def __contains__(self, name: object) -> bool:
        return _folded(name) in self.folded

    def __len__(self) -> int:
        return len(self.folded)

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the header, or ``default`` if the request does not have it."""
        return self.folded.get(_folded(name), default)

    # As in Flask these three can be looped over once; names are written as WSGI hands them on.
    def keys(self) -> Iterator[str]:
        """The names."""
        return iter([name.title() for name in self.folded])

    def values(self) -> Iterator[str]:
        """The values."""
        return iter([*self.folded.values()])

    def items(self) -> Iterator[tuple[str, str]]:
        """The names with their values."""
        return iter([(name.title(), value) for name, value in self.folded.items()])


class Texts(dict[str, str]):
    """Texts by name; a name that is not text errs, as the name of a header does."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return super().__contains__(_named(name))

    def get(self, name: str, default: Any = None) -> Any:
        """The text of that name, or ``default`` if there is none."""
        return super().get(_named(name), default)

    # As in Flask these two can be looped over once, and have no length.
    def values(self) -> Iterator[str]:  # type: ignore[override]
        """The texts."""
        return iter([*super().values()])

    def items(self) -> Iterator[tuple[str, str]]:  # type: ignore[override]
        """The names with their texts."""
        return iter([*super().items()])


def _folded(name: object) -> str:
    return _named(name).lower()


def _named(name: object) -> str:
    # Flask's mappings answer False, None or by position to other keys; an error misleads nobody.
    if not isinstance(name, str):
        raise TypeError("the names of headers, args and cookies are text")
    return name
