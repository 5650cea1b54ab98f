"""Every key of the file: where it stands, what it means, and what holds without it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from rulegate.config.external_settings import NO_DEFAULT
from rulegate.config.model_settings import ModelOverrides
from rulegate.config.settings import FileSettings
from rulegate.config.values import Share

REQUIRED: Final = "required"
"""In place of a default where there is none."""

AS_MODELS: Final = "as `models` says"
"""The same for what a route or a target may say of its model."""

_ELSEWHERE: Final = {
    "registry_uri": "MLflow's choice",
    "default_endpoint": "the first endpoint",
    "on_error": "`no_match`",
    "targets": "none",
}
"""What holds without keys whose default no value of the file says."""
_SIZES: Final = (("TiB", 1024**4), ("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024), ("B", 1))
_DURATIONS: Final = (("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes:
        path: The keys that lead to it, ``model_endpoints[].routes[].alias``; ``[]`` stands for any item of a list.
        owner: The settings that it is a field of.
        name: The key alone.
        meaning: What it means, in Markdown, in one line.
        default: What holds without it, in words; `REQUIRED` if nothing does.
        value: The same as a value of the file; None if it cannot be said in one.
    """

    path: str
    owner: type
    name: str
    meaning: str
    default: str
    value: Any = None


def all_keys() -> tuple[Key, ...]:
    """Every key that a file can have, in the order of the settings, those of a mapping behind its own."""
    return tuple(_keys(FileSettings, "", overriding=False))


def key_of(hint: Any, name: str) -> str:
    """The key of the field ``name``, of whose type ``hint`` is the annotation with its extras."""
    extras = (extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, FieldInfo))
    return next((extra.alias for extra in extras if extra.alias), name)


def _keys(owner: type, prefix: str, *, overriding: bool) -> Iterator[Key]:
    meanings = _meanings(owner)
    hints = get_type_hints(owner, include_extras=True)
    inherits = issubclass(owner, ModelOverrides)
    overrides = {field.name for field in dataclasses.fields(ModelOverrides) if inherits}
    # What is its own first, then what it may say of its model.
    for field in sorted(dataclasses.fields(owner), key=lambda field: field.name in overrides):
        hint = hints[field.name]
        name = key_of(hint, field.name)
        path = prefix + name
        is_override = overriding or field.name in overrides
        value, default = _default(field, name)
        if is_override:
            default = AS_MODELS
        meaning = f"As `models.batching.{name}`." if overriding else meanings[field.name]
        yield Key(path, owner, name, meaning, default, None if is_override else value)
        for inner, place in _mappings(hint, path):
            yield from _keys(inner, f"{place}.", overriding=is_override)


def _mappings(hint: object, path: str) -> Iterator[tuple[type, str]]:
    """The mappings with keys of their own that a value may be or hold, and where they are in it."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        # Other dataclasses are read from one word.
        if hasattr(hint, "__pydantic_config__"):
            yield hint, path
    elif hasattr(hint, "__metadata__"):
        yield from _mappings(get_args(hint)[0], path)
    else:
        for argument in get_args(hint):
            yield from _mappings(argument, f"{path}[]" if get_origin(hint) is tuple else path)


def _default(field: dataclasses.Field[Any], name: str) -> tuple[Any, str]:
    """What holds without a key, as a value of the file and in words."""
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    if value is dataclasses.MISSING:
        return None, REQUIRED
    if dataclasses.is_dataclass(value) and not isinstance(value, Share):
        return None, "see below"
    if name in _ELSEWHERE:
        return None, _ELSEWHERE[name]
    if value is None or value is NO_DEFAULT:
        return None, "none"
    written = _written(field.name, value)
    return written, f"`{_shown(written)}`"


def _written(field: str, value: Any) -> Any:
    """A default as a file would say it; the unit of a number is in the name of its field."""
    match value:
        case Share(fraction=fraction):
            return f"{fraction * 100:g}%"
        case tuple():
            return list(value)
        case int() if field.endswith("_bytes"):
            return next(f"{value // size}{unit}" for unit, size in _SIZES if value % size == 0)
        case float() if field.endswith("_s"):
            return (
                "0ms" if value == 0 else next(f"{value / s:g}{unit}" for unit, s in _DURATIONS if _is_whole(value / s))
            )
        case float() if value.is_integer():
            return int(value)
        case bool() | int() | float() | str():
            return value
        case _:
            return dict(value)


def _is_whole(number: float) -> bool:
    return number >= 1 and abs(number - round(number)) < 1e-9


def _shown(written: Any) -> str:
    match written:
        case bool():
            return str(written).lower()
        case list():
            return "[" + ", ".join(f'"{item}"' for item in written) + "]"
        case float():
            return f"{written:g}".replace("e-0", "e-")
        case _:
            return str(written)


def _meanings(owner: type) -> dict[str, str]:
    """What the docstrings below the fields of a class say, in one line each; those of its parents are among them."""
    found: dict[str, str] = {}
    for parent in reversed(owner.__mro__[:-1]):
        (tree,) = ast.parse(inspect.getsource(parent).lstrip()).body
        assert isinstance(tree, ast.ClassDef)  # noqa: S101
        for statement, below in zip(tree.body, tree.body[1:], strict=False):
            match statement, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found
