"""The kinds of values that a configuration holds: durations, sizes, names, bounded numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, PlainValidator, Strict

from rulegate.config import messages
from rulegate.config.messages import Fault
from rulegate.config.model_uri import check_model_uri

KIB, MIB, GIB, TIB = 1024, 1024**2, 1024**3, 1024**4
MAX_DURATION_S = 24 * 3600.0
"""The longest duration a setting takes, inclusive, in seconds."""
MAX_BODY_BYTES = 4 * GIB
"""The largest limit for a request's body, inclusive, in bytes."""
MAX_SIZE_BYTES = 64 * TIB
"""The largest of the other sizes, inclusive, in bytes."""
MAX_NAME_CHARACTERS = 100

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB|TiB)", re.ASCII)
_BYTES = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB}
_OTHER_SIZE = re.compile(r"([0-9]{1,15}) ?([kKmMgGtT])i?[bB]?", re.ASCII)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?", re.ASCII)


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
        raise Refused(messages.duration_without_unit(text))
    if (match := _DURATION.fullmatch(text)) is None:
        raise Refused(messages.no_duration(text))
    seconds = float(match[1]) * _SECONDS[match[2]]
    if not 0.001 <= seconds <= MAX_DURATION_S:
        raise Refused(messages.duration_out_of_range(text, "1ms", "24h"))
    return seconds


def parse_delay(value: object) -> float:
    """Seconds of a duration, as `parse_duration`, or of none: ``0ms``."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return 0.0 if match is not None and float(match[1]) == 0 else parse_duration(value)


def parse_optional_duration(value: object) -> float | None:
    """Seconds of a duration, as `parse_duration`; None for ``never``."""
    return None if value == "never" else parse_duration(value)


def parse_size(value: object, *, largest: int = MAX_SIZE_BYTES) -> int:
    """Bytes of a size: a whole number and one of the units ``B``, ``KiB``, ``MiB``, ``GiB``, ``TiB``, without a space.

    ``KB`` and ``MB`` are refused, as one half of their readers takes them for 1000 and the other for 1024.

    Raises:
        Expected: If the value is neither text nor a number.
        Refused: If it is no size, or not from 1 to ``largest``.
    """
    text = _text_of(value, "a size such as `10MiB`")
    if _NUMBER.fullmatch(text):
        raise Refused(messages.size_without_unit(text))
    if (match := _SIZE.fullmatch(text)) is None:
        if other := _OTHER_SIZE.fullmatch(text):
            raise Refused(messages.size_in_decimal_units(text, f"{other[1]}{other[2].upper()}iB"))
        raise Refused(messages.no_size(text))
    size = int(match[1]) * _BYTES[match[2]]
    if not 1 <= size <= largest:
        unit = "GiB" if largest < TIB else "TiB"
        raise Refused(messages.size_out_of_range(text, "1B", f"{largest // _BYTES[unit]}{unit}"))
    return size


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the machine's memory. ``fraction`` is more than 0 and at most 1."""

    fraction: float


def parse_memory(value: object) -> int | Share:
    """An amount of memory: a size in bytes, or a share such as ``70%``.

    Raises:
        Expected: If the value is neither text nor a number.
        Refused: If it is neither a size nor a share of more than 0 and at most 100 percent.
    """
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return parse_size(value)
    percent = float(match[1])
    if not 0 < percent <= 100:
        raise Refused(messages.share_out_of_range(match[0]))
    return Share(percent / 100)


def check_name(name: str) -> str:
    """The name of an endpoint or a route: letters, digits, ``-`` and ``_``, from 1 to 100 of them.

    A name travels in URLs, headers and metrics, so it keeps to what none of them has to escape.
    """
    if not name:
        raise Refused(messages.empty_text("a name"))
    if found := _NO_NAME.search(name):
        raise Refused(messages.no_name(name, found[0]))
    if len(name) > MAX_NAME_CHARACTERS:
        raise Refused(messages.name_too_long(MAX_NAME_CHARACTERS))
    return name


def check_variable(name: str) -> str:
    """The name of an environment variable, or the beginning of several names and a ``*``."""
    if not name:
        raise Refused(messages.empty_text("the name of an environment variable"))
    if not _VARIABLE.fullmatch(name):
        raise Refused(messages.no_variable(name))
    return name


def check_text(value: object) -> str:
    """Text with something in it."""
    if not isinstance(value, str):
        raise Expected("text")
    if not value.strip():
        raise Refused(messages.empty_text("text"))
    return str(value)


def _check_uri(uri: str) -> str:
    if fault := check_model_uri(uri):
        raise Refused(fault)
    return uri


def _check_glob(glob: str) -> str:
    if not glob.strip():
        raise Refused(messages.empty_text("a pattern of model URIs"))
    return glob


def _within(low: int, high: int) -> Callable[[int], int]:
    def check(number: int) -> int:
        if not low <= number <= high:
            raise Refused(messages.out_of_range(number, low, high))
        return number

    return check


def _text_of(value: object, expected: str) -> str:
    # A bare number is on its way to a duration or a size and only lacks its unit, so it gets that hint.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Expected(expected)
    return str(value)


Name = Annotated[str, Strict(), AfterValidator(check_name)]
ModelUri = Annotated[str, Strict(), AfterValidator(_check_uri)]
Flag = Annotated[bool, Strict()]
VariableName = Annotated[str, Strict(), AfterValidator(check_variable)]
Glob = Annotated[str, Strict(), AfterValidator(_check_glob)]
Port = Annotated[int, Strict(), AfterValidator(_within(0, 65_535))]
ThreadCount = Annotated[int, Strict(), AfterValidator(_within(1, 1_024))]
BatchSize = Annotated[int, Strict(), AfterValidator(_within(1, 1_024))]
ReplicaCount = Annotated[int, Strict(), AfterValidator(_within(1, 64))]

# These go beside the type of a field: Annotated[float, DURATION].
TEXT = PlainValidator(check_text)
DURATION = PlainValidator(parse_duration)
OPTIONAL_DURATION = PlainValidator(parse_optional_duration)
DELAY = PlainValidator(parse_delay)
SIZE = PlainValidator(parse_size)
BODY_SIZE = PlainValidator(partial(parse_size, largest=MAX_BODY_BYTES))
MEMORY = PlainValidator(parse_memory)
