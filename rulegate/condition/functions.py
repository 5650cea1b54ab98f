"""The functions of the language that are not Python's own, or narrower than Python's."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING, Any, Final

from rulegate.condition import vocabulary
from rulegate.condition.charges import charge_writing
from rulegate.condition.meter import Meter
from rulegate.condition.request import Request

if TYPE_CHECKING:
    from rulegate.condition.networks import Networks

_INT: Final = re.compile(r"[+-]?[0-9]+")
_FLOAT: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DIGIT_NS: Final = 20
_EXACT: Final = 1e22
"""Up to here a decimal is rounded in a moment; beyond, all its digits are written out."""


def int_of(_meter: Meter, value: Any) -> int:
    """``int(value)``; of text only plain digits with a sign."""
    if type(value) is str and (len(value) > vocabulary.MAX_INT_TEXT or not _INT.fullmatch(value)):
        raise ValueError("not a plain number")
    return int(value)


def float_of(meter: Meter, value: Any) -> float:
    """``float(value)``; of text only a plain decimal that is finite."""
    if type(value) is not str:
        return float(value)
    if len(value) > vocabulary.MAX_FLOAT_TEXT or not _FLOAT.fullmatch(value):
        raise ValueError("not a plain number")
    meter.charge(len(value) * _DIGIT_NS)
    number = float(value)
    if math.isinf(number):
        raise ValueError("not finite")
    return number


def str_of(meter: Meter, value: Any) -> str:
    """``str(value)``; an integer beyond the interpreter's limit of digits errs."""
    if type(value) is not str:
        charge_writing(meter, value)
    return str(value)


def round_of(meter: Meter, value: Any, digits: int | None = None) -> Any:
    """``round(value)`` or ``round(value, digits)`` of a number."""
    if type(value) is float and not -_EXACT < value < _EXACT:
        meter.charge(12_000)
    return round(value, digits)


def ip_in(_meter: Meter, address: Any, networks: Networks) -> bool:
    """``ip_in(address, networks)``."""
    return networks.hold(address)


def bucket(meter: Meter, value: Any, buckets: int, salt: str = "") -> int:
    """The bucket from 0 to ``buckets`` - 1 that a value falls into: the same in every process and version.

    It is ``h * buckets >> 64``, where ``h`` is the number that the first 8 bytes of a SHA-256 make, most significant
    byte first. Hashed are the salt in UTF-8, a zero byte, and the value: ``s`` and the text in UTF-8 (half a surrogate
    pair in three bytes), ``n`` and the shortest decimal form of a number (the same for 1 and 1.0), ``b`` and 0 or 1 for
    a truth, ``0`` for None.
    """
    if type(value) is str:
        meter.charge(len(value) * 8)
        tagged = "s" + value
    elif type(value) is bool:
        tagged = f"b{int(value)}"
    elif value is None:
        tagged = "0"
    elif type(value) is float:
        tagged = f"n{int(value) if value.is_integer() else value!r}"
    elif type(value) is int:
        tagged = "n" + str_of(meter, value)
    else:
        raise TypeError("only text, numbers, truths and None")
    # Here, because it takes longer to import than to compile a condition.
    import hashlib

    digest = hashlib.sha256(f"{salt}\0{tagged}".encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8]) * buckets >> 64


def now_time(request: Request, zone: dt.tzinfo = dt.UTC) -> str:
    """The time of day as ``HH:MM:SS``."""
    return request.moment.astimezone(zone).strftime("%H:%M:%S")


def now_date(request: Request, zone: dt.tzinfo = dt.UTC) -> str:
    """The date as ``YYYY-MM-DD``."""
    return request.moment.astimezone(zone).date().isoformat()


def now_weekday(request: Request, zone: dt.tzinfo = dt.UTC) -> int:
    """The day of the week, 0 for Monday."""
    return request.moment.astimezone(zone).weekday()
