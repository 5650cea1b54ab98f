"""The form of a model URI: what can be seen to be wrong before any registry is asked."""

from __future__ import annotations

import re

from rulegate.config.messages import Fault, addresses, values
from rulegate.config.web_address import check_address
from rulegate.config.wording import nearest

WORDS = ("latest", "production", "staging", "archived", "none")
"""What may stand for a version, in any case: the newest one, or the newest one of a stage."""

# Those that MLflow's artifact stores and this gateway know. Others belong to plugins and are left to them.
_SCHEMES = (
    "models", "runs", "file", "mlflow-artifacts", "s3", "r2", "b2", "gs", "abfss", "wasbs", "dbfs", "hdfs", "viewfs",
    "ftp", "sftp", "http", "https",
)  # fmt: skip
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,255}")
_ALIAS = re.compile(r"[\w-]+")
_LIKE_A_VERSION = re.compile(r"[vV](\d+)")


def is_remote(uri: str) -> bool:
    """Whether a model URI is the address of another server."""
    return uri[:8].lower().startswith(("http:", "https:"))


def check_model_uri(uri: str) -> Fault | None:
    """What is wrong with the form of ``uri``, or None.

    Accepted are ``models:/name/version``, ``models:/name/stage`` and ``models:/name/latest`` (any case),
    ``models:/name@alias``, ``models:/m-<id>``, ``runs:/<run id>/<path>``, a local path, the URI of an artifact store
    such as ``s3://bucket/path``, and the address of another server, ``http://host:port/path``. Whether the model exists
    is not asked.
    """
    if not uri.strip():
        return values.empty_text("a model URI")
    if uri != uri.strip() or not uri.isprintable():
        return addresses.model_uri_with_blanks()
    if (match := _SCHEME.match(uri)) is None:
        return None
    scheme, rest = match[1], uri[match.end() :]
    match scheme.lower() if is_remote(uri) else scheme:
        case "models":
            return _check_registered(rest)
        case "runs":
            return _check_run(rest)
        case "http" | "https":
            return check_address(uri, query=False)
        case "file" if (host := _host(rest)) not in {"", "localhost"}:
            return addresses.file_of_a_host(host, rest.removeprefix(f"//{host}"))
    if scheme not in _SCHEMES:
        near = nearest(scheme, _SCHEMES)
        if near or not rest.startswith("/"):
            return addresses.unknown_scheme(scheme, f"{near}:{rest}" if near else None)
    return None if rest.strip("/") else addresses.model_uri_without_path(scheme)


def _check_registered(rest: str) -> Fault | None:
    """The part after ``models:``."""
    if rest.startswith("//"):
        # `models://profile@databricks/name/1` is MLflow's way to name another Databricks workspace; without that, the
        # second slash is a slip by which MLflow would take the name for a host.
        host, _, path = rest[2:].partition("/")
        if "databricks" not in host:
            return addresses.misplaced_slash(rest.lstrip("/"))
        rest = "/" + path
    if not rest.startswith("/"):
        return addresses.misplaced_slash(rest)
    name, *suffixes = rest[1:].split("/")
    if not name.strip() or name.startswith("@"):
        return addresses.model_uri_without_name()
    if ":" in name or name in {".", ".."}:
        return addresses.no_model_name(name)
    if len(suffixes) > 1:
        return addresses.model_uri_too_long()
    return _check_suffix(name, suffixes[0]) if suffixes else _check_bare(name)


def _check_bare(name: str) -> Fault | None:
    """A name with neither version nor stage, so with an alias or an id."""
    model, at, alias = name.rpartition("@")
    if at:
        return _check_alias(model, alias)
    return None if name.startswith("m-") else addresses.model_version_missing(name)


def _check_alias(model: str, alias: str) -> Fault | None:
    """A name and its alias, of which MLflow refuses some when they are to be given to a version."""
    if not alias.strip():
        return addresses.model_alias_missing(model)
    if not _ALIAS.fullmatch(alias):
        return addresses.no_alias(alias)
    version = _LIKE_A_VERSION.fullmatch(alias)
    if version or alias.lower() == "latest":
        return addresses.reserved_alias(model, alias, version[1] if version else "latest")
    return None


def _check_suffix(name: str, suffix: str) -> Fault | None:
    """A name and its version or stage."""
    if not suffix.strip():
        return addresses.model_version_missing(name)
    if suffix.isdecimal():
        return addresses.no_version(name, suffix) if not suffix.strip("0") else None
    if suffix.lower() in WORDS:
        return None
    return addresses.no_version_or_stage(name, suffix, WORDS)


def _check_run(rest: str) -> Fault | None:
    """The part after ``runs:``."""
    run, _, path = rest.lstrip("/").partition("/")
    if not (rest.startswith("/") and run.strip() and path.strip("/")):
        return addresses.incomplete_run_uri()
    return None if _RUN_ID.fullmatch(run) else addresses.no_run_id(run)


def _host(rest: str) -> str:
    """The host in what follows ``file:``."""
    return rest[2:].partition("/")[0] if rest.startswith("//") else ""
