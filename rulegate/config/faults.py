"""What validation found, in the product's own words and at the place in the file that is at fault."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

from pydantic import ValidationError

from rulegate.config.external_settings import ExternalSettings
from rulegate.config.keys import key_of
from rulegate.config.messages import Fault, values
from rulegate.config.model_settings import BatchingSettings, ModelSettings
from rulegate.config.route_settings import (
    DenySettings,
    EndpointSettings,
    RouteSettings,
    ShadowSettings,
    TargetSettings,
)
from rulegate.config.settings import AdminSettings, FileSettings, RemoteSettings, ServerSettings
from rulegate.config.tree import Mapping, Node, Reported, Scalar, Sequence, Unreadable
from rulegate.config.values import Expected, Refused
from rulegate.config.wording import shorten
from rulegate.diagnostics import Diagnostic, Source, Span


def keys_of(settings: type) -> tuple[str, ...]:
    """The keys that a file may use for the fields of ``settings``."""
    hints = get_type_hints(settings, include_extras=True)
    return tuple(key_of(hint, name) for name, hint in hints.items() if not name.startswith("_"))


_BATCHING = ("`batching`", keys_of(BatchingSettings))

# Who owns the keys at a place, positions in lists left out, and which keys those are.
_OWNERS = {
    (): ("a configuration", keys_of(FileSettings)),
    ("server",): ("`server`", keys_of(ServerSettings)),
    ("admin",): ("`admin`", keys_of(AdminSettings)),
    ("remote",): ("`remote`", keys_of(RemoteSettings)),
    ("external",): ("a decision service", keys_of(ExternalSettings)),
    ("models",): ("`models`", keys_of(ModelSettings)),
    ("models", "batching"): _BATCHING,
    ("model_endpoints",): ("an endpoint", keys_of(EndpointSettings)),
    ("model_endpoints", "routes"): ("a route", keys_of(RouteSettings)),
    ("model_endpoints", "routes", "batching"): _BATCHING,
    ("model_endpoints", "routes", "deny"): ("`deny`", keys_of(DenySettings)),
    ("model_endpoints", "routes", "shadow"): ("`shadow`", keys_of(ShadowSettings)),
    ("model_endpoints", "routes", "targets"): ("a target", keys_of(TargetSettings)),
    ("model_endpoints", "routes", "targets", "batching"): _BATCHING,
}
_FORMS = {"(word)", "(mapping)"}
_CHOICES = {
    "batching": ("auto", "off"),
    "balance": ("weighted", "round_robin", "least_busy"),
    "on_error": ("no_match", "match", "fail"),
    "environment": ("local", "uv", "virtualenv", "conda"),
}
_EXAMPLES = {
    "model_endpoints": "model_endpoints:",
    "name": "name: sentiment-router",
    "routes": "routes:",
    "alias": "alias: fast",
    "model_uri": "model_uri: models:/name/production",
    "url": "url: http://127.0.0.1:8181/v1/data/routing",
    "port": "port: 5001",
    "token": "token: ${RULEGATE_ADMIN_TOKEN}",
}
_ITEMS = {"model_endpoints": "endpoint", "routes": "route", "targets": "target", "allow": "pattern"}
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "`true` or `false`",
    "tuple_type": "a list",
    "dataclass_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
}


def diagnose(error: ValidationError, root: Node, source: Source) -> Iterator[Diagnostic]:
    """One diagnostic for each fault that validation found in ``root``, the tree of ``source``."""
    for found in error.errors(include_url=False, include_input=False):
        # A value that may have two forms brings the form's name along, which is no key of the file.
        place = tuple(part for part in found["loc"] if part not in _FORMS)
        match found["type"]:
            case "unexpected_keyword_argument":
                owner, keys = _owner(place[:-1])
                key = str(place[-1])
                yield values.unknown_key(key, owner, keys).at(source, _key_span(root, place))
            case "missing":
                owner, _ = _owner(place[:-1])
                key = str(place[-1])
                span = _opening(_at(root, place[:-1]))
                yield values.missing_key(key, owner, _EXAMPLES[key]).at(source, span)
            case kind:
                node = _at(root, place)
                if fault := _of_value(kind, found.get("ctx", {}), node, place):
                    yield fault.at(source, node.span)


def _of_value(kind: str, context: dict[str, Any], node: Node, place: tuple[int | str, ...]) -> Fault | None:
    if isinstance(node, Scalar) and isinstance(node.value, Reported):
        return None
    match kind, context.get("error"):
        case "value_error", Refused(fault=fault):
            return fault
        case "value_error", Expected() as expected:
            return _wrong_type(str(expected), node)
        case "too_short", _:
            # Items that are at fault themselves are not counted by the validation, but the list has them.
            return values.empty_list(_ITEMS[str(place[-1])]) if isinstance(node, Sequence) and not node.items else None
        case "too_long", _ if isinstance(node, Sequence):
            return values.too_many(_ITEMS[str(place[-1])], len(node.items), context["max_length"])
        case "literal_error", _:
            choices = _CHOICES[str(place[-1])]
            return values.no_choice(node.text, choices) if isinstance(node, Scalar) else _wrong_type("text", node)
    return _wrong_type(_EXPECTED[kind], node)


def _wrong_type(expected: str, node: Node) -> Fault:
    return values.wrong_type(expected, _described(node), _remedy(expected, node))


def _remedy(expected: str, node: Node) -> str | None:
    """How to get from what stands there to what is expected."""
    match expected, node:
        case _, Scalar(value=None):
            return "give the key a value, or remove it"
        case "text" | "a condition" | "an expression" | "a JSON value", Scalar(
            value=bool() | int() | Unreadable(), text=text
        ):
            return f'put it in quotes: `"{shorten(text)}"`'
        case "a whole number", Scalar(value=str(), text=text, style=style) if style and text.strip().isdecimal():
            return f"remove the quotes: `{shorten(text.strip())}`"
        case "a whole number", Scalar(value=str() | Unreadable()):
            return "write it in decimal digits, without a leading zero"
        case "`true` or `false`", Scalar(value=str()):
            return "write `true` or `false`, without quotes"
        case (("a duration such as `60s`" | "a size such as `10MiB`"), _):
            return "write a number and its unit, without a space between"
        case "a list", _:
            return "begin each item with `- `, in a line of its own"
        case "a mapping of keys to values", _:
            return "write its keys as `key: value`, each in a line of its own"
    return None


def _described(node: Node) -> str:
    """What stands there, as it reads after "got"."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(value=None):
            return "nothing"
        case Scalar(value=bool(), text=text) if text.lower() not in {"true", "false"}:
            return f"`{text}`, which YAML reads as {'true' if node.value else 'false'}"
        case Scalar(value=bool(), text=text):
            return f"the truth value `{text}`"
        case Scalar(value=int(), text=text):
            return f"the number `{text}`"
        case Scalar(value=Unreadable(kind=kind), text=text):
            return f"{kind} `{shorten(text)}`"
        case Scalar(text=text):
            return f"the text `{shorten(text)}`" if text else "empty text"


def _owner(place: tuple[int | str, ...]) -> tuple[str, tuple[str, ...]]:
    return _OWNERS[tuple(step for step in place if isinstance(step, str))]


def _at(root: Node, place: tuple[int | str, ...]) -> Node:
    """The node that validation means by ``place``."""
    node = root
    for step in place:
        if isinstance(node, Sequence) and isinstance(step, int):
            node = node.items[step]
        elif isinstance(node, Mapping):
            node = node.get(str(step)) or node
    return node


def _key_span(root: Node, place: tuple[int | str, ...]) -> Span:
    owner = _at(root, place[:-1])
    key = owner.key(str(place[-1])) if isinstance(owner, Mapping) else None
    return key.span if key else owner.span


def _opening(node: Node) -> Span:
    """Where a mapping that lacks something is pointed at: its first key."""
    keys = [key for key, _ in node.entries.values()] if isinstance(node, Mapping) else []
    return keys[0].span if keys else node.span
