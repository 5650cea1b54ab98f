"""Regular expressions on RE2, which takes time linear in the text, whatever the expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import re2

from rulegate.condition import vocabulary
from rulegate.condition.meter import Meter

_MAX_MEMORY: Final = 2 << 20
"""Bytes that one expression may take; one that needs more is refused when it is compiled."""

_TOKEN: Final = re.compile(
    r"""
      (?P<absent> \(\?(?:<?[=!]|[(>\#]|P=) | \\[1-9] )
    | (?P<foreign> \\[pPCQEz] | \\x\{ | \\0 | \{,\d+\} | \(\?(?:[a-zA-Z]*U|<) )
    | (?P<class> \[\^?\]?(?:\\.|[^\]\\])*\] )
    | (?P<flags> \(\?[a-zA-Z]+\) )
    | (?P<open> \((?:\?P<\w+>|\?[a-zA-Z]*(?:-[a-zA-Z]+)?:)? ) | (?P<close> \) ) | (?P<bar> \| )
    | (?P<repeat> (?:[*+]|\{\d+,\d*\}|\{\d+\}|\?)\?? )
    | (?P<place> [\^$]|\\[bBAZ] )
    | \\. | .
    """,
    re.VERBOSE | re.DOTALL,
)
_FOREIGN_IN_CLASS: Final = re.compile(r"(?<!\\)(?:\\\\)*(\\[pPCQEz0]|\\x\{|\[:|&&|--|\|\||~~)")
_ABSENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "(?=": "look-ahead",
        "(?!": "look-ahead",
        "(?<=": "look-behind",
        "(?<!": "look-behind",
        "(?(": "conditional groups",
        "(?>": "atomic groups",
        "(?#": "comments",
    }
)


class PatternError(Exception):
    """An expression that cannot be used.

    ``absent`` names the part of Python's syntax that RE2 leaves out, if that is why; ``foreign`` is the part that
    Python does not have or reads differently; ``nested`` is a repetition of nothing but repetitions; ``reason`` says
    what else was found.
    """

    def __init__(
        self, reason: str = "", *, absent: str | None = None, foreign: str | None = None, nested: str | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.absent = absent
        self.foreign = foreign
        self.nested = nested


class Pattern:
    """A compiled expression. Immutable; any number of threads may use it at once."""

    __slots__ = ("_compiled", "_cost")

    def __init__(self, text: str) -> None:
        if len(text) > vocabulary.MAX_PATTERN_LENGTH:
            raise PatternError(f"it has {len(text)} characters, and may have {vocabulary.MAX_PATTERN_LENGTH}")
        _refuse_foreign(text)
        _refuse_nested(text)
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        options.max_mem = _MAX_MEMORY
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            raise PatternError(_reason(error)) from None
        except UnicodeEncodeError:
            raise PatternError("half of a surrogate pair") from None
        # RE2 works off one state a byte; where states run out it follows all places of the expression at once.
        self._cost = 2 + self._compiled.programsize // 16

    def _encoded(self, meter: Meter, text: Any) -> bytes:
        if type(text) is not str:
            raise TypeError("only text")
        meter.charge(len(text) * (self._cost if text.isascii() else self._cost * 3))
        return text.encode()

    def search(self, meter: Meter, text: Any) -> bool:
        """Whether the expression matches anywhere in the text."""
        return self._compiled.search(self._encoded(meter, text)) is not None

    def match(self, meter: Meter, text: Any) -> bool:
        """Whether the expression matches at the beginning of the text."""
        return self._compiled.match(self._encoded(meter, text)) is not None

    def fullmatch(self, meter: Meter, text: Any) -> bool:
        """Whether the expression matches the whole text."""
        return self._compiled.fullmatch(self._encoded(meter, text)) is not None


def _reason(error: re2.error) -> str:
    reason = error.args[0]
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)


def _refuse_foreign(text: str) -> None:
    """Refuses what RE2 lacks, and what RE2 has and Python does not, or reads differently."""
    for match in _TOKEN.finditer(text):
        token = match[0]
        match match.lastgroup:
            case "absent":
                raise PatternError(absent=_ABSENT.get(token, "references to groups"))
            case "foreign":
                raise PatternError(foreign=token)
            case "flags" if match.start() > 0:
                raise PatternError(foreign=token)
            case "class" if found := _FOREIGN_IN_CLASS.search(token):
                raise PatternError(foreign=found[1])


@dataclass(slots=True)
class _Group:
    """An open group: where it begins, and of its present alternative and all before what they are made of."""

    start: int
    only_repeats: bool = False
    pieces: int = 0
    repeats: int = 0
    unbounded: bool = False

    def end_alternative(self) -> None:
        self.only_repeats |= self.unbounded and self.pieces == self.repeats
        self.pieces = self.repeats = 0
        self.unbounded = False


def _refuse_nested(text: str) -> None:
    """Refuses ``(a+)+``: it matches what ``a+`` matches, and every other engine takes exponential time for it."""
    open_groups = [_Group(0)]
    closed: _Group | None = None
    for match in _TOKEN.finditer(text):
        group = open_groups[-1]
        match match.lastgroup:
            case "open":
                open_groups.append(_Group(match.start()))
                closed = None
                continue
            case "close" if len(open_groups) > 1:
                group.end_alternative()
                closed = open_groups.pop()
                outer = open_groups[-1]
                outer.pieces += 1
                outer.repeats += closed.only_repeats
                outer.unbounded |= closed.only_repeats
                continue
            case "bar":
                group.end_alternative()
            case "repeat":
                unbounded = match[0][0] in "*+" or match[0].rstrip("?").endswith(",}")
                if unbounded and closed is not None and closed.only_repeats:
                    raise PatternError(nested=text[closed.start : match.end()])
                group.repeats += closed is None or not closed.only_repeats
                group.unbounded |= unbounded
            case "place" | "flags":
                pass
            case _:
                group.pieces += 1
        closed = None
