"""``rulegate check-config``: everything that is wrong with configuration files, without starting anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from rulegate.cli.allow import allow_option
from rulegate.config import DEFAULT_PATH, ConfigError, EndpointSettings, load_config
from rulegate.diagnostics import Diagnostic, Severity, render_all
from rulegate.gateway import endpoint_of
from rulegate.routing import coverage

SHOWN = 50
"""How many diagnostics of one file are shown."""

_CLEAN, _WARNINGS, _ERRORS = 0, 1, 2


@click.command("check-config", short_help="Say everything that is wrong with configuration files.")
@click.argument("config", nargs=-1, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings.")
@click.option(
    "--stats", is_flag=True, help="Say how routes are found: by which values of a request, and which are not."
)
@allow_option
@click.pass_context
def check_config(
    context: click.Context, config: tuple[Path, ...], *, strict: bool, stats: bool, allow: tuple[str, ...]
) -> None:
    """Say everything that is wrong with each CONFIG file, conditions included.

    Without CONFIG, gateway_config.yaml is read. No model is looked up and nothing is started.

    \b
    Exit codes:
      0  no errors
      1  warnings, with --strict
      2  errors
    """
    codes = [_check(path, stats=stats, allow=allow) for path in config or (Path(DEFAULT_PATH),)]
    worst = max(codes)
    context.exit(_CLEAN if worst == _WARNINGS and not strict else worst)


def _check(path: Path, *, stats: bool, allow: tuple[str, ...]) -> int:
    """Prints what is wrong with one file, then one line that sums it up; the exit code that it asks for."""
    endpoints: tuple[EndpointSettings, ...] = ()
    try:
        config = load_config(path, allow=allow)
    except ConfigError as error:
        found = error.diagnostics
    else:
        found, endpoints = config.warnings, config.endpoints
    if found:
        click.echo(shown(found))
        click.echo()
    click.echo(f"{click.format_filename(path)}: {_summary(found)}")
    if stats:
        for settings in endpoints:
            click.echo(str(coverage(endpoint_of(settings))))
    if any(diagnostic.severity is Severity.ERROR for diagnostic in found):
        return _ERRORS
    return _WARNINGS if found else _CLEAN


def shown(found: Sequence[Diagnostic]) -> str:
    """The diagnostics as a person can take them in: the first of them, and how many more there are."""
    text = render_all(found[:SHOWN])
    return f"{text}\n\n… and {len(found) - SHOWN} more" if len(found) > SHOWN else text


def _summary(found: Iterable[Diagnostic]) -> str:
    severities = [diagnostic.severity for diagnostic in found]
    counts = (
        _count(severities.count(Severity.ERROR), "error"),
        _count(severities.count(Severity.WARNING), "warning"),
    )
    return ", ".join(count for count in counts if count) or "no errors"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}" if number else ""
