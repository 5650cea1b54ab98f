"""Conditions and other expressions of a file, compiled as it is read, each fault in them at its place in the file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from pydantic import PlainValidator, ValidationInfo

from rulegate.condition import Condition, ConditionError, compile_condition
from rulegate.config.tree import Text
from rulegate.config.values import Expected
from rulegate.diagnostics import Diagnostic


@dataclass(frozen=True, slots=True)
class Reading:
    """What the expressions of one file share while it is validated.

    Attributes:
        external: The names of the file's decision services.
        diagnostics: Grows by what is wrong inside the expressions, warnings too.
    """

    external: Collection[str] = ()
    diagnostics: list[Diagnostic] = field(default_factory=list)


def _compiled(kind: str, *, is_condition: bool) -> PlainValidator:
    def compile_value(value: object, info: ValidationInfo[Reading]) -> Condition | None:
        if not isinstance(value, Text):
            raise Expected(kind)
        found = info.context.diagnostics
        try:
            compiled = compile_condition(str(value), origin=value.scalar.excerpt())
        except ConditionError as error:
            found.extend(error.diagnostics)
            return None
        if is_condition:
            found.extend(compiled.warnings)
        return compiled

    return PlainValidator(compile_value)


# These go beside the type of a field: Annotated[InstanceOf[Condition], CONDITION].
CONDITION: Final = _compiled("a condition", is_condition=True)
EXPRESSION: Final = _compiled("an expression", is_condition=False)
