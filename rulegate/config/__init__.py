"""YAML text → settings: strict, with a position for every value, every diagnostic of a file at once."""

from rulegate.config.changes import changed_keys
from rulegate.config.load import ConfigError, check_source, load_config, read_file
from rulegate.config.messages import CODES
from rulegate.config.settings import (
    DEFAULT_PATH,
    BatchingSettings,
    Config,
    EndpointSettings,
    ModelSettings,
    OnError,
    RouteSettings,
    ServerSettings,
)
from rulegate.config.values import Share

__all__ = [
    "CODES",
    "DEFAULT_PATH",
    "BatchingSettings",
    "Config",
    "ConfigError",
    "EndpointSettings",
    "ModelSettings",
    "OnError",
    "RouteSettings",
    "ServerSettings",
    "Share",
    "changed_keys",
    "check_source",
    "load_config",
    "read_file",
]
