"""What is said about a condition that is larger than one may be."""

from __future__ import annotations

from rulegate.condition import vocabulary
from rulegate.condition.messages.codes import Code
from rulegate.diagnostics import Diagnostic, Source, Span


def too_long(source: Source, span: Span) -> Diagnostic:
    """More code points than a condition may have."""
    return Diagnostic(
        Code.TOO_LONG,
        f"a condition has at most {vocabulary.MAX_LENGTH} characters, this one has {len(source.text)}",
        source,
        span,
        "split it over several routes",
    )


def too_many_open_brackets(source: Source, span: Span) -> Diagnostic:
    """A bracket that opens inside too many others."""
    return Diagnostic(
        Code.TOO_MANY_OPEN_BRACKETS,
        f"at most {vocabulary.MAX_OPEN_BRACKETS} brackets may be open at one place",
        source,
        span,
        "remove brackets that change nothing",
    )


def too_deep(source: Source, span: Span) -> Diagnostic:
    """A tree with too many levels."""
    return Diagnostic(
        Code.TOO_DEEP,
        f"expressions are nested more than {vocabulary.MAX_DEPTH} levels deep here",
        source,
        span,
        "split the condition over several routes",
    )


def too_many_nodes(source: Source, span: Span, count: int) -> Diagnostic:
    """A tree with too many nodes."""
    return Diagnostic(
        Code.TOO_MANY_NODES,
        f"a condition has at most {vocabulary.MAX_NODES} parts, this one has {count}",
        source,
        span,
        "compare with a list of constants, which counts as one part, or split it over several routes",
    )


def text_too_long(source: Source, span: Span, length: int) -> Diagnostic:
    """A literal with too many characters."""
    return Diagnostic(
        Code.TEXT_TOO_LONG,
        f"a text has at most {vocabulary.MAX_TEXT_LENGTH} characters, this one has {length}",
        source,
        span,
        "compare a part of it, as with `startswith`",
    )


def chain_too_long(source: Source, span: Span, count: int) -> Diagnostic:
    """A chained comparison with too many operators."""
    return Diagnostic(
        Code.CHAIN_TOO_LONG,
        f"one comparison has at most {vocabulary.MAX_CHAIN} operators, this one has {count}",
        source,
        span,
        "join several comparisons with `and`",
    )


def collection_too_large(source: Source, span: Span, count: int) -> Diagnostic:
    """A list, tuple or set with too many elements."""
    return Diagnostic(
        Code.COLLECTION_TOO_LARGE,
        f"a collection has at most {vocabulary.MAX_COLLECTION} elements, this one has {count}",
        source,
        span,
        "split it over several routes",
    )


def too_many_generators(source: Source, span: Span, count: int) -> Diagnostic:
    """More generators than a condition may have."""
    return Diagnostic(
        Code.TOO_MANY_GENERATORS,
        f"a condition has at most {vocabulary.MAX_GENERATORS} generators, this one has {count}",
        source,
        span,
        "split it over several routes",
    )


def generator_too_deep(source: Source, span: Span) -> Diagnostic:
    """A generator inside too many others."""
    return Diagnostic(
        Code.TOO_MANY_GENERATORS,
        f"at most {vocabulary.MAX_GENERATOR_DEPTH} generators may be nested",
        source,
        span,
        "look into fewer levels of the value",
    )
