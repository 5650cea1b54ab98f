"""``rulegate explain``: which route and which target a request gets, and why, without a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import click

from rulegate.cli.allow import allow_option
from rulegate.cli.serve import read
from rulegate.cli.typed_request import TypedRequest
from rulegate.cli.variables import environment, set_option
from rulegate.condition import ExternalUnavailableError
from rulegate.config import DEFAULT_PATH, Config
from rulegate.config.wording import no_such_service
from rulegate.routing import Endpoint
from rulegate.routing.explanation import Answered, explain
from rulegate.routing.explanation_json import as_json
from rulegate.routing.explanation_text import told

_ANSWERS, _NOBODY_ANSWERS = 0, 1
_QUOTED: Final = 100


@click.command("explain", short_help="Say which route a request gets, and why.")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--endpoint", metavar="NAME", help="The endpoint that is asked; default: the file's default endpoint.")
@click.option("-d", "--data", metavar="TEXT|@FILE|@-", help="The body: the text itself, a file's, or standard input's.")
@click.option("-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="A header; may be repeated.")
@click.option("--method", default="POST", show_default=True, help="The HTTP method.")
@click.option("--path", help="The path; default: that of the endpoint's invocations.")
@click.option("--query", default="", metavar="A=1&B=2", help="The query of the URL.")
@click.option("--cookie", metavar="'A=1; B=2'", help="Cookies.")
@click.option("--remote-addr", default="127.0.0.1", show_default=True, help="The client's address.")
@click.option("--content-type", help="The content type; default: application/json if there is a body.")
@click.option("--now", metavar="TIME", help="The time of the request, ISO 8601, UTC unless it says otherwise.")
@click.option(
    "--external", multiple=True, metavar="NAME=JSON", help="What a decision service answers; may be repeated."
)
@click.option("--why-not", metavar="ROUTE", help="Say why this route does not answer.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@set_option
@allow_option
@click.pass_context
def explain_command(
    context: click.Context,
    /,
    *,
    config: Path | None,
    endpoint: str | None,
    external: Sequence[str],
    path: str | None,
    why_not: str | None,
    form: Literal["text", "json"],
    variables: tuple[str, ...],
    allow: tuple[str, ...],
    **typed: Any,
) -> None:
    """Say where the configuration CONFIG (default: gateway_config.yaml) sends a request, and why.

    Each condition is shown in order with the value of every part of it, then the route that answers and its targets.
    No model is looked up and nothing is started. Decision services are not asked: say with --external what they
    answer; without that, conditions that read it err.

    The output holds values of the request.

    \b
    Exit codes:
      0  a route answers, or denies
      1  the request fails, or no route answers
      2  the configuration has errors, or the command line has
    """
    settings = read(config or Path(DEFAULT_PATH), allow=allow, variables=environment(variables), warn=False)
    answers = dict(_answer(text) for text in external)
    services = [service.name for service in settings.external]
    for name in answers:
        if name not in services:
            raise click.BadParameter(no_such_service(name, services), param_hint="--external")
    path = path or (f"/endpoints/{endpoint}/invocations" if endpoint else "/invocations")
    asked = _endpoint(settings, endpoint)
    if why_not is not None and why_not not in {route.alias for route in asked.routes}:
        raise click.BadParameter(f"the endpoint `{asked.name}` has no route `{why_not}`", param_hint="--why-not")
    request = TypedRequest(path=path, **typed).read(
        partial(_answered, answers), max_body_bytes=settings.server.max_body_bytes
    )
    explanation = explain(asked, request, why_not=why_not)
    click.echo(told(explanation) if form == "text" else json.dumps(as_json(explanation), indent=2, ensure_ascii=False))
    context.exit(_ANSWERS if isinstance(explanation.end, Answered) else _NOBODY_ANSWERS)


def _endpoint(config: Config, name: str | None) -> Endpoint:
    # The gateway knows of models, and takes a moment to import.
    from rulegate.gateway import endpoint_of

    by_name = {settings.name: settings for settings in config.endpoints}
    settings = by_name.get(name or config.default_endpoint)
    if settings is None:
        known = ", ".join(f"`{one}`" for one in by_name)
        raise click.BadParameter(f"there is no endpoint `{name}`; there are: {known}", param_hint="--endpoint")
    return endpoint_of(settings)


def _answered(answers: Mapping[str, Any], name: str) -> Any:
    if name not in answers:
        raise ExternalUnavailableError(name, f"it was not asked; `--external {name}=JSON` says what it answers")
    return answers[name]


def _answer(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if equals:
            return name, json.loads(value)
    except (ValueError, RecursionError):
        pass
    raise click.BadParameter(f"`{text[:_QUOTED]}` is not a name and JSON, such as `risk={{}}`", param_hint="--external")
