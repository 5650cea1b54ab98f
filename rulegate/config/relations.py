"""What must fit together across a file: names are unique, the default endpoint exists, one model has one rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rulegate.config.fallbacks import fallback_names, relate_fallbacks
from rulegate.config.messages import relations
from rulegate.config.route_relations import relate_route, target_names
from rulegate.config.settings import FileSettings
from rulegate.config.tree import Mapping, Node, Scalar, mappings, text_of
from rulegate.diagnostics import Diagnostic, Source

CONDITION_KEY = "model_request_condition"


def relate(root: Node, source: Source) -> Iterator[Diagnostic]:
    """Every fault between the values of a tree.

    It looks at the tree rather than at the settings, so that what stands in a file with other faults is checked too;
    whatever has not the shape to be looked at is passed over, as validation reports it.
    """
    services = (name for service in mappings(root, "external") if (name := text_of(service, "name")))
    yield from _taken(services, "name of a decision service", source)
    endpoints = mappings(root, "model_endpoints")
    names = [name for endpoint in endpoints if (name := text_of(endpoint, "name"))]
    yield from _taken(names, "endpoint name", source)
    default = text_of(root, "default_endpoint") if isinstance(root, Mapping) else None
    if default and default.text.strip() and names and default.text not in {name.text for name in names}:
        known = (name.shown for name in names)
        yield relations.unknown_default_endpoint(default.shown, known).at(source, default.span)
    for endpoint in endpoints:
        routes = mappings(endpoint, "routes")
        aliases = (alias for route in routes if (alias := text_of(route, "alias")))
        yield from _taken(aliases, "route alias", source)
        yield from _unconditional(routes, source)
        yield from relate_fallbacks(routes, source)
        for route in routes:
            yield from relate_route(route, source)
            yield from _taken(target_names(route), "target alias", source)


def relate_models(settings: FileSettings, root: Node, source: Source) -> Iterator[Diagnostic]:
    """Every target that says of a model what another target contradicts; ``root`` is the tree of the ``settings``."""
    first: dict[str, tuple[dict[str, Any], Scalar]] = {}
    for endpoint, placed in zip(settings.endpoints, mappings(root, "model_endpoints"), strict=True):
        for route, node in zip(endpoint.routes, mappings(placed, "routes"), strict=True):
            for target, owner in zip(route.all_targets, mappings(node, "targets") or [node], strict=False):
                uri = text_of(owner, "model_uri")
                if uri is None or not target.overrides:
                    continue
                overrides, where = first.setdefault(target.model_uri, (target.overrides, uri))
                if overrides != target.overrides:
                    line = source.position(where.span.start).line
                    yield relations.settings_differ(line).at(source, uri.span)


def _taken(names: Iterable[Scalar], kind: str, source: Source) -> Iterator[Diagnostic]:
    first: dict[str, Scalar] = {}
    folded: dict[str, Scalar] = {}
    for name in names:
        if (earlier := first.setdefault(name.text, name)) is name:
            if (similar := folded.setdefault(name.text.lower(), name)) is not name:
                yield relations.differ_in_case(name.shown, similar.shown).at(source, name.span)
        else:
            line = source.position(earlier.span.start).line
            yield relations.name_taken(kind, name.shown, line).at(source, name.span)


def _unconditional(routes: Iterable[Mapping], source: Source) -> Iterator[Diagnostic]:
    """A route without a condition has no use for ``on_error``, and only the first is reached, but as a fallback."""
    routes = list(routes)
    fallbacks = {name.text for route in routes for name in fallback_names(route)}
    first: Mapping | None = None
    for route in routes:
        if route.key(CONDITION_KEY):
            continue
        if on_error := route.key("on_error"):
            yield relations.on_error_without_condition().at(source, on_error.span)
        if first is None:
            first = route
        elif (alias := text_of(route, "alias")) is None or alias.text not in fallbacks:
            name = text_of(first, "alias")
            here = route.get("alias") or route
            yield relations.never_chosen(name.shown if name else "the first such route").at(source, here.span)
