"""A configuration file or text → its settings, or every diagnostic of it at once."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rulegate.config.allowed import check_allowed
from rulegate.config.document import MAX_DIAGNOSTICS, read
from rulegate.config.doubts import doubt
from rulegate.config.expressions import Reading
from rulegate.config.faults import diagnose
from rulegate.config.messages import SILENT_CODES, Fault, form, values
from rulegate.config.relations import relate, relate_models
from rulegate.config.secrets import Secret, masked, secrets, warn
from rulegate.config.settings import Config, FileSettings
from rulegate.config.tree import Node, Scalar, mappings, plain, scalars, text_of
from rulegate.config.variables import OPENING, fill
from rulegate.diagnostics import Diagnostic, Severity, Source, Span, in_order, render_all

MAX_FILE_BYTES = 16 * 1024**2
"""The largest file that is read, inclusive."""

TEXT_NAME = "<text>"
"""What diagnostics call a configuration that is no file."""

_START = Span(0, 0)
_FILE = TypeAdapter(FileSettings)


class ConfigError(Exception):
    """A configuration cannot be used. ``diagnostics`` holds all that is wrong, warnings too, in the file's order."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics

    def __str__(self) -> str:
        return render_all(self.diagnostics)


def load_config(
    path_or_text: str | Path,
    *,
    allow: Collection[str] = (),
    variables: Mapping[str, str] | None = None,
    thorough: bool = True,
) -> Config:
    """Reads and checks a whole configuration.

    Nothing is coerced: a number where text belongs is an error, as are an unknown key and a key that stands twice.
    Conditions are compiled, so what is wrong inside them is reported with the rest, at its place in the file. No model
    is looked up and no network used.

    Args:
        path_or_text: The path of a UTF-8 file of at most :data:`MAX_FILE_BYTES`; a ``str`` with a line feed in it is
            the text itself.
        allow: Globs of the model URIs, and of the registry if the file names one, that whoever runs the gateway lets a
            file name; the file's own ``models.allow`` cannot widen them. Without any, only the file's own hold.
        variables: What ``${NAME}`` in a value stands for; without it, the environment of this process.
        thorough: Whether to warn of what only holding all conditions against each other shows, such as routes that can
            never be chosen. It takes a second for ten thousand routes, and no error depends on it.

    Raises:
        ConfigError: If there is any error; never any other exception, whatever the file holds.
    """
    is_text = isinstance(path_or_text, str) and "\n" in path_or_text
    if is_text:
        source = Source(TEXT_NAME, str(path_or_text).removeprefix("\ufeff"))
        return check_source(source, allow=allow, variables=variables, thorough=thorough)
    path = Path(path_or_text)
    return check_source(read_file(path), path=path, allow=allow, variables=variables, thorough=thorough)


def check_source(
    source: Source,
    *,
    path: Path | None = None,
    allow: Collection[str] = (),
    variables: Mapping[str, str] | None = None,
    thorough: bool = True,
) -> Config:
    """As `load_config`, of a text that has been read: from the file ``path``, or from none.

    Raises:
        ConfigError: As `load_config`.
    """
    diagnostics: list[Diagnostic] = []
    root, faults = read(source)
    diagnostics += faults
    if root is None or (isinstance(root, Scalar) and root.value is None):
        raise ConfigError(in_order(_discreet(diagnostics or [form.empty_file().at(source, _START)], source)))
    root, faults = fill(root, source, os.environ if variables is None else variables)
    diagnostics += faults
    settings = _validate(root, source, diagnostics)
    diagnostics += relate(root, source)
    if settings is not None:
        diagnostics += relate_models(settings, root, source)
        diagnostics += doubt(settings, root, source, thorough=thorough)
    diagnostics += check_allowed(root, source, allow)
    # What is wrong with a value anyway, such as a password in an address, need not be said twice.
    reported = {found.span for found in diagnostics}
    hidden = secrets(root)
    diagnostics += warn((secret for secret in hidden if secret.scalar.span not in reported), source)
    found = in_order(_discreet(_kept(diagnostics), source, root, hidden))
    if settings is None or any(diagnostic.severity is Severity.ERROR for diagnostic in found):
        raise ConfigError(found)
    return Config(
        endpoints=settings.endpoints,
        default_endpoint=settings.default_endpoint or settings.endpoints[0].name,
        registry_uri=settings.registry_uri,
        server=settings.server,
        models=settings.models,
        path=path,
        text=source.text,
        warnings=found,
        admin=settings.admin,
        remote=settings.remote,
        external=settings.external,
    )


