"""YAML text → the tree of what its author wrote, and every fault of its form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

import yaml

from rulegate.config.messages import Fault, form
from rulegate.config.tree import Mapping, Node, Reported, Scalar, Sequence, Unreadable
from rulegate.diagnostics import Diagnostic, Source, Span

MAX_DEPTH = 32
"""How deep lists and mappings may nest, several times deeper than any setting lies."""

MAX_KEYS = 10_000
"""How many keys one mapping may have, many times more than there are settings."""

MAX_NODES = 1_000_000
"""How many keys and values a file may have in all, several times more than ten thousand routes need."""

MAX_DIAGNOSTICS = 1000
"""How many faults of one file are kept: nobody reads more, and a file may have millions."""

# The same events twenty times faster where libyaml is there, as it is in PyYAML's wheels.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# The parser looks through all of them for each: a thousand take a blink, a hundred thousand minutes.
_TAG_DIRECTIVE = re.compile("(?:^|(?<=[\r\x85\u2028\u2029]))%TAG[ \t]", re.MULTILINE)
_WORD = re.compile(r"\S{0,100}")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})", re.ASCII)
_TAG = "tag:yaml.org,2002:"


def read(source: Source) -> tuple[Node | None, list[Diagnostic]]:
    """The tree of the only document in ``source``, or None if there is none to read, and what is wrong with its form.

    The YAML parser's events are read one by one and no object of the author's choosing is ever built. Anchors, aliases,
    merge keys, tags and further documents are refused, so the tree is never larger than the text.
    """
    if forbidden := _FORBIDDEN.search(source.text):
        return None, [form.forbidden_character(forbidden[0]).at(source, Span(*forbidden.span()))]
    if directive := _TAG_DIRECTIVE.search(source.text):
        return None, [form.tag_directive().at(source, Span(directive.start(), directive.end() - 1))]
    reader = _Reader(source)
    try:
        return reader.document(), reader.diagnostics
    except _TooMuchError as error:
        reader.report(error.fault, error.span)
    except yaml.MarkedYAMLError as error:
        fault, span = _syntax(source.text, error)
        reader.report(fault, span)
    except (yaml.YAMLError, ValueError, OverflowError):
        # Escapes that name no character and numbers in directives without end, in the parser without libyaml.
        reader.report(form.not_yaml("it holds a character or a number that cannot be"), Span(0, 0))
    return None, reader.diagnostics


def meaning_of(text: str, resolver: Any = None) -> str | int | bool | Unreadable | None:
    """What a plain scalar means, by the rules of YAML 1.1 as PyYAML has them; ``resolver`` is PyYAML's."""
    resolver = resolver or yaml.resolver.Resolver()
    # Almost all that stands in a file is told without asking, which takes most of the time of reading one.
    if text and text[0] not in resolver.yaml_implicit_resolvers:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    tag = resolver.resolve(yaml.ScalarNode, text, (True, False)).removeprefix(_TAG)
    match tag:
        case "int":
            return int(text) if _DECIMAL.fullmatch(text) else Unreadable("the number", text)
        case "bool":
            return text.lower() in {"yes", "true", "on"}
        case "null":
            return None
        case "float":
            return Unreadable("the number", text)
        case "timestamp":
            return Unreadable("the date", text)
        case _:
            return text


class _TooMuchError(Exception):
    """The file is nothing that anybody has written; reading on would only take time."""

    def __init__(self, fault: Fault, span: Span) -> None:
        super().__init__()
        self.fault = fault
        self.span = span


