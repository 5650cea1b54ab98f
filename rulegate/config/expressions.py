"""Conditions and other expressions of a file, compiled as it is read, each fault in them at its place in the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pydantic import PlainValidator, ValidationInfo

from rulegate.condition import Condition, ConditionError, compile_condition, compile_expression
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

    external: frozenset[str] = frozenset()
    diagnostics: list[Diagnostic] = field(default_factory=list)


def _compiled(kind: str, compile_text: Callable[..., Condition], *, may_ask: bool) -> PlainValidator:
    def compile_value(value: object, info: ValidationInfo[Reading]) -> Condition | None:
        if not isinstance(value, Text):
            raise Expected(kind)
        found = info.context.diagnostics
        services = info.context.external if may_ask else frozenset()
        try:
            compiled = compile_text(str(value), origin=value.scalar.excerpt(), external=services)
        except ConditionError as error:
            found.extend(error.diagnostics)
            return None
        found.extend(compiled.warnings)
        return compiled

    return PlainValidator(compile_value, json_schema_input_type=str)


# These go beside the type of a field: Annotated[InstanceOf[Condition], CONDITION].
CONDITION: Final = _compiled("a condition", compile_condition, may_ask=True)
EXPRESSION: Final = _compiled("an expression", compile_expression, may_ask=True)
INPUT: Final = _compiled("an expression", compile_expression, may_ask=False)
"""What a decision service is told: no answer of another one, which would have to be asked before."""
