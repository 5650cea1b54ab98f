"""Which models a file may name, and which servers: by its own `models.allow`, and by whoever runs the gateway."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fnmatch import translate
from urllib.parse import unquote

from rulegate.config.messages import addresses
from rulegate.config.model_settings import MAX_LISTED
from rulegate.config.tree import Mapping, Node, Scalar, Sequence, mappings, text_of
from rulegate.diagnostics import Diagnostic, Source

EVERYTHING = "*"
"""The glob that any URI matches, `..` in it or not."""


def check_allowed(root: Node, source: Source, allow: Collection[str]) -> Iterator[Diagnostic]:
    """Every model URI of a tree that is not allowed, and each registry and decision service that is not.

    Whoever can name a registry can name one of their own, and a decision service is told what requests hold, so the
    operator's list holds for them too.

    Args:
        root: The tree.
        source: Its file.
        allow: The globs of whoever runs the gateway; if there are none, only the file's own hold.
    """
    if not isinstance(root, Mapping):
        return
    operators = Globs(allow)
    if allow and (registry := text_of(root, "registry_uri")) and not operators.match(registry.text):
        yield addresses.registry_not_allowed(registry.text, allow).at(source, registry.span)
    if allow:
        for service in mappings(root, "external"):
            if (url := text_of(service, "url")) and not operators.match(url.text):
                yield addresses.service_not_allowed(url.text, allow).at(source, url.span)
    listed = _listed(root)
    if len(listed) > MAX_LISTED:
        listed = []  # validation has told it
    of_file = Globs([glob.text for glob in listed])
    shown = [glob.shown for glob in listed]
    for uri in _model_uris(root):
        if listed and not of_file.match(uri.text):
            yield addresses.model_not_listed(uri.text, shown).at(source, uri.span)
        if allow and not operators.match(uri.text):
            yield addresses.model_not_allowed(uri.text, allow).at(source, uri.span)


def _model_uris(root: Mapping) -> Iterator[Scalar]:
    """Every model that the routes of a tree name, as their answer, as a target or as a shadow."""
    for endpoint in mappings(root, "model_endpoints"):
        for route in mappings(endpoint, "routes"):
            shadow = route.get("shadow")
            for owner in (route, *mappings(route, "targets"), *([shadow] if isinstance(shadow, Mapping) else [])):
                if uri := text_of(owner, "model_uri"):
                    yield uri


class Globs:
    """Patterns of URIs, made ready once for all that they are asked about. Immutable, safe to share between threads.

    Of a glob, ``*`` is any text, slashes too, ``?`` a character, ``[ab]`` one of those. No globs match nothing.
    """

    def __init__(self, globs: Collection[str]) -> None:
        self._match_all = EVERYTHING in globs
        self._pattern = re.compile("|".join(map(translate, dict.fromkeys(globs)))) if globs else None

    def match(self, uri: str) -> bool:
        """Whether any glob matches the whole URI.

        A URI that climbs by ``..`` is matched by :data:`EVERYTHING` alone, as it leads elsewhere than it says.
        """
        if self._match_all:
            return True
        # Twice, as an artifact store may undo escapes of what MLflow has undone before.
        if self._pattern is None or ".." in unquote(unquote(uri)).replace("\\", "/").split("/"):
            return False
        return self._pattern.match(uri) is not None


def _listed(root: Mapping) -> list[Scalar]:
    models = root.get("models")
    items = models.get("allow") if isinstance(models, Mapping) else None
    if not isinstance(items, Sequence):
        return []
    return [item for item in items.items if isinstance(item, Scalar) and isinstance(item.value, str)]
