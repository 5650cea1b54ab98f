"""Writes the tables of the reference from the vocabulary: ``python -m rulegate.condition.reference FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.vocabulary import Kind, Literal, Signature, describe

BEGIN: Final = "<!-- written by python -m rulegate.condition.reference -->"
END: Final = "<!-- end of what is written -->"


def tables() -> str:
    """The tables of attributes, functions, methods and bounds, in Markdown."""
    return "\n\n".join(
        (
            "### Attributes of `request`\n\n" + _attributes(),
            "### Functions\n\n"
            + _signatures({**vocabulary.FUNCTIONS, **_prefixed("re.", vocabulary.PATTERN_FUNCTIONS)}),
            "### Methods of text\n\n" + _signatures(_methods(Kind.TEXT)),
            "### Methods of objects, headers, args and cookies\n\n" + _signatures(_methods(Kind.DICT)),
            "### Bounds\n\n" + _bounds(),
        )
    )


def updated(document: str) -> str:
    """The document with the tables between its two marks replaced by the present ones.

    Raises:
        ValueError: If a mark is missing.
    """
    begin, end = document.index(BEGIN) + len(BEGIN), document.index(END)
    return f"{document[:begin]}\n\n{tables()}\n\n{document[end:]}"


def _prefixed(prefix: str, signatures: Mapping[str, Signature]) -> dict[str, Signature]:
    return {prefix + name: signature for name, signature in signatures.items()}


def _methods(owner: Kind) -> dict[str, Signature]:
    return {name: signature for name, signature in vocabulary.METHODS.items() if signature.owner & owner}


def _table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    columns = "|".join("---" for _ in head.split("|"))
    return "\n".join((f"| {head} |", f"|{columns}|", *(f"| {' | '.join(row)} |" for row in rows)))


def _attributes() -> str:
    rows = []
    for name, attribute in vocabulary.REQUEST_ATTRIBUTES.items():
        written = [f"`request.{name}`"] * attribute.bare + [f"`request.{name}()`"] * attribute.called
        rows.append((", ".join(written), describe(attribute.kind)))
    return _table("written | is", rows)


def _signatures(signatures: Mapping[str, Signature]) -> str:
    rows = []
    for name, signature in signatures.items():
        parameters = []
        for position, parameter in enumerate(signature.parameters):
            words = parameter.value if isinstance(parameter, Literal) else describe(parameter)
            if signature.keyword and position == len(signature.parameters) - 1:
                words = f"`{signature.keyword}=` {words}"
            parameters.append(words if position < signature.required else f"[{words}]")
        if signature.repeated:
            parameters.append("…")
        generator = ", or a generator" if signature.loops else ""
        rows.append((f"`{name}`", ("; ".join(parameters) or "nothing") + generator, describe(signature.result)))
    return _table("name | takes, in brackets what may be left out | gives", rows)


def _bounds() -> str:
    rows = (
        ("characters of a condition", vocabulary.MAX_LENGTH),
        ("brackets open at one place", vocabulary.MAX_OPEN_BRACKETS),
        ("levels of the tree", vocabulary.MAX_DEPTH),
        ("parts of the tree; a list of constants is one", vocabulary.MAX_NODES),
        ("characters of a text literal", vocabulary.MAX_TEXT_LENGTH),
        ("characters of a regular expression", vocabulary.MAX_PATTERN_LENGTH),
        ("classes and dots of a regular expression, as often as they are counted", vocabulary.MAX_WIDE_PLACES),
        ("digits of an integer literal", vocabulary.MAX_INTEGER_DIGITS),
        ("operators of one chained comparison", vocabulary.MAX_CHAIN),
        ("elements of a list, tuple or set", vocabulary.MAX_COLLECTION),
        ("generators", vocabulary.MAX_GENERATORS),
        ("generators nested", vocabulary.MAX_GENERATOR_DEPTH),
        ("characters of a text that `+` makes", vocabulary.MAX_SUM_LENGTH),
        ("characters of a text that `int` reads", vocabulary.MAX_INT_TEXT),
        ("characters of a text that `float` reads", vocabulary.MAX_FLOAT_TEXT),
        ("cost of one evaluation, in nanoseconds", vocabulary.CONDITION_BUDGET),
        ("cost of all conditions for one request, in nanoseconds", vocabulary.REQUEST_BUDGET),
    )
    return _table("bound | at most", ((what, f"{most:_}".replace("_", " ")) for what, most in rows))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")
