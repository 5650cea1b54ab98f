"""``rulegate check-config``: everything that is wrong with configuration files, without starting anything."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import click

from rulegate import __version__
from rulegate.cli.allow import allow_option
from rulegate.cli.variables import environment, set_option
from rulegate.config import (
    DEFAULT_PATH,
    MAX_FILE_BYTES,
    Config,
    ConfigError,
    EndpointSettings,
    check_source,
    decode,
    read_file,
)
from rulegate.config.uses import uses
from rulegate.diagnostics import Diagnostic, Source, in_order, render_all
from rulegate.diagnostics.github import render_github
from rulegate.diagnostics.json_report import render_json
from rulegate.diagnostics.report import Report
from rulegate.diagnostics.sarif import render_sarif
from rulegate.gateway import endpoint_of
from rulegate.registry_check import check_registry
from rulegate.routing import coverage

SHOWN: Final = 50
"""How many diagnostics of one file are shown as text."""

STDIN: Final = "-"
"""What stands for standard input among the files; a file of this name is `./-`."""
_STDIN_NAME: Final = "<stdin>"

OutputFormat = Literal["text", "json", "sarif", "github"]

_CLEAN, _WARNINGS, _ERRORS = 0, 1, 2


@click.command("check-config", short_help="Say everything that is wrong with configuration files.")
@click.argument("config", nargs=-1, type=click.Path(allow_dash=True))
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings.")
@click.option(
    "--stats", is_flag=True, help="Say how routes are found: by which values of a request, and which are not."
)
@click.option(
    "--registry",
    is_flag=True,
    help="Also ask the registry for every model: is it there, is it named by a stage, does it take the columns that "
    "conditions read?",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="For people, for programs, for code scanning, or as annotations of a GitHub workflow.",
)
@set_option
@allow_option
@click.pass_context
def check_config(
    context: click.Context,
    config: tuple[str, ...],
    *,
    strict: bool,
    stats: bool,
    registry: bool,
    output_format: OutputFormat,
    variables: tuple[str, ...],
    allow: tuple[str, ...],
) -> None:
    """Say everything that is wrong with each CONFIG file, conditions included.

    Without CONFIG, gateway_config.yaml is read; `-` is standard input. Nothing is started, and nobody is asked unless
    --registry is given.

    \b
    Exit codes:
      0  no errors
      1  warnings, with --strict
      2  errors
    """
    if stats and output_format != "text":
        raise click.UsageError(f"--stats is text; it does not go with --format {output_format}")
    environ = environment(variables)
    checked = [_check(path, allow, environ, registry=registry) for path in config or (DEFAULT_PATH,)]
    reports = [report for report, _ in checked]
    match output_format:
        case "text":
            for report, endpoints in checked:
                _show(report, endpoints if stats else ())
        case "json":
            click.echo(render_json(reports))
        case "sarif":
            click.echo(render_sarif(reports, version=__version__))
        case "github":
            if lines := render_github(found for report in reports for found in report.diagnostics):
                click.echo(lines)
    worst = max(_code(report) for report in reports)
    context.exit(_CLEAN if worst == _WARNINGS and not strict else worst)


def _check(
    path: str, allow: tuple[str, ...], environ: Mapping[str, str], *, registry: bool
) -> tuple[Report, tuple[EndpointSettings, ...]]:
    """What is wrong with one file, and its endpoints unless there is an error in it."""
    file = None if path == STDIN else Path(path)
    name = _STDIN_NAME if file is None else str(click.format_filename(file))
    try:
        source = _standard_input() if file is None else read_file(file)
        config = check_source(source, path=file, allow=allow, variables=environ)
    except ConfigError as error:
        return Report(name, error.diagnostics), ()
    found = in_order((*config.warnings, *_ask_registry(config, environ))) if registry else config.warnings
    return Report(name, found), config.endpoints


def _standard_input() -> Source:
    return decode(_STDIN_NAME, sys.stdin.buffer.read(MAX_FILE_BYTES + 1))


def _ask_registry(config: Config, environ: Mapping[str, str]) -> tuple[Diagnostic, ...]:
    # It brings the server side along, which takes a moment that no other check has to wait for.
    from rulegate.bootstrap import describe_models

    named = uses(config, name=_STDIN_NAME)
    model_uris = [use.model_uri for use in named if not use.model_uri.startswith(("http://", "https://"))]
    return check_registry(named, describe_models(config, environ, list(dict.fromkeys(model_uris))))


def _show(report: Report, endpoints: Sequence[EndpointSettings]) -> None:
    """Prints what is wrong with one file, a line that sums it up, and how the routes of some endpoints are found."""
    if report.diagnostics:
        click.echo(shown(report.diagnostics))
        click.echo()
    click.echo(f"{report.name}: {report.summary()}")
    for settings in endpoints:
        click.echo(str(coverage(endpoint_of(settings))))


def _code(report: Report) -> int:
    """The exit code that one file asks for."""
    if report.errors:
        return _ERRORS
    return _WARNINGS if report.warnings else _CLEAN


def shown(found: Sequence[Diagnostic]) -> str:
    """The diagnostics as a person can take them in: the first of them, and how many more there are."""
    text = render_all(found[:SHOWN])
    return f"{text}\n\n… and {len(found) - SHOWN} more" if len(found) > SHOWN else text
