"""Holds a configuration against the registry: models that are not there, stages, columns that no model takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from rulegate.condition import Condition
from rulegate.condition.columns import Column
from rulegate.config.uses import Use
from rulegate.config.wording import did_you_mean, enumerate_names, shorten
from rulegate.diagnostics import Diagnostic, Excerpt, Severity, in_order
from rulegate.serving.errors import ModelUnavailable, RegistryUnreachable
from rulegate.serving.models import ModelDescription

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "RG350": "the registry does not answer",
        "RG351": "a model that the registry does not have",
        "RG352": "a model is named by a stage",
        "RG353": "a column that the model does not take",
    }
)
"""What each code of this check is about."""

Descriptions = Mapping[str, ModelDescription | ModelUnavailable]
"""What is known of each model URI, or why nothing is."""


def check_registry(uses: Sequence[Use], descriptions: Descriptions) -> tuple[Diagnostic, ...]:
    """What the registry makes doubtful of a configuration, each fault at its place, in the order of the file.

    A model that the registry does not know is an error. A stage is a warning, since MLflow has deprecated them, and so
    is a column that a condition reads and the signature of its model lacks: MLflow drops what a model does not take,
    so the request would be answered, and the condition is hardly what its author meant.

    Args:
        uses: Where models are named; those that ``descriptions`` lacks are passed over.
        descriptions: What is known of them.
    """
    return in_order(found for use in uses for found in _check(use, descriptions))


def _check(use: Use, descriptions: Descriptions) -> Iterator[Diagnostic]:
    match descriptions.get(use.model_uri):
        case RegistryUnreachable() as error:
            yield _unreachable(use, error)
        case ModelUnavailable() as error:
            yield _unknown(use, error)
        case ModelDescription() as description:
            if description.stage is not None:
                yield _stage(use, description, description.stage)
            if use.condition is not None:
                yield from _columns(use, description, *use.condition)


def _columns(use: Use, model: ModelDescription, condition: Condition, excerpt: Excerpt) -> Iterator[Diagnostic]:
    if not model.columns:
        return
    for column in condition.columns():
        if not _takes(model.columns, column):
            yield _no_column(use, model.columns, column, excerpt)


def _takes(columns: Sequence[str | None], column: Column) -> bool:
    if isinstance(column.name, int):
        return -len(columns) <= column.name < len(columns)
    # One without a name may be meant by any.
    return column.name in columns or None in columns


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _unreachable(use: Use, error: ModelUnavailable) -> Diagnostic:
    hint = "check `registry_uri`, `MLFLOW_TRACKING_URI`, and that the registry runs"
    return Diagnostic("RG350", f"the registry cannot be asked: {error.message}", use.source, use.span, hint)


def _unknown(use: Use, error: ModelUnavailable) -> Diagnostic:
    # What the registry says names the model, which a variable may have named.
    reason = f": {error.message.strip().rstrip('.')}" if use.written == use.model_uri else ""
    message = f"`{shorten(use.written)}` cannot be resolved{reason}"
    hint = "name a model, version, stage or alias that the registry has"
    return Diagnostic("RG351", message, use.source, use.span, hint)


def _stage(use: Use, model: ModelDescription, stage: str) -> Diagnostic:
    reference = model.version.reference
    name = reference.removeprefix("models:/").rpartition("/")[0]
    if model.aliases:
        hint = f"`models:/{name}@{model.aliases[0]}` leads to the same version now"
    else:
        hint = f"give `{reference}` an alias, such as `{stage.lower()}`, and name `models:/{name}@{stage.lower()}`"
    message = f"`{shorten(use.written)}` names a stage, and MLflow has deprecated stages"
    return Diagnostic("RG352", message, use.source, use.span, hint, Severity.WARNING)


def _no_column(use: Use, columns: Sequence[str | None], column: Column, excerpt: Excerpt) -> Diagnostic:
    named = [name for name in columns if name is not None]
    if isinstance(column.name, int):
        message = f"`{shorten(use.written)}` has no column at position {column.name}"
        hint = f"it takes {len(columns)}, the first of which is at position 0"
    else:
        message = f"`{shorten(use.written)}` takes no column `{shorten(column.name)}`"
        hint = did_you_mean(column.name, named) or f"its columns are {enumerate_names(named)}"
    return Diagnostic("RG353", message, excerpt.source, excerpt.locate(column.span), hint, Severity.WARNING)