class _Reader:
    """Builds the tree of one text. ``diagnostics`` grows while it reads."""

    def __init__(self, source: Source) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._source = source
        self._events: Iterator[Any] = yaml.parse(source.text, _Loader)
        self._resolver: Any = yaml.resolver.Resolver()
        self._nodes = 0

    def document(self) -> Node | None:
        root: Node | None = None
        next(self._events)  # the begin of the stream
        for event in self._events:
            match event:
                case yaml.DocumentStartEvent() if root is not None:
                    self.report(form.several_documents(), _span(event))
                    return root
                case yaml.DocumentStartEvent():
                    root = self._node(next(self._events), depth=0)
        return root

    def report(self, fault: Fault, span: Span) -> None:
        if len(self.diagnostics) < MAX_DIAGNOSTICS:
            self.diagnostics.append(fault.at(self._source, span))

    def _node(self, event: Any, depth: int) -> Node:
        span = _span(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooMuchError(form.too_many_nodes(MAX_NODES), span)
        if isinstance(event, yaml.AliasEvent):
            self.report(form.alias(str(event.anchor)), span)
            return Scalar(Reported(), "", "", self._source, span)
        if event.anchor is not None:
            self.report(form.anchor(event.anchor), self._first_word(span))
        if event.tag is not None:
            self.report(form.tag(event.tag.replace(_TAG, "!!")), self._first_word(span))
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event, span)
            case _ if depth == MAX_DEPTH:
                raise _TooMuchError(form.too_deep(MAX_DEPTH), span)
            case yaml.SequenceStartEvent():
                return self._sequence(span, depth + 1)
            case _:
                return self._mapping(span, depth + 1)

    def _scalar(self, event: Any, span: Span) -> Scalar:
        style = event.style if event.style in {"'", '"', "|", ">"} else ""
        value = event.value if style else meaning_of(event.value, self._resolver)
        return Scalar(value if event.tag is None else Reported(), event.value, style, self._source, span)

    def _sequence(self, span: Span, depth: int) -> Sequence:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                span = Span(span.start, _span(event).end)
                break
            items.append(self._node(event, depth))
        return Sequence(tuple(items), span)

    def _mapping(self, span: Span, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                span = Span(span.start, _span(event).end)
                break
            key = self._node(event, depth)
            if len(entries) == MAX_KEYS:
                raise _TooMuchError(form.too_many_keys(MAX_KEYS), key.span)
            value = self._node(next(self._events), depth)
            if self._is_key(key, entries):
                entries[key.text] = (key, value)
        return Mapping(entries, span)

    def _is_key(self, key: Node, entries: dict[str, tuple[Scalar, Node]]) -> TypeGuard[Scalar]:
        match key:
            case Scalar(value=str(), text="<<", style=""):
                self.report(form.merge_key(), key.span)
            case Scalar(value=str(), text=text) if text in entries:
                first = self._source.position(entries[text][0].span.start).line
                self.report(form.duplicate_key(text, first), key.span)
            case Scalar(value=str()):
                return True
            case Scalar(value=Reported()):
                pass
            case _:
                self.report(form.key_is_not_text(), key.span)
        return False

    def _first_word(self, span: Span) -> Span:
        """Where an anchor or a tag stands: PyYAML counts both to the value that they precede."""
        word = _WORD.match(self._source.text, span.start)
        return Span(span.start, word.end() if word else span.start)


def _span(event: Any) -> Span:
    return Span(event.start_mark.index, event.end_mark.index)


def _syntax(text: str, error: yaml.MarkedYAMLError) -> tuple[Fault, Span]:
    """The YAML parser's complaint in the words of this product, at the place that the author has to change.

    Both parsers of PyYAML, with and without libyaml, word and place their complaints differently.
    """
    problem = error.problem or "it cannot be read"
    mark = error.problem_mark or error.context_mark
    at = min(mark.index, len(text)) if mark else 0
    opened = min(error.context_mark.index, len(text)) if error.context_mark else at
    char = text[at : at + 1]
    here = Span(at, min(at + 1, len(text)))
    if "cannot start any token" in problem:
        return (form.tab_in_indentation() if char == "\t" else form.cannot_begin(char)), here
    if "mapping values are not allowed" in problem:
        return form.unexpected_colon(), here
    if "end of stream" in problem or "document separator" in problem:
        return form.unclosed_quote(), Span(opened, min(opened + 1, len(text)))
    if "unknown escape" in problem:
        start = at if char == "\\" else at - 1
        return form.unknown_escape(), Span(start, start + 2)
    if "could not find expected ':'" in problem:
        return form.missing_colon(), Span(opened, max(opened, text.find("\n", opened)))
    if "flow" in (error.context or "") and "expected ','" in problem:
        variable = re.compile(r"\$\{[^}\n]*\}?").search(text, opened)
        if variable and variable.start() <= at:
            return form.unquoted_variable(variable[0]), Span(*variable.span())
        return form.unclosed_bracket(text[opened : opened + 1]), Span(opened, min(opened + 1, len(text)))
    if re.search("block (mapping|collection|sequence)", error.context or "") and "expected" in problem:
        return form.bad_indentation(), here
    if "expected node content" in problem or "expected the node content" in problem:
        # At the end of a file the parser points behind its last line, where nothing is to be seen.
        end = len(text.rstrip())
        return form.missing_value(), here if at < end else Span(end, end)
    return form.not_yaml(problem.splitlines()[0]), here
