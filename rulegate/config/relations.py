"""What must fit together across a file: names are unique, the default endpoint exists, every route can be chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rulegate.config import messages
from rulegate.config.tree import Mapping, Node, Scalar, mappings, text_of
from rulegate.diagnostics import Diagnostic, Source

CONDITION_KEY = "model_request_condition"


def relate(root: Node, source: Source) -> Iterator[Diagnostic]:
    """Every fault between the values of a tree.

    It looks at the tree rather than at the settings, so that what stands in a file with other faults is checked too;
    whatever has not the shape to be looked at is passed over, as validation reports it.
    """
    endpoints = mappings(root, "model_endpoints")
    names = [name for endpoint in endpoints if (name := text_of(endpoint, "name"))]
    yield from _taken(names, "endpoint name", source)
    default = text_of(root, "default_endpoint") if isinstance(root, Mapping) else None
    if default and default.text.strip() and names and default.text not in {name.text for name in names}:
        known = (name.text for name in names)
        yield messages.unknown_default_endpoint(default.text, known).at(source, default.span)
    for endpoint in endpoints:
        routes = mappings(endpoint, "routes")
        aliases = (alias for route in routes if (alias := text_of(route, "alias")))
        yield from _taken(aliases, "route alias", source)
        yield from _unconditional(routes, source)


def _taken(names: Iterable[Scalar], kind: str, source: Source) -> Iterator[Diagnostic]:
    first: dict[str, Scalar] = {}
    for name in names:
        if (earlier := first.setdefault(name.text, name)) is not name:
            line = source.position(earlier.span.start).line
            yield messages.name_taken(kind, name.text, line).at(source, name.span)


def _unconditional(routes: Iterable[Mapping], source: Source) -> Iterator[Diagnostic]:
    """A route without a condition has no use for ``on_error``, and only the first such route is ever reached."""
    first: Mapping | None = None
    for route in routes:
        if route.key(CONDITION_KEY):
            continue
        if on_error := route.key("on_error"):
            yield messages.on_error_without_condition().at(source, on_error.span)
        if first is None:
            first = route
        else:
            name = text_of(first, "alias")
            here = route.get("alias") or route
            yield messages.never_chosen(name.text if name else "the first such route").at(source, here.span)
