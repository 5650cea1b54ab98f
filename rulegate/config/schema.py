"""The JSON Schema of a configuration file, from the settings' own classes, for editors."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter

from rulegate.config.keys import Key, all_keys
from rulegate.config.settings import FileSettings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_VARIABLE: Final = "variable"
_DEFINITIONS: Final = "#/$defs/"


def schema() -> dict[str, Any]:
    """The schema as JSON has it, in draft 2020-12.

    It says of each key what it means, which values it takes and what holds without it, so that editors complete and
    explain. It knows the form of values and not what must fit together: it accepts every file that is accepted, and
    many that are not.
    """
    made: dict[str, Any] = TypeAdapter(FileSettings).json_schema(mode="validation")
    definitions: dict[str, Any] = made.pop("$defs")
    for owner in (made, *definitions.values()):
        del owner["title"]
    for key in {(key.owner, key.name): key for key in reversed(all_keys())}.values():
        owner = made if key.owner is FileSettings else definitions[key.owner.__name__]
        owner["properties"][key.name] = _property(owner["properties"][key.name], key)
    definitions[_VARIABLE] = {
        "description": "A text with variables of the environment in it.",
        "type": "string",
        "pattern": r"\$\{",
    }
    return {"$schema": DIALECT, "title": "The configuration of a rulegate gateway", **made, "$defs": definitions}


def _property(made: dict[str, Any], key: Key) -> dict[str, Any]:
    made = {name: value for name, value in made.items() if name not in {"title", "default", "description"}}
    default = {} if key.value is None else {"default": key.value}
    return {"description": key.meaning, **_with_variables(made), **default}


def _with_variables(made: dict[str, Any]) -> dict[str, Any]:
    """The same, in which a value may have variables in it wherever a plain text would not do anyway."""
    match made:
        case {"oneOf": [*forms]} | {"anyOf": [*forms]}:
            return {"anyOf": [_with_variables(form) for form in forms]}
        case {"type": "array", "items": items}:
            return {**made, "items": _with_variables(items)}
        case {"type": "object", "additionalProperties": dict(values)}:
            return {**made, "additionalProperties": _with_variables(values)}
        case {"pattern": r"\S"}:
            return made
        case {"enum": _} | {"pattern": _} | {"type": "integer" | "number" | "boolean"}:
            return {"anyOf": [made, {"$ref": _DEFINITIONS + _VARIABLE}]}
        case _:
            return made
