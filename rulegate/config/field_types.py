"""The types of the settings' fields: what pydantic checks of each kind of value, and what a JSON schema says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    Strict,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from rulegate.config.messages import values
from rulegate.config.values import (
    DURATION_FORM,
    MAX_BODY_BYTES,
    MAX_NAME_CHARACTERS,
    MAX_NUMBER,
    SHARE_FORM,
    SIZE_FORM,
    VARIABLE_FORM,
    Refused,
    as_meant,
    check_glob,
    check_input_name,
    check_name,
    check_text,
    check_uri,
    check_variable,
    parse_delay,
    parse_duration,
    parse_json,
    parse_memory,
    parse_number,
    parse_optional_duration,
    parse_overriding_duration,
    parse_share,
    parse_size,
)


@dataclass(frozen=True, slots=True)
class Within:
    """A bound beside a type: a whole number from ``low`` to ``high``, both inclusive."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "minimum": self.low, "maximum": self.high}

    def _check(self, number: int) -> int:
        if not self.low <= number <= self.high:
            raise Refused(values.out_of_range(number, self.low, self.high))
        return number


class _Named:
    """The type of a field that is None unless the file names it: a file cannot say None."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        if schema["type"] != "nullable":
            raise TypeError(f"{source} cannot be None")
        inner: CoreSchema = schema["schema"]
        return inner


def _written(pattern: str) -> Any:
    """The type of what a file says of a value, for editors: text of which the whole has this form."""
    return Annotated[str, Field(pattern=f"^({pattern})$")]


def text(pattern: str) -> WithJsonSchema:
    """The same beside the type of a text."""
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$"})


STRICT = ConfigDict(extra="forbid")
"""What every part of the settings is read with: a key that is not theirs is a fault."""

_MEANT = BeforeValidator(as_meant)
_SOMETHING = WithJsonSchema({"type": "string", "pattern": r"\S"})

Flag = Annotated[bool, Strict(), _MEANT]
WholeNumber = Annotated[int, Strict(), _MEANT]
Port = Annotated[WholeNumber, Within(0, 65_535)]
ThreadCount = Annotated[WholeNumber, Within(1, 1_024)]
BatchSize = Annotated[WholeNumber, Within(1, 1_024)]
ReplicaCount = Annotated[WholeNumber, Within(1, 64)]

Name = Annotated[str, Strict(), AfterValidator(check_name), text(f"[A-Za-z0-9_-]{{1,{MAX_NAME_CHARACTERS}}}")]
InputName = Annotated[str, Strict(), AfterValidator(check_input_name)]
VariableName = Annotated[str, Strict(), AfterValidator(check_variable), text(VARIABLE_FORM.pattern)]
ModelUri = Annotated[str, Strict(), AfterValidator(check_uri), _SOMETHING]
Glob = Annotated[str, Strict(), AfterValidator(check_glob), _SOMETHING]

_WRITTEN_DURATION = _written(DURATION_FORM.pattern)
_WRITTEN_OPTIONAL_DURATION = _written(f"{DURATION_FORM.pattern}|never")
_WRITTEN_SIZE = _written(SIZE_FORM.pattern)
_WRITTEN_NUMBER = Annotated[float, Field(ge=0, le=MAX_NUMBER)]

# These go beside the type of a field: Annotated[float, DURATION].
NAMED = _Named()
TEXT = PlainValidator(check_text, json_schema_input_type=Annotated[str, Field(pattern=r"\S")])
DURATION = PlainValidator(parse_duration, json_schema_input_type=_WRITTEN_DURATION)
OPTIONAL_DURATION = PlainValidator(parse_optional_duration, json_schema_input_type=_WRITTEN_OPTIONAL_DURATION)
DELAY = PlainValidator(parse_delay, json_schema_input_type=_WRITTEN_DURATION)
SIZE = PlainValidator(parse_size, json_schema_input_type=_WRITTEN_SIZE)
BODY_SIZE = PlainValidator(partial(parse_size, largest=MAX_BODY_BYTES), json_schema_input_type=_WRITTEN_SIZE)
MEMORY = PlainValidator(parse_memory, json_schema_input_type=_written(f"{SIZE_FORM.pattern}|{SHARE_FORM.pattern}"))
OVERRIDING_DURATION = PlainValidator(parse_overriding_duration, json_schema_input_type=_WRITTEN_OPTIONAL_DURATION)
SHARE = PlainValidator(parse_share, json_schema_input_type=_written(SHARE_FORM.pattern))
WEIGHT = PlainValidator(
    partial(parse_number, what="a number, such as `95` or `0.5`"), json_schema_input_type=_WRITTEN_NUMBER
)
TOLERANCE = PlainValidator(
    partial(parse_number, what="a number, such as `0.001` or `1e-6`"), json_schema_input_type=_WRITTEN_NUMBER
)
JSON_VALUE = PlainValidator(parse_json)
