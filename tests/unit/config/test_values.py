"""Durations, sizes, names and numbers: what is read, and that everything else is refused rather than bent to fit."""

from __future__ import annotations

import pytest

from rulegate.config.values import (
    GIB,
    KIB,
    MAX_BODY_BYTES,
    MIB,
    TIB,
    Expected,
    Refused,
    Share,
    check_name,
    parse_duration,
    parse_memory,
    parse_optional_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1ms", 0.001), ("500ms", 0.5), ("5s", 5.0), ("1.5s", 1.5), ("15m", 900.0), ("1h", 3600.0), ("24h", 86_400.0)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float):
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "5", 5, "s", "5 s", "-5s", "+5s", "5S", "5sec", "1h30m", "5s ", "1e3s", "٥s", "0s", "0.5ms", "25h", ".5s"],
)
def test_anything_else_is_no_duration(text: object):
    with pytest.raises(Refused):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1B", 1),
        ("512KiB", 512 * KIB),
        ("10MiB", 10 * MIB),
        ("4GiB", 4 * GIB),
        ("010MiB", 10 * MIB),
        ("64TiB", 64 * TIB),
    ],
)
def test_a_size_is_a_whole_number_and_a_binary_unit(text: str, size: int):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "10", 10, "MiB", "10 MiB", "1.5GiB", "-1B", "0B", "65TiB", "10mib", "10PiB", "١B"]
)
def test_anything_else_is_no_size(text: object):
    with pytest.raises(Refused):
        parse_size(text)


@pytest.mark.parametrize(("text", "binary"), [("10MB", "10MiB"), ("10 M", "10MiB"), ("5gb", "5GiB"), ("1k", "1KiB")])
def test_a_unit_of_1000_is_refused_with_the_one_of_1024_in_the_hint(text: str, binary: str):
    with pytest.raises(Refused) as caught:
        parse_size(text)
    assert caught.value.fault.hint == f"write `{binary}`"


@pytest.mark.parametrize("value", [True, None, 1.5, (), {}])
@pytest.mark.parametrize("parse", [parse_duration, parse_size])
def test_a_value_of_another_type_is_named_as_such(parse, value: object):
    with pytest.raises(Expected):
        parse(value)


@pytest.mark.parametrize("name", ["a", "sentiment-router", "A_1", "1", "-", "x" * 100])
def test_a_name_is_letters_digits_dashes_and_underscores(name: str):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a.b", "a/b", "ü", "a\n", "x" * 101, "１"])
def test_anything_else_is_no_name(name: str):
    with pytest.raises(Refused):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "memory"),
    [("70%", Share(0.7)), ("100%", Share(1.0)), ("0.5%", Share(0.005)), ("8GiB", 8 * GIB)],
)
def test_memory_is_a_share_or_a_size(text, memory):
    assert parse_memory(text) == memory


@pytest.mark.parametrize("text", ["0%", "101%", "-1%", "70", "%", "70 %", "1e1%", "half", None, True])
def test_anything_else_is_no_memory(text):
    with pytest.raises((Refused, Expected)):
        parse_memory(text)


def test_a_body_has_a_smaller_largest_size():
    assert parse_size("4GiB", largest=MAX_BODY_BYTES) == MAX_BODY_BYTES
    with pytest.raises(Refused, match="4GiB"):
        parse_size("5GiB", largest=MAX_BODY_BYTES)


def test_never_is_no_duration_where_that_can_be():
    assert parse_optional_duration("never") is None
    assert parse_optional_duration("15m") == 900.0
    with pytest.raises(Refused):
        parse_duration("never")
