"""rulegate: one HTTP endpoint in front of many MLflow models, each request answered by the model a condition picks.

>>> from rulegate import Gateway, Request, load_config
>>> config = load_config('''
... model_endpoints:
...   - name: sentiment-router
...     routes:
...       - {alias: fast, model_uri: "models:/sentiment-model-fast/production"}
...       - alias: accurate
...         model_uri: "models:/sentiment-model-accurate/production"
...         model_request_condition: "request.json['inputs'][0].startswith('Domain specific text')"
... ''')
>>> Gateway(config).decide(None, Request(json={"inputs": ["Domain specific text: …"]})).route
'accurate'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rulegate.condition import Condition, ConditionError, EvaluationError, Request, compile_condition
    from rulegate.config import load_config
    from rulegate.gateway import Gateway

__version__ = "0.1.0"

__all__ = [
    "Condition",
    "ConditionError",
    "EvaluationError",
    "Gateway",
    "Request",
    "compile_condition",
    "load_config",
]

_HOMES = {
    "Condition": "rulegate.condition",
    "ConditionError": "rulegate.condition",
    "EvaluationError": "rulegate.condition",
    "Gateway": "rulegate.gateway",
    "Request": "rulegate.condition",
    "compile_condition": "rulegate.condition",
    "load_config": "rulegate.config",
}


def __getattr__(name: str) -> object:
    """A public name, imported when it is first asked for: a model process needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rulegate' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
