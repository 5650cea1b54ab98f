"""YAML text → settings: strict, with a position for every value, every diagnostic of a file at once."""

from rulegate.config.changes import changed_keys
from rulegate.config.external_settings import NO_DEFAULT, ExternalSettings
from rulegate.config.load import MAX_FILE_BYTES, ConfigError, check_source, decode, load_config, read_file, shown_text
from rulegate.config.messages import CODES
from rulegate.config.model_settings import BatchingSettings, ModelOverrides, ModelSettings
from rulegate.config.model_uri import is_remote
from rulegate.config.route_settings import (
    Balance,
    DenySettings,
    EndpointSettings,
    OnError,
    RouteSettings,
    ShadowSettings,
    TargetSettings,
)
from rulegate.config.settings import DEFAULT_PATH, AdminSettings, Config, RemoteSettings, ServerSettings
from rulegate.config.values import NEVER, Share

__all__ = [
    "CODES",
    "DEFAULT_PATH",
    "MAX_FILE_BYTES",
    "NEVER",
    "NO_DEFAULT",
    "AdminSettings",
    "Balance",
    "BatchingSettings",
    "Config",
    "ConfigError",
    "DenySettings",
    "EndpointSettings",
    "ExternalSettings",
    "ModelOverrides",
    "ModelSettings",
    "OnError",
    "RemoteSettings",
    "RouteSettings",
    "ServerSettings",
    "ShadowSettings",
    "Share",
    "TargetSettings",
    "changed_keys",
    "check_source",
    "decode",
    "is_remote",
    "load_config",
    "read_file",
    "shown_text",
]
