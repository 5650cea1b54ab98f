"""What is said about what must be written out: patterns, networks, time zones, plain numbers, decision services."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from rulegate.condition import vocabulary
from rulegate.condition.messages.codes import Code
from rulegate.condition.messages.suggest import choice, did_you_mean
from rulegate.diagnostics import Diagnostic, Source, Span

if TYPE_CHECKING:
    from rulegate.condition.patterns import PatternError

_SHOWN = 60
"""Characters of a literal that a message repeats."""
_COMPARED = 20
"""How many services may be held against a name that is none of them, of which a file may have thousands."""


def not_written_out(source: Source, span: Span, function: str, literal: vocabulary.Literal) -> Diagnostic:
    """An argument that is computed, or of another kind."""
    return Diagnostic(
        Code.NOT_WRITTEN_OUT,
        f"`{function}` expects {literal.value} here",
        source,
        span,
        "write the value itself: it is read when the condition is compiled",
    )


def unfit_pattern(source: Source, span: Span, error: PatternError) -> Diagnostic:
    """A regular expression that cannot be used."""
    if error.absent is not None:
        message = f"regular expressions have no {error.absent} here"
        hint = "match the parts one by one, joined by `and` and `not`: every expression takes linear time"
    elif error.foreign is not None:
        message = f"`{error.foreign}` means something else in Python's regular expressions, or nothing"
        hint = "write it as Python's `re` reads it; flags stand at the beginning"
    elif error.nested is not None:
        message = f"`{_shown(error.nested)}` repeats a repetition"
        hint = "repeat it once, as in `a+` for `(a+)+`"
    else:
        message = f"this is no regular expression that can be used: {_shown(error.reason)}"
        hint = "write one in the syntax that Python's `re` and RE2 share, as in `r'[0-9]+'`"
    return Diagnostic(Code.UNFIT_PATTERN, message, source, span, hint)


def no_such_network(source: Source, span: Span, text: str, meant: str | None) -> Diagnostic:
    """A text that is not a network; ``meant`` is the network that the address in it belongs to."""
    hint = "write an address, or a network as in `'10.0.0.0/8'` or `'2001:db8::/32'`"
    if meant is not None:
        hint = f"did you mean `{meant}`?"
    return Diagnostic(Code.NO_SUCH_NETWORK, f"`{_shown(text)}` is not a network", source, span, hint)


def no_such_zone(source: Source, span: Span, name: str) -> Diagnostic:
    """A text that is not the name of a time zone."""
    return Diagnostic(
        Code.NO_SUCH_ZONE,
        f"`{_shown(name)}` is not a time zone",
        source,
        span,
        "write a name of the IANA time zone database, such as `UTC` or `Europe/Berlin`, in upper and lower case",
    )


def unknown_service(source: Source, span: Span, name: str, services: Collection[str]) -> Diagnostic:
    """The name of a service that is not defined."""
    hint: str | None = "name one that the configuration defines"
    if len(services) <= _COMPARED:
        hint = did_you_mean(name, sorted(services), choice("decision service", services))
    return Diagnostic(Code.UNKNOWN_SERVICE, f"`{_shown(name)}` is not a decision service", source, span, hint)


def no_services(source: Source, span: Span) -> Diagnostic:
    """``external`` where there is nothing to ask."""
    return Diagnostic(
        Code.NO_SERVICES,
        "no decision service is defined that `external` could ask",
        source,
        span,
        "define it in the configuration, under `external`",
    )


def not_by_name(source: Source, span: Span, meant: str) -> Diagnostic:
    """``external`` with anything behind it but the name of a service in brackets; ``meant`` may be the service."""
    return Diagnostic(
        Code.SERVICE_NOT_NAMED,
        "`external` expects the name of a decision service in brackets and quotes",
        source,
        span,
        f"write `external['{meant}']`",
    )


def _shown(text: str) -> str:
    """The beginning of a literal on one line."""
    return text[:_SHOWN].encode("ascii", "backslashreplace").decode("ascii").replace("\n", "\\n")
