"""Which models a file may name, and which servers: by its own `models.allow`, and by whoever runs the gateway."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from urllib.parse import unquote

from rulegate.config.messages import addresses
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
    if allow and (registry := text_of(root, "registry_uri")) and not matches(registry.text, allow):
        yield addresses.registry_not_allowed(registry.text, allow).at(source, registry.span)
    if allow:
        for service in mappings(root, "external"):
            if (url := text_of(service, "url")) and not matches(url.text, allow):
                yield addresses.service_not_allowed(url.text, allow).at(source, url.span)
    globs = _listed(root)
    listed = [glob.text for glob in globs]
    for uri in _model_uris(root):
        if listed and not matches(uri.text, listed):
            yield addresses.model_not_listed(uri.text, (glob.shown for glob in globs)).at(source, uri.span)
        if allow and not matches(uri.text, allow):
            yield addresses.model_not_allowed(uri.text, allow).at(source, uri.span)


def _model_uris(root: Mapping) -> Iterator[Scalar]:
    """Every model that the routes of a tree name, as their answer, as a target or as a shadow."""
    for endpoint in mappings(root, "model_endpoints"):
        for route in mappings(endpoint, "routes"):
            shadow = route.get("shadow")
            for owner in (route, *mappings(route, "targets"), *([shadow] if isinstance(shadow, Mapping) else [])):
                if uri := text_of(owner, "model_uri"):
                    yield uri


def matches(uri: str, globs: Collection[str]) -> bool:
    """Whether any glob matches the whole URI: ``*`` is any text, slashes too, ``?`` a character, ``[ab]`` one of those.

    A URI that climbs by ``..`` is matched by :data:`EVERYTHING` alone, as it leads elsewhere than it says.
    """
    if EVERYTHING in globs:
        return True
    # Twice, as an artifact store may undo escapes of what MLflow has undone before.
    if ".." in unquote(unquote(uri)).replace("\\", "/").split("/"):
        return False
    return any(fnmatchcase(uri, glob) for glob in globs)


def _listed(root: Mapping) -> list[Scalar]:
    models = root.get("models")
    items = models.get("allow") if isinstance(models, Mapping) else None
    if not isinstance(items, Sequence):
        return []
    return [item for item in items.items if isinstance(item, Scalar) and isinstance(item.value, str)]
