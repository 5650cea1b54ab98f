"""Reads the kinds of values that a configuration holds: durations, sizes, shares, numbers, names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rulegate.config.messages import Fault, values
from rulegate.config.model_uri import check_model_uri
from rulegate.config.tree import Text, Unreadable

KIB, MIB, GIB, TIB = 1024, 1024**2, 1024**3, 1024**4
MAX_DURATION_S = 24 * 3600.0
"""The longest duration a setting takes, inclusive, in seconds."""
MAX_BODY_BYTES = 4 * GIB
"""The largest limit for a request's body, inclusive, in bytes."""
MAX_SIZE_BYTES = 64 * TIB
"""The largest of the other sizes, inclusive, in bytes."""
MAX_NAME_CHARACTERS = 100
MAX_NUMBER = 1e9
"""The largest weight or tolerance, inclusive."""

NEVER: Final = math.inf
"""An override's duration that says `never`, as None says that it is not named."""

DURATION_FORM: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h)", re.ASCII)
SIZE_FORM: Final = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB|TiB)", re.ASCII)
SHARE_FORM: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", re.ASCII)
VARIABLE_FORM: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?", re.ASCII)

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}
_OTHER_SIZE = re.compile(r"([0-9]{1,15}) ?([kKmMgGtT])i?[bB]?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Refused(ValueError):
    """A value that is of the right type and yet cannot be."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Expected(ValueError):
    """A value of another type was expected: the text says which, as it reads after "expected"."""


def parse_duration(value: object) -> float:
    """Seconds of a duration: a number and one of the units ``ms``, ``s``, ``m``, ``h``, without a space: ``1.5s``.

    Raises:
        Expected: If the value is neither text nor a number.
        Refused: If it is no duration, or not more than 0 and at most :data:`MAX_DURATION_S`.
    """
    text = _text_of(value, "a duration such as `60s`")
    if _NUMBER.fullmatch(text):
        raise Refused(values.duration_without_unit(text))
    if (match := DURATION_FORM.fullmatch(text)) is None:
        raise Refused(values.no_duration(text))
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not 0.001 <= seconds <= MAX_DURATION_S:
        raise Refused(values.duration_out_of_range(text, "1ms", "24h"))
    return seconds


def parse_delay(value: object) -> float:
    """Seconds of a duration, as `parse_duration`, or of none: ``0ms``."""
    match = DURATION_FORM.fullmatch(value) if isinstance(value, str) else None
    return 0.0 if match is not None and float(match[1]) == 0 else parse_duration(value)


def parse_optional_duration(value: object) -> float | None:
    """Seconds of a duration, as `parse_duration`; None for ``never``."""
    return None if value == "never" else parse_duration(value)


def parse_overriding_duration(value: object) -> float:
    """Seconds of a duration, as `parse_duration`; `NEVER` for ``never``."""
    return NEVER if value == "never" else parse_duration(value)


def parse_size(value: object, *, largest: int = MAX_SIZE_BYTES) -> int:
    """Bytes of a size: a whole number and one of the units ``B``, ``KiB``, ``MiB``, ``GiB``, ``TiB``, without a space.

    ``KB`` and ``MB`` are refused, as one half of their readers takes them for 1000 and the other for 1024.

    Raises:
        Expected: If the value is neither text nor a number.
        Refused: If it is no size, or not from 1 to ``largest``.
    """
    text = _text_of(value, "a size such as `10MiB`")
    if _NUMBER.fullmatch(text):
        raise Refused(values.size_without_unit(text))
    if (match := SIZE_FORM.fullmatch(text)) is None:
        if other := _OTHER_SIZE.fullmatch(text):
            raise Refused(values.size_in_decimal_units(text, f"{other[1]}{other[2].upper()}iB"))
        raise Refused(values.no_size(text))
    size = int(match[1]) * _BYTES[match[2]]
    if not 1 <= size <= largest:
        unit = "GiB" if largest < TIB else "TiB"
        raise Refused(values.size_out_of_range(text, "1B", f"{largest // _BYTES[unit]}{unit}"))
    return size


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole. ``fraction`` is more than 0 and at most 1."""

    fraction: float


def parse_memory(value: object) -> int | Share:
    """An amount of memory: a size in bytes, or a share such as ``70%``.

    Raises:
        Expected: If the value is neither text nor a number.
        Refused: If it is neither a size nor a share of more than 0 and at most 100 percent.
    """
    match = SHARE_FORM.fullmatch(value) if isinstance(value, str) else None
    return parse_size(value) if match is None else _share(match, values.memory_share_out_of_range)


def parse_share(value: object) -> Share:
    """A share, such as ``10%``.

    Raises:
        Expected: If the value is neither text nor a number.
        Refused: If it is no share of more than 0 and at most 100 percent.
    """
    number = number_of(value)
    if number is not None:
        raise Refused(values.share_without_percent(f"{number:g}"))
    if not isinstance(value, str):
        raise Expected("a share such as `10%`")
    if (match := SHARE_FORM.fullmatch(value)) is None:
        raise Refused(values.no_share(value))
    return _share(match, values.share_out_of_range)


def parse_number(value: object, *, what: str) -> float:
    """A number from 0 to `MAX_NUMBER`, with or without a fraction.

    Raises:
        Expected: If the value is no number.
        Refused: If it is not in the range.
    """
    number = number_of(value)
    if number is None:
        raise Expected(what)
    if not 0 <= number <= MAX_NUMBER:
        raise Refused(values.number_out_of_range(f"{number:g}", "0", f"{MAX_NUMBER:.0f}"))
    return number


def parse_json(value: object) -> Any:
    """A JSON value of the file, made of dicts, lists, text, numbers, truth values and None.

    Raises:
        Expected: If a part of it is nothing that JSON has, such as a date.
    """
    meant: Any = as_meant(value)
    match meant:
        case dict():
            return {str(key): parse_json(item) for key, item in meant.items()}
        case tuple():
            return [parse_json(item) for item in meant]
        case bool() | int() | None:
            return meant
        case str():
            number = number_of(value)
            return str(meant) if number is None else number
        case Unreadable() if (number := number_of(meant)) is not None:
            return number
        case Unreadable():
            raise Expected("a JSON value")
        case _:
            return None  # it has its diagnostic already


def check_name(name: str) -> str:
    """The name of an endpoint or a route: letters, digits, ``-`` and ``_``, from 1 to 100 of them.

    A name travels in URLs, headers and metrics, so it keeps to what none of them has to escape.
    """
    if not name:
        raise Refused(values.empty_text("a name"))
    if found := _NO_NAME.search(name):
        raise Refused(values.no_name(name, found[0]))
    if len(name) > MAX_NAME_CHARACTERS:
        raise Refused(values.name_too_long(MAX_NAME_CHARACTERS))
    return name


def check_variable(name: str) -> str:
    """The name of an environment variable, or the beginning of several names and a ``*``."""
    if not name:
        raise Refused(values.empty_text("the name of an environment variable"))
    if not VARIABLE_FORM.fullmatch(name):
        raise Refused(values.no_variable(name))
    return name


def check_input_name(name: str) -> str:
    """A key of what a decision service is told."""
    if not name.strip():
        raise Refused(values.empty_text("the name of an input"))
    return name


def check_text(value: object) -> str:
    """Text with something in it."""
    if not isinstance(value, str):
        raise Expected("text")
    if not value.strip():
        raise Refused(values.empty_text("text"))
    return str(value)


def check_uri(uri: str) -> str:
    """The URI of a model."""
    if fault := check_model_uri(uri):
        raise Refused(fault)
    return uri


def check_glob(glob: str) -> str:
    """A pattern of the URIs of models."""
    if not glob.strip():
        raise Refused(values.empty_text("a pattern of model URIs"))
    return glob


def _share(match: re.Match[str], out_of_range: Callable[[str], Fault]) -> Share:
    percent = float(match[1])
    if not 0 < percent <= 100:
        raise Refused(out_of_range(match[0]))
    return Share(percent / 100)


def number_of(value: object) -> float | None:
    """The number that a plain scalar of the file is; YAML 1.1 takes some, such as ``1e-6``, for text."""
    match value:
        case bool():
            return None
        case int():
            return float(value)
        case Unreadable(text=text):
            pass
        case Text(scalar=scalar) if not scalar.style or scalar.filled:
            text = scalar.text
        case _:
            return None
    number = float(text) if len(text) <= MAX_NAME_CHARACTERS and _FRACTION.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _text_of(value: object, expected: str) -> str:
    # A bare number is on its way to a duration or a size and only lacks its unit, so it gets that hint.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Expected(expected)
    return str(value)


def as_meant(value: object) -> object:
    """What a value means that variables were put into, where no text is wanted: ``${PORT}`` is a number there."""
    return value.scalar.filled.meaning if isinstance(value, Text) and value.scalar.filled else value
