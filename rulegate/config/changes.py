"""What differs between two texts of a configuration, by the keys of the file."""

from __future__ import annotations

from rulegate.config.document import read
from rulegate.config.tree import plain
from rulegate.diagnostics import Source


def changed_keys(old: str, new: str) -> tuple[str, ...]:
    """The keys under which two texts without errors differ, such as ``server.max_body``, in their order.

    What is in a list is told by its name, as ``model_endpoints.sentiment-router``; the list's own key stands for which
    there are and in which order. Comments and the order of keys make no difference.
    """
    before, after = _by_key(old), _by_key(new)
    missing = object()
    return tuple(key for key in before | after if before.get(key, missing) != after.get(key, missing))


def _by_key(text: str) -> dict[str, object]:
    root, _ = read(Source("", text))
    values: dict[str, object] = {}
    for key, value in _entries(plain(root) if root is not None else None):
        inner = _entries(value)
        values |= {f"{key}.{name}": part for name, part in inner}
        values[key] = tuple(name for name, _ in inner) if isinstance(value, tuple) else None if inner else value
    return values


def _entries(value: object) -> list[tuple[str, object]]:
    """The entries of a mapping, or of a list by their names; none of what is neither."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, tuple):
        return [(item["name"], item) for item in value if isinstance(item, dict) and "name" in item]
    return []
