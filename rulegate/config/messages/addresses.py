"""What is said about model URIs, addresses of servers, and what else travels over HTTP."""

# ruff: noqa: D103  -- each constructor is the sentence that it returns

from __future__ import annotations

from collections.abc import Iterable

from rulegate.config.messages.codes import Fault
from rulegate.config.wording import did_you_mean, enumerate_names, shorten

_MODEL_URIS = "write `models:/name/production`, `models:/name/3`, `models:/name/latest` or `models:/name@alias`"


# ── model URIs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def model_uri_with_blanks() -> Fault:
    return Fault("RG315", "a model URI has no white space around it and nothing that cannot be printed", "remove it")


def unknown_scheme(scheme: str, nearest: str | None) -> Fault:
    hint = f"did you mean `{shorten(nearest)}`?" if nearest else _MODEL_URIS
    return Fault("RG315", f"`{shorten(scheme)}:` is not a kind of model URI", hint)


def misplaced_slash(rest: str) -> Fault:
    return Fault("RG315", "exactly one slash follows `models:`", f"did you mean `models:/{shorten(rest)}`?")


def model_uri_without_name() -> Fault:
    return Fault("RG315", "this `models:` URI names no model", _MODEL_URIS)


def model_uri_without_path(scheme: str) -> Fault:
    return Fault("RG315", f"this `{shorten(scheme)}:` URI names no model", "add the path of the model's folder")


def model_uri_too_long() -> Fault:
    return Fault("RG315", "a `models:` URI ends with the version, the stage or the alias", _MODEL_URIS)


def model_alias_missing(model: str) -> Fault:
    return Fault("RG315", "the alias after `@` is missing", f"write, for example, `models:/{shorten(model)}@champion`")


def no_alias(alias: str) -> Fault:
    return Fault("RG315", f"`{shorten(alias)}` is not an alias", "an alias is letters, digits, `-` and `_`")


def reserved_alias(model: str, alias: str, version: str) -> Fault:
    return Fault(
        "RG315",
        f"no model has the alias `{shorten(alias)}`, which MLflow keeps for itself",
        f"did you mean `models:/{shorten(model)}/{shorten(version)}`?",
    )


def no_model_name(name: str) -> Fault:
    return Fault("RG315", f"no registered model has the name `{shorten(name)}`", _MODEL_URIS)


def no_version(model: str, version: str) -> Fault:
    shown = shorten(model)
    return Fault(
        "RG315",
        f"there is no version `{shorten(version)}` of a model: they are counted from 1",
        f"write `models:/{shown}/1`, or `models:/{shown}/latest` for the newest",
    )


def file_of_a_host(host: str, path: str) -> Fault:
    return Fault(
        "RG315",
        f"`file:` is of this machine, and `{shorten(host)}` would be read as the name of another",
        f"did you mean `file:///{shorten(host)}{shorten(path)}`?",
    )


def no_run_id(run: str) -> Fault:
    return Fault(
        "RG315",
        f"`{shorten(run)}` is not the id of a run",
        "an id is letters, digits, `-` and `_`: write it as `runs:/<run id>/<path>`",
    )


def model_version_missing(model: str) -> Fault:
    shown = shorten(model)
    return Fault(
        "RG315",
        f"`models:/{shown}` does not say which version of the model",
        f"write `models:/{shown}/latest`, `models:/{shown}/1` or `models:/{shown}@alias`",
    )


def no_version_or_stage(model: str, suffix: str, words: Iterable[str]) -> Fault:
    hint = did_you_mean(suffix, words) or f"an alias is written `models:/{shorten(model)}@{shorten(suffix)}`"
    return Fault("RG315", f"`{shorten(suffix)}` is neither a version nor a stage", hint)


def incomplete_run_uri() -> Fault:
    return Fault("RG315", "a `runs:` URI names a run and a path in it", "write it as `runs:/<run id>/<path>`")


def model_not_listed(uri: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"`{shorten(uri)}` is not a model that `models.allow` lists",
        f"it lists {enumerate_names(globs)}",
    )


def model_not_allowed(uri: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"the model `{shorten(uri)}` is not allowed where this gateway runs",
        f"whoever runs it allows {enumerate_names(globs)}",
    )


def registry_not_allowed(uri: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"the registry `{shorten(uri)}` is not allowed where this gateway runs",
        f"remove `registry_uri`: whoever runs the gateway sets the registry, and allows {enumerate_names(globs)}",
    )


def service_not_allowed(url: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"the decision service `{shorten(url)}` is not allowed where this gateway runs",
        f"whoever runs it allows {enumerate_names(globs)}",
    )


# ── addresses, headers and what else travels over HTTP ────────────────────────────────────────────────────────────────


def address_with(char: str) -> Fault:
    return Fault("RG330", f"the address of a server cannot contain `{shorten(char)}`", "remove it, or escape it by `%`")


def address_without_scheme() -> Fault:
    return Fault("RG330", "the address of a server begins with `http://` or `https://`", "add it")


def address_without_host_or_port() -> Fault:
    return Fault("RG330", "this address names no server", "write it as `http://host:8080/path`")


def address_with_password() -> Fault:
    return Fault(
        "RG330",
        "an address of a server cannot hold a user or a password, which would reach logs and answers",
        "pass them on in a header: name it in `remote.headers`, or in `headers` of a decision service",
    )


def no_header_name(char: str) -> Fault:
    return Fault(
        "RG331",
        f"the name of a header cannot contain `{shorten(char)}`",
        "a name is letters, digits, `-` and `_`, without the colon",
    )


def header_of_the_connection(name: str) -> Fault:
    return Fault(
        "RG331",
        f"the header `{shorten(name)}` belongs to a single connection and cannot be sent on",
        "remove it: whoever sends a request writes it anew",
    )


def no_header_value() -> Fault:
    return Fault(
        "RG331",
        "the value of a header is printable text of Latin-1 in one line, without white space around it",
        "remove what does not belong there, or encode it",
    )


def no_token(shortest: int) -> Fault:
    return Fault(
        "RG332",
        f"a token is at least {shortest} characters of ASCII, without white space",
        "make one with `openssl rand -hex 32`, and keep it out of the file: `${RULEGATE_ADMIN_TOKEN}`",
    )


def no_message(longest: int) -> Fault:
    return Fault(
        "RG333", f"a message is one line of at most {longest} printable characters", "write it in one short line"
    )