def _validate(root: Node, source: Source, diagnostics: list[Diagnostic]) -> FileSettings | None:
    # The conditions' diagnostics reach the list through the validation's context, as they are compiled in passing.
    try:
        return _FILE.validate_python(plain(root), context=Reading(_external_names(root), diagnostics))
    except ValidationError as error:
        diagnostics += islice(diagnose(error, root, source), MAX_DIAGNOSTICS)
        return None


def _kept(diagnostics: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """Of too many, the first that matter: no number of warnings may hide an error."""
    if len(diagnostics) <= MAX_DIAGNOSTICS:
        return diagnostics
    found = in_order(diagnostics)
    errors = [diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR]
    return (errors if errors and len(found) > MAX_DIAGNOSTICS else found)[:MAX_DIAGNOSTICS]


def _discreet(
    diagnostics: Iterable[Diagnostic], source: Source, root: Node | None = None, hidden: Sequence[Secret] | None = None
) -> Iterator[Diagnostic]:
    """The same without a secret: neither one of the file, whose lines are shown, nor what the environment had.

    Without a tree and its secrets, all that may be one is masked.
    """
    shown = masked(source, hidden)
    has_variables = root is not None and OPENING in source.text
    filled = {one.span: one.filled.written for one in scalars(root) if one.filled} if root and has_variables else {}
    secret = {one.scalar.span for one in hidden or ()}
    for found in diagnostics:
        if (written := filled.get(found.span)) is not None:
            yield values.filled_value(found.code, written, found.severity).at(shown, found.span)
        elif found.span in secret and found.code not in SILENT_CODES:
            yield values.secret_value(found.code, found.severity).at(shown, found.span)
        else:
            yield replace(found, source=shown)


def shown_text(config: Config) -> str:
    """The text of a configuration with its secrets masked; variables stand there by their names."""
    source = Source("", config.text)
    root, _ = read(source)
    return masked(source, secrets(root) if root else None).text


def _external_names(root: Node) -> frozenset[str]:
    return frozenset(name.text for service in mappings(root, "external") if (name := text_of(service, "name")))


def read_file(path: Path) -> Source:
    """The text of a file, without a byte order mark.

    Raises:
        ConfigError: If there is no such file, it cannot be read, is too large, or is not UTF-8.
    """
    name = str(path)
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            # A pipe, say: to open it may wait for ever.
            raise _failure(name, form.unreadable("it is no file"))
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _failure(name, form.no_such_file()) from None
    except IsADirectoryError:
        raise _failure(name, form.is_directory()) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not one that a file can have"
        raise _failure(name, form.unreadable(reason.lower())) from None
    return decode(name, content)


def decode(name: str, content: bytes) -> Source:
    """The text of a file whose ``content`` has been read, as of `read_file`; of a larger one, a byte too many will do.

    Raises:
        ConfigError: If it is more than :data:`MAX_FILE_BYTES`, or is not UTF-8.
    """
    if len(content) > MAX_FILE_BYTES:
        raise _failure(name, form.file_too_large(MAX_FILE_BYTES // 1024**2))
    try:
        return Source(name, content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        # The text up to the fault is readable, so that it can be shown where the fault is.
        readable = Source(name, content.decode("utf-8", "replace").removeprefix("\ufeff"))
        at = len(error.object[: error.start].decode("utf-8-sig"))
        fault = form.not_utf8(error.object[error.start])
        raise ConfigError((fault.at(readable, Span(at, at + 1)),)) from None


def _failure(name: str, fault: Fault) -> ConfigError:
    return ConfigError((fault.at(Source(name, ""), _START),))
