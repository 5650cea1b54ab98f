"""Names of columns that are refused are those that take minutes to be told apart, and no others."""

from __future__ import annotations

import pytest

from rulegate.serving.mlflow.column_names import (
    MAX_UNNAMED,
    csv_rows,
    split_names,
    too_many_repeats,
    too_many_unnamed,
)

MANY = 40_000


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["a", "a"],
        ["x"] * 31_622,
        [f"c{n}" for n in range(10 * MANY)],
        [*(f"c{n}" for n in range(MANY)), *["x"] * 10_000],
        [""] * MANY,
        [None] * MANY,
        [["x"]] * MANY,
    ],
    ids=["none", "twice", "the most", "all different", "some", "without a name", "nothing", "lists"],
)
def test_what_is_told_apart_in_seconds_is_decoded(names: list[object]):
    assert not too_many_repeats(names)


@pytest.mark.parametrize(
    "names",
    [
        ["x"] * MANY,
        [f"c{n % 100}" for n in range(MANY)],
        [*(f"c{n}" for n in range(10 * MANY)), *["x"] * 10_000],
    ],
    ids=["one name", "a hundred names", "many more"],
)
def test_what_takes_longer_is_not(names: list[object]):
    assert too_many_repeats(names)


HEADER = ",".join(["x"] * MANY)


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n1\n",
        HEADER,
        f"\ufeff{HEADER}\r\n1\r\n",
        f"\n \n{HEADER}\n1\n",
        f'"a\n,b",{HEADER}\n1\n',
        f'"{"a" * 200_000}",{HEADER}\n1\n',
        HEADER.replace("x", '"x"') + "\n",
    ],
    ids=["rows", "alone", "mark", "blank lines", "quoted lines", "a long name", "quotes"],
)
def test_the_header_of_a_csv_is_found_however_it_is_written(text: str):
    names = csv_rows(text)[0]
    assert sum(name.strip('\ufeff"') == "x" for name in names) == MANY
    assert too_many_repeats(names)


def test_rows_are_not_names():
    rows = f"{','.join('1' * MANY)}\n"
    assert csv_rows(f"a,b\n{rows * 2}")[0] == ["a", "b"]
    assert csv_rows("a,b\n") == []
    assert csv_rows("\n" * MANY * 2) == []


@pytest.mark.parametrize("header", ["text\n", "\n \ntext\r\n", "\ufefftext\n\n"])
def test_fields_beyond_the_header_are_bounded(header: str):
    for many in (0, 1, MAX_UNNAMED, MAX_UNNAMED + 1, 50_000):
        rows = csv_rows(header + ",".join("1" * (1 + many)) + "\n" + "1\n" * 1000)
        assert too_many_unnamed(rows) == (many > MAX_UNNAMED)


def test_a_row_with_as_many_fields_as_the_header_is_as_wide_as_it_likes():
    wide = ",".join(f"c{n}" for n in range(5000))
    assert not too_many_unnamed(csv_rows(f"{wide}\n{wide}\n"))
    assert not too_many_unnamed(csv_rows(wide))
    assert not too_many_unnamed([])


@pytest.mark.parametrize("body", [None, [], {}, {"dataframe_split": 1}, {"dataframe_split": {"columns": "xx"}}])
def test_a_body_without_columns_has_no_names(body: object):
    assert split_names(body) == []


def test_the_columns_of_a_split_are_its_names():
    assert split_names({"dataframe_split": {"columns": ["a", "b"]}}) == ["a", "b"]
