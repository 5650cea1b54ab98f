"""Where the fallbacks of an endpoint's routes lead: to routes that are there, each once, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rulegate.config.messages import relations
from rulegate.config.tree import Mapping, Scalar, Sequence, text_of
from rulegate.diagnostics import Diagnostic, Source

_SUGGESTED: Final = 20
"""For how many unknown names another one is looked for, which takes its time where there are many routes."""
_NAMED: Final = 10
"""How many routes of a circle are named."""


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
    unknown = 0
    for alias, route in named.items():
        ways[alias] = {}
        for name in fallback_names(route):
            if name.text == alias:
                yield relations.fallback_to_itself().at(source, name.span)
            elif name.text not in named:
                unknown += 1
                known = [other for text, other in shown.items() if text != alias] if unknown <= _SUGGESTED else None
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
        # The routes on the way, each with its number.
        path: dict[str, int] = {}
        # Not recursive: an endpoint may have ten thousand routes that fall back one to the next.
        pending: list[tuple[str, Iterator[tuple[str, Scalar]]]] = []
        _enter(begin, ways, path, pending, done)
        while pending:
            alias, following = pending[-1]
            step = next(following, None)
            if step is None:
                pending.pop()
                del path[alias]
                done.add(alias)
            elif step[0] in path:
                length = len(path) - path[step[0]]
                way = [step[0]] + [pending[path[step[0]] + n][0] for n in range(1, min(length, _NAMED))]
                yield relations.circular_fallback([shown[alias] for alias in way], length).at(source, step[1].span)
            else:
                _enter(step[0], ways, path, pending, done)


def _enter(
    alias: str,
    ways: dict[str, dict[str, Scalar]],
    path: dict[str, int],
    pending: list[tuple[str, Iterator[tuple[str, Scalar]]]],
    done: set[str],
) -> None:
    if alias not in done:
        path[alias] = len(path)
        pending.append((alias, iter(ways[alias].items())))
