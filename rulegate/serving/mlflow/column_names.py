"""Refuses data that names the same columns so often that to decode it would take a model minutes or hours.

pandas tells columns of one name apart as it reads a CSV, and looks for each name that has been there before among all
of the header; MLflow does the like for the columns of a ``dataframe_split``. Both take time by the square of their
number, so that a megabyte can keep a model busy for an hour.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from math import isqrt
from typing import Any, Final

MAX_COMPARISONS: Final = 10**9
"""How many names may be looked at in all, inclusive, which takes some seconds. 31 622 columns never need more."""


def too_many_repeats(names: Sequence[Any]) -> bool:
    """Whether to tell columns of these names apart takes longer than anybody should wait."""
    if len(names) ** 2 <= MAX_COMPARISONS:
        return False
    # Columns without a name get one by their number.
    texts = [name for name in names if isinstance(name, str) and name]
    return (len(texts) - len(set(texts))) * len(names) > MAX_COMPARISONS


def csv_names(text: str) -> list[str]:
    """The names in the header of a CSV; none where there are too few for them to matter."""
    if len(text) <= 2 * isqrt(MAX_COMPARISONS):
        return []
    try:
        return next((row for row in csv.reader(StringIO(text)) if "".join(row).strip()), [])
    except csv.Error:
        # A field of more than 128 KiB, which pandas takes.
        return text.lstrip().partition("\n")[0].split(",")


def split_names(body: Any) -> Sequence[Any]:
    """The names of the columns of a ``dataframe_split``; none where the parsed body has no such data."""
    data = body.get("dataframe_split") if isinstance(body, dict) else None
    names = data.get("columns") if isinstance(data, dict) else None
    return names if isinstance(names, list) else []
