"""What is right in form and yet hardly what its author meant: routes, refusals, limits and services without effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rulegate.config.fallbacks import fallback_names
from rulegate.config.messages import Fault, relations
from rulegate.config.reachability import Finding, Rule, Why, reach
from rulegate.config.relations import CONDITION_KEY
from rulegate.config.route_settings import EndpointSettings, RouteSettings
from rulegate.config.settings import FileSettings
from rulegate.config.tree import Mapping, Node, Scalar, mappings, text_of
from rulegate.diagnostics import Diagnostic, Source


def doubt(settings: FileSettings, root: Node, source: Source, *, thorough: bool) -> Iterator[Diagnostic]:
    """Every doubt about settings, of which ``root`` is the tree. Takes time in proportion to the length of the file.

    Where a condition has an error, and so is None in the settings, what depends on all conditions is not looked at.

    Args:
        settings: The settings.
        root: Their tree.
        source: Its file.
        thorough: Whether to hold conditions against each other, which takes a second for ten thousand.
    """
    limit_s = settings.server.request_timeout_s
    for endpoint, placed in zip(settings.endpoints, mappings(root, "model_endpoints"), strict=True):
        nodes = mappings(placed, "routes")
        if thorough and _is_whole(endpoint, nodes):
            yield from _reach(endpoint, placed, nodes, source)
        fallbacks = _fallbacks(nodes)
        for route, node in zip(endpoint.routes, nodes, strict=True):
            yield from _refusal(route, node, source)
            yield from _sticky(route, node, source, is_fallback=route.alias in fallbacks)
            yield from _shadow(route, node, source)
            yield from _limit(node, "timeout", route.timeout_s, limit_s, source)
    remote = root.get("remote") if isinstance(root, Mapping) else None
    if isinstance(remote, Mapping):
        yield from _limit(remote, "connect_timeout", settings.remote.connect_timeout_s, limit_s, source)
    for service, node in zip(settings.external, mappings(root, "external"), strict=True):
        yield from _limit(node, "timeout", service.timeout_s, limit_s, source)
    yield from _unasked(settings, root, source)


def _reach(
    endpoint: EndpointSettings, placed: Mapping, nodes: Sequence[Mapping], source: Source
) -> Iterator[Diagnostic]:
    """The routes that can never be chosen, the refusals that get only a part, and whether something always answers."""
    routes = endpoint.routes
    fallbacks = _fallbacks(nodes)
    rules = [Rule(route.condition, errors_pass=route.on_error in {None, "no_match"}) for route in routes]
    found = reach(rules)
    for finding in found.findings:
        # A fallback is tried where others fail, whatever its condition.
        if routes[finding.rule].alias not in fallbacks and (fault := _fault(finding, found.certain, routes, nodes)):
            node = nodes[finding.rule]
            place = node.get(CONDITION_KEY) or node.get("alias") or node
            yield fault.at(source, place.span)
    is_answered = found.certain is not None or any(route.condition is None for route in routes)
    if not is_answered and (name := text_of(placed, "name")):
        yield relations.no_default(name.shown).at(source, name.span)


def _fault(
    found: Finding, certain: int | None, routes: Sequence[RouteSettings], nodes: Sequence[Mapping]
) -> Fault | None:
    route = routes[found.rule]
    if found.by is None:
        # What is false for every request has a warning of its own.
        return None if route.condition is None or route.condition.warnings else relations.never_true()
    before = routes[found.by]
    if before.condition is None:
        return None  # `relate` has told it
    name = text_of(nodes[found.by], "alias")
    shown = name.shown if name else before.alias
    if found.why is Why.PARTLY_COVERED:
        return relations.partly_refused(shown, first_denies=before.deny is not None) if route.deny else None
    return relations.never_reached(shown, is_certain=found.by == certain)


def _refusal(route: RouteSettings, node: Mapping, source: Source) -> Iterator[Diagnostic]:
    written = text_of(node, CONDITION_KEY)
    if route.deny is None or route.condition is None or written is None or route.on_error in {"match", "fail"}:
        return
    gaps = route.condition.gaps()
    if route.on_error is None and gaps:
        yield relations.undecided_refusal(gaps[0].text).at(source, written.span)
    elif gap := next((gap for gap in gaps if gap.is_open), None):
        yield relations.open_refusal(gap.text).at(source, written.span)


def _sticky(route: RouteSettings, node: Mapping, source: Source, *, is_fallback: bool) -> Iterator[Diagnostic]:
    written = text_of(node, "sticky_on")
    if route.sticky_on is None or written is None:
        return
    # Where the route's condition must be true for it to answer, what that reads is there.
    needs_truth = route.on_error != "match" and not is_fallback
    there = route.condition.ensures() if route.condition and needs_truth else frozenset[str]()
    if gap := next((gap for gap in route.sticky_on.gaps() if gap.text not in there), None):
        yield relations.loose_sticky(gap.text).at(source, written.span)


def _shadow(route: RouteSettings, node: Mapping, source: Source) -> Iterator[Diagnostic]:
    shadow = node.get("shadow")
    if route.shadow is None or not isinstance(shadow, Mapping):
        return
    answering = {target.model_uri for target in route.all_targets if target.weight > 0}
    if answering == {route.shadow.model_uri} and (uri := shadow.get("model_uri")):
        yield relations.needless_shadow().at(source, uri.span)


def _limit(node: Mapping, key: str, limit_s: float | None, of_request_s: float, source: Source) -> Iterator[Diagnostic]:
    value = node.get(key)
    if limit_s is not None and limit_s > of_request_s and isinstance(value, Scalar):
        yield relations.limit_out_of_reach(value.shown, f"{of_request_s:g} s").at(source, value.span)


def _unasked(settings: FileSettings, root: Node, source: Source) -> Iterator[Diagnostic]:
    if not settings.external:
        return
    asked: set[str] = set()
    for endpoint, placed in zip(settings.endpoints, mappings(root, "model_endpoints"), strict=True):
        if not _is_whole(endpoint, mappings(placed, "routes")):
            return
        for route in endpoint.routes:
            expressions = (expression for expression in (route.condition, route.sticky_on) if expression)
            asked.update(*(expression.asks() for expression in expressions))
    for service in mappings(root, "external"):
        if (name := text_of(service, "name")) and name.text not in asked:
            yield relations.unasked_service(name.shown).at(source, name.span)


def _fallbacks(nodes: Sequence[Mapping]) -> set[str]:
    """The routes to which others of their endpoint fall back, which is whatever their conditions say."""
    return {name.text for node in nodes for name in fallback_names(node)}


def _is_whole(endpoint: EndpointSettings, nodes: Sequence[Mapping]) -> bool:
    """Whether no expression of an endpoint's routes has an error."""
    return all(
        (route.condition is not None or CONDITION_KEY not in node.entries)
        and (route.sticky_on is not None or "sticky_on" not in node.entries)
        for route, node in zip(endpoint.routes, nodes, strict=True)
    )
