"""A configuration as its author wrote it: mappings, lists and scalars, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rulegate.config.scalars import offsets_of
from rulegate.diagnostics import Excerpt, Source, Span


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A plain scalar that YAML reads as neither text, a decimal whole number, a truth value nor nothing.

    Fractions, dates, hexadecimal, octal and sexagesimal numbers are such. What an author means by ``010`` or ``12:30``
    is not what YAML makes of it; of all these, only fractions are wanted by some settings, which read the ``text``.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Reported:
    """Stands for a value that has its diagnostic already, so that no second one is made of it."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What variables of the environment were put into: the text as it is ``written``, and what it means now.

    ``meaning`` is that of a plain scalar, whether there are quotes or not: in a flow mapping a variable needs them.
    """

    written: str
    meaning: str | int | bool | Unreadable | None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value; ``span`` takes in its quotes.

    ``text`` is what stands there once quotes, escapes and folding are undone. ``style`` is YAML's: empty for a plain
    scalar, ``'``, ``"``, ``|`` or ``>``. With ``filled``, ``text`` holds what the environment had: it may be a secret,
    so no message has it; ``shown`` is for people.
    """

    value: str | int | bool | Unreadable | Reported | None
    text: str
    style: str
    source: Source
    span: Span
    filled: Filled | None = None

    @property
    def shown(self) -> str:
        """The text for people: with the names of variables in place of their values."""
        return self.text if self.filled is None else self.filled.written

    def excerpt(self) -> Excerpt:
        """The text with the way back from each of its characters to the file."""
        return Excerpt(self.source, offsets_of(self.source.text, self.span, self.style, self.shown))


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their values, by the text of the key, in the file's order; of two equal keys only the first."""

    entries: dict[str, tuple[Scalar, Node]]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value of ``key``, or None if the mapping lacks it."""
        entry = self.entries.get(key)
        return entry[1] if entry else None

    def key(self, key: str) -> Scalar | None:
        """The key itself, for diagnostics that point at it."""
        entry = self.entries.get(key)
        return entry[0] if entry else None


Node = Scalar | Sequence | Mapping


def mappings(owner: Node | None, key: str) -> list[Mapping]:
    """The mappings in the list under ``key``; none where there is no such list."""
    items = owner.get(key) if isinstance(owner, Mapping) else None
    return [item for item in items.items if isinstance(item, Mapping)] if isinstance(items, Sequence) else []


def text_of(owner: Mapping, key: str) -> Scalar | None:
    """The value of ``key`` if it is text."""
    value = owner.get(key)
    return value if isinstance(value, Scalar) and isinstance(value.value, str) else None


def scalars(node: Node) -> Iterator[Scalar]:
    """Every value of a tree, in the order of the file; keys are none."""
    match node:
        case Mapping():
            for _, value in node.entries.values():
                yield from scalars(value)
        case Sequence():
            for item in node.items:
                yield from scalars(item)
        case Scalar():
            yield node


class Text(str):
    """A text value on its way into the settings that still knows its scalar, so that a condition can be placed."""

    __slots__ = ("scalar",)

    scalar: Scalar

    def __new__(cls, scalar: Scalar) -> Text:
        """The text of ``scalar``."""
        text = super().__new__(cls, scalar.text)
        text.scalar = scalar
        return text


def plain(node: Node) -> object:
    """The node as Python's own dicts and tuples, for validation; its texts are :class:`Text`."""
    match node:
        case Mapping():
            return {key: plain(value) for key, (_, value) in node.entries.items()}
        case Sequence():
            return tuple(plain(item) for item in node.items)
        case Scalar():
            return Text(node) if isinstance(node.value, str) else node.value
