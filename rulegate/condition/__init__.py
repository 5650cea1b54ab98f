"""The condition language: a strict subset of a Python expression, checked and then compiled to one function."""

from rulegate.condition.condition import Condition, compile_condition, compile_expression
from rulegate.condition.errors import (
    BudgetExceededError,
    ConditionError,
    EvaluationError,
    ExternalUnavailableError,
    MalformedBodyError,
)
from rulegate.condition.request import Request

__all__ = [
    "BudgetExceededError",
    "Condition",
    "ConditionError",
    "EvaluationError",
    "ExternalUnavailableError",
    "MalformedBodyError",
    "Request",
    "compile_condition",
    "compile_expression",
]
