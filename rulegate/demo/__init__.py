"""The demo: two sentiment models in an MLflow registry of their own, a configuration that routes to them, requests."""

from rulegate.demo.curl import curl_commands
from rulegate.demo.folder import DemoError, DemoFiles, prepare

__all__ = ["DemoError", "DemoFiles", "curl_commands", "prepare"]
