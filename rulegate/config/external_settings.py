"""Decision services that a condition can ask."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, InstanceOf

from rulegate.condition import Condition
from rulegate.config.expressions import INPUT
from rulegate.config.field_types import DURATION, JSON_VALUE, STRICT, InputName, Name
from rulegate.config.web_values import HEADER_VALUE, HeaderName, ServiceUrl


class _NoDefault(enum.Enum):
    NO_DEFAULT = "no default"


NO_DEFAULT: Final = _NoDefault.NO_DEFAULT
"""Stands for a default that is not named: null is one that can be."""

_FROZEN = AfterValidator(MappingProxyType)


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSettings:
    """A decision service: conditions read its answer as ``external['NAME']``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """The name that conditions use, `external['NAME']`: as an endpoint's name, unique among the services."""
    url: ServiceUrl
    """Where it is asked, by a POST of `{"input": {…}}`. It answers with a JSON object, of which `result` is the
    value."""
    input: Annotated[Mapping[InputName, Annotated[InstanceOf[Condition], INPUT]], _FROZEN] = field(
        default_factory=_nothing
    )
    """A mapping of names to expressions on the request: what it is told."""
    headers: Annotated[Mapping[HeaderName, Annotated[str, HEADER_VALUE]], _FROZEN] = field(
        default_factory=_nothing, repr=False
    )
    """A mapping of headers that are sent with each question, such as `Authorization`."""
    timeout_s: Annotated[float, DURATION, Field(alias="timeout")] = 0.05
    """A duration, `1ms` to `24h`: how long it may take to answer."""
    cache_s: Annotated[float | None, DURATION, Field(alias="cache")] = None
    """A duration, `1ms` to `24h`: how long an answer is used again for the same input. Without it, every request
    asks."""
    default: Annotated[Any | Literal[_NoDefault.NO_DEFAULT], JSON_VALUE] = NO_DEFAULT
    """A JSON value: the value when the service fails. Without it, what reads the value errs."""
