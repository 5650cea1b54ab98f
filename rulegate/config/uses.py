"""Where a configuration names models, and beside which conditions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from rulegate.condition import Condition
from rulegate.config.document import read
from rulegate.config.load import TEXT_NAME, shown_text
from rulegate.config.relations import CONDITION_KEY
from rulegate.config.route_settings import RouteSettings
from rulegate.config.settings import Config
from rulegate.config.tree import Mapping, Scalar, mappings, text_of
from rulegate.diagnostics import Excerpt, Source, Span


@dataclass(frozen=True, slots=True)
class Use:
    """One place of a file at which a model is named.

    Attributes:
        model_uri: The model that is named.
        written: As the file has it, with the names of variables.
        source: The file, its secrets masked.
        span: The place.
        condition: The condition under which it answers, and where that stands; None where it needs none.
    """

    model_uri: str
    written: str
    source: Source
    span: Span
    condition: tuple[Condition, Excerpt] | None


def uses(config: Config, *, name: str = TEXT_NAME) -> tuple[Use, ...]:
    """Every place at which a configuration names a model, in the order of its text.

    ``name`` is what the text is called where it is of no file.
    """
    source = Source(name if config.path is None else str(config.path), config.text)
    root, _ = read(source)
    masked = Source(source.name, shown_text(config))
    found: list[Use] = []
    for endpoint, settings in zip(mappings(root, "model_endpoints"), config.endpoints, strict=True):
        for route, route_settings in zip(mappings(endpoint, "routes"), settings.routes, strict=True):
            written, compiled = text_of(route, CONDITION_KEY), route_settings.condition
            condition = (compiled, replace(written.excerpt(), source=masked)) if written and compiled else None
            named = zip(_named(route_settings), _places(route), strict=True)
            found += (Use(uri, _shown(place, masked), masked, place.span, condition) for uri, place in named)
    return tuple(found)


def _named(route: RouteSettings) -> Iterator[str]:
    yield from (target.model_uri for target in route.all_targets)
    if route.shadow:
        yield route.shadow.model_uri


def _shown(place: Scalar, masked: Source) -> str:
    """A model's URI for people: as it is written, or as it stands in the masked text if a secret is in it."""
    text = masked.text[place.span.start : place.span.end]
    return place.shown if text == place.source.text[place.span.start : place.span.end] else text.strip("'\"")


def _places(route: Mapping) -> Iterator[Scalar]:
    shadow = route.get("shadow")
    for owner in (route, *mappings(route, "targets"), *([shadow] if isinstance(shadow, Mapping) else [])):
        if uri := text_of(owner, "model_uri"):
            yield uri
