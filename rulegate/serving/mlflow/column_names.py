"""Refuses data whose columns would take a model minutes or hours to decode.

pandas tells columns of one name apart as it reads a CSV, and looks for each name that has been there before among all
of the header; MLflow does the like for the columns of a ``dataframe_split``. Both take time by the square of their
number, so that a megabyte can keep a model busy for an hour. And where a row has more fields than the header, pandas
makes a level of an index of each that is too many, which takes 0.3 ms a field.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO
from itertools import islice
from typing import Any, Final

MAX_COMPARISONS: Final = 10**9
"""How many names may be looked at in all, inclusive, which takes some seconds. 31 622 columns never need more."""


MAX_UNNAMED: Final = 1000
"""Fields that the first row of a CSV may have beyond its header, inclusive, which takes a third of a second."""


def too_many_repeats(names: Sequence[Any]) -> bool:
    """Whether to tell columns of these names apart takes longer than anybody should wait."""
    if len(names) ** 2 <= MAX_COMPARISONS:
        return False
    # Columns without a name get one by their number.
    texts = [name for name in names if isinstance(name, str) and name]
    return (len(texts) - len(set(texts))) * len(names) > MAX_COMPARISONS


def too_many_unnamed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has more fields than anybody means that the header does not name."""
    return len(rows) == 2 and len(rows[1]) - len(rows[0]) > MAX_UNNAMED


def csv_rows(text: str) -> list[list[str]]:
    """The header of a CSV, and its first row if there is one; nothing where there are too few fields to matter."""
    if len(text) <= MAX_UNNAMED:
        return []
    try:
        rows = (row for row in csv.reader(StringIO(text)) if "".join(row).strip())
        return list(islice(rows, 2))
    except csv.Error:
        # A field of more than 128 KiB, which pandas takes.
        return [line.split(",") for line in text.lstrip().split("\n", 2)[:2]]


def split_names(body: Any) -> Sequence[Any]:
    """The names of the columns of a ``dataframe_split``; none where the parsed body has no such data."""
    data = body.get("dataframe_split") if isinstance(body, dict) else None
    names = data.get("columns") if isinstance(data, dict) else None
    return names if isinstance(names, list) else []
