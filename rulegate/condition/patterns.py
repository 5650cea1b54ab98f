"""Regular expressions on RE2, which takes time linear in the text, whatever the expression."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import re2

from rulegate.condition import vocabulary
from rulegate.condition.meter import Meter

_STATED_PLACES: Final = 12
"""Places that match many characters, of which an expression's states (at most two to this power) fit its memory."""
_SHORT: Final = 4_096
"""Bytes that are left of a compressed text whose states fit its memory; shorter texts are not compressed."""
_CLASSES: Final = frozenset("dDwWsS")
_COMPRESSION_NS: Final = 16
_MAX_MEMORY: Final = 2 << 20
"""Bytes for the program of an expression, which is refused if it needs most of them, and for the states it comes to."""

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
_UNBOUNDED: Final = re.compile(r"[*+]|\{[0-9]+,\}")
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

    __slots__ = ("_compiled", "_cost", "_slow_anywhere", "_slow_from_the_beginning")

    def __init__(self, text: str) -> None:
        if len(text) > vocabulary.MAX_PATTERN_LENGTH:
            raise PatternError(f"it has {len(text)} characters, and may have {vocabulary.MAX_PATTERN_LENGTH}")
        _refuse_foreign(text)
        _refuse_nested(text)
        wide = _wide_places(text)
        if wide > vocabulary.MAX_WIDE_PLACES:
            raise PatternError(
                f"it has {wide} places for any of several characters, more than the limit of"
                f" {vocabulary.MAX_WIDE_PLACES}"
            )
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
        # RE2 goes from state to state, one a byte. An expression in which many places match many characters can have
        # more states than fit its memory; then RE2 follows all places at once, which is measured to be far slower.
        size = self._compiled.programsize
        self._cost = 2 + size // 8
        slow = min(250 + 7 * size, 3_000) if wide > _STATED_PLACES else 0
        self._slow_anywhere = 0 if text.startswith("^") and not _is_ambiguous(text) else slow
        self._slow_from_the_beginning = slow if _is_ambiguous(text) else 0

    def _encoded(self, meter: Meter, text: Any, slow: int) -> bytes:
        """The text for RE2, after the search has been charged; ``slow`` is what a character costs without states."""
        if type(text) is not str:
            raise TypeError("only text")
        meter.charge(len(text) * (self._cost if text.isascii() else self._cost * 3))
        encoded = text.encode()
        if slow and (len(encoded) < _SHORT or not _repeats_itself(meter, encoded)):
            meter.charge(len(text) * slow)
        return encoded

    def search(self, meter: Meter, text: Any) -> bool:
        """Whether the expression matches anywhere in the text."""
        return self._compiled.search(self._encoded(meter, text, self._slow_anywhere)) is not None

    def match(self, meter: Meter, text: Any) -> bool:
        """Whether the expression matches at the beginning of the text."""
        return self._compiled.match(self._encoded(meter, text, self._slow_from_the_beginning)) is not None

    def fullmatch(self, meter: Meter, text: Any) -> bool:
        """Whether the expression matches the whole text."""
        return self._compiled.fullmatch(self._encoded(meter, text, self._slow_from_the_beginning)) is not None


def _is_ambiguous(text: str) -> bool:
    """Whether an expression may match at one place in several ways: it has alternatives or counts that vary."""
    kinds = ((match.lastgroup, match[0]) for match in _TOKEN.finditer(text))
    return any(
        kind in {"bar", "flags"} or (kind == "repeat" and re.fullmatch(r"\{[0-9]+\}", part) is None)
        for kind, part in kinds
    )


def _wide_places(text: str) -> int:
    """How many characters an expression's classes and dots match, repeated as often as it counts them."""
    count, last, opened = 0, 0, []
    for match in _TOKEN.finditer(text):
        part = match[0]
        group = match.lastgroup
        if group == "open":
            opened.append(count)
            last = 0
        elif group == "close":
            last = count - opened.pop() if opened else 0
        elif group == "repeat":
            times = max((int(digits) for digits in re.findall("[0-9]+", part)), default=1)
            count += last * (times - 1)
            last = 0
        else:
            last = int(group in {"class", "bar"} or part == "." or (part[0] == "\\" and part[1:] in _CLASSES))
            count += last
    return count


def _repeats_itself(meter: Meter, encoded: bytes) -> bool:
    """Whether a text is the same short part again and again, so that it leads to few states."""
    meter.charge(len(encoded) * _COMPRESSION_NS)
    # With the least memory that the algorithm works in, which sees only what came a moment before; and no harder than
    # finds every repetition there, which on the slowest text takes less than half as long as the usual level.
    compressor = zlib.compressobj(level=4, wbits=9, memLevel=4)
    return len(compressor.compress(encoded) + compressor.flush()) < _SHORT


def _reason(error: re2.error) -> str:
    reason: bytes = error.args[0]
    return reason.decode(errors="replace")


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
    """An open group: where it begins, whether an alternative before is nothing but repetitions, and the present one.

    ``plain`` counts the pieces that are not repeated; ``unbounded`` says whether one is repeated without an end.
    """

    start: int = 0
    only_repeats: bool = False
    plain: int = 0
    unbounded: bool = False

    def end_alternative(self) -> None:
        self.only_repeats |= self.unbounded and not self.plain
        self.plain = 0
        self.unbounded = False


def _refuse_nested(text: str) -> None:
    """Refuses ``(a+)+``: it matches what ``a+`` matches, and every other engine takes exponential time for it."""
    open_groups = [_Group()]
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
                outer.plain += not closed.only_repeats
                outer.unbounded |= closed.only_repeats
                continue
            case "bar":
                group.end_alternative()
            case "repeat":
                unbounded = _UNBOUNDED.match(match[0]) is not None
                if unbounded and closed is not None and closed.only_repeats:
                    raise PatternError(nested=text[closed.start : match.end()])
                group.plain -= closed is None or not closed.only_repeats
                group.unbounded |= unbounded
            case "place":
                pass
            case _:
                group.plain += 1
        closed = None
