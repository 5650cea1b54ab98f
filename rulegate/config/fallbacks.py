"""Where the fallbacks of an endpoint's routes lead: to routes that are there, each once, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rulegate.config.messages import relations
from rulegate.config.tree import Mapping, Scalar, Sequence, text_of
from rulegate.diagnostics import Diagnostic, Source


def fallback_names(route: Mapping) -> list[Scalar]:
    """The routes that a route names as its fallbacks, in order."""
    listed = route.get("fallback")
    items = listed.items if isinstance(listed, Sequence) else ()
    return [item for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]


def relate_fallbacks(routes: Iterable[Mapping], source: Source) -> Iterator[Diagnostic]:
    """Every fallback of an endpoint's routes that leads nowhere."""
    named: dict[str, Mapping] = {}
    shown: dict[str, str] = {}
    for route in routes:
        if written := text_of(route, "alias"):
            named[written.text], shown[written.text] = route, written.shown
    # Of a route, the fallbacks that lead on, with the place of each.
    ways: dict[str, dict[str, Scalar]] = {}
    for alias, route in named.items():
        ways[alias] = {}
        for name in fallback_names(route):
            if name.text == alias:
                yield relations.fallback_to_itself().at(source, name.span)
            elif name.text not in named:
                known = (other for text, other in shown.items() if text != alias)
                yield relations.unknown_fallback(name.shown, known).at(source, name.span)
            elif name.text in ways[alias]:
                yield relations.repeated_fallback(name.shown).at(source, name.span)
            else:
                ways[alias][name.text] = name
    yield from _circles(ways, shown, source)


def _circles(ways: dict[str, dict[str, Scalar]], shown: dict[str, str], source: Source) -> Iterator[Diagnostic]:
    """One fault for each fallback that closes a circle, found by following all of them depth first."""
    done: set[str] = set()
    for begin in ways:
        path: list[str] = []
        # Not recursive: an endpoint may have ten thousand routes that fall back one to the next.
        pending: list[tuple[str, Iterator[tuple[str, Scalar]]]] = []
        _enter(begin, ways, path, pending, done)
        while pending:
            alias, following = pending[-1]
            step = next(following, None)
            if step is None:
                pending.pop()
                path.pop()
                done.add(alias)
            elif step[0] in path:
                circle = [shown[alias] for alias in (*path[path.index(step[0]) :], step[0])]
                yield relations.circular_fallback(circle).at(source, step[1].span)
            else:
                _enter(step[0], ways, path, pending, done)


def _enter(
    alias: str,
    ways: dict[str, dict[str, Scalar]],
    path: list[str],
    pending: list[tuple[str, Iterator[tuple[str, Scalar]]]],
    done: set[str],
) -> None:
    if alias not in done:
        path.append(alias)
        pending.append((alias, iter(ways[alias].items())))
