"""Writes the tables of the configuration reference from the settings: ``python -m rulegate.config.reference FILE``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from rulegate.config.keys import AS_MODELS, Key, all_keys

_THE_FILE: Final = "The file"
_HEAD: Final = "| key | default | value |\n|---|---|---|\n"
_TABLE: Final = re.compile(
    rf"^(?P<title>## (?:`(?P<key>\w+)`|{_THE_FILE})\n+)(?:{re.escape(_HEAD)}(?:\|.*\n)*)", re.MULTILINE
)


def updated(document: str) -> str:
    """The document with the table below each heading that names a key of the file replaced by the present one.

    Raises:
        ValueError: If there is no such table for some key.
    """
    rows: dict[str, list[str]] = {}
    for key in all_keys():
        section = re.split(r"[.\[]", key.path)[0] if "." in key.path else _THE_FILE
        rows.setdefault(section, []).append(_row(key))
    missing = rows.keys() - {found["key"] or _THE_FILE for found in _TABLE.finditer(document)}
    if missing:
        raise ValueError(f"there is no table for {', '.join(sorted(missing))}")
    return _TABLE.sub(lambda found: found["title"] + _HEAD + "".join(rows[found["key"] or _THE_FILE]), document)


def _row(key: Key) -> str:
    # What a route says of its model means nothing beside several of them.
    is_of_route = key.default == AS_MODELS and ".targets[]." not in key.path
    return f"| `{key.path}` | {key.default} | {key.meaning}{' Only beside `model_uri`.' * is_of_route} |\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
