"""`rulegate demo`: the article's gateway, made and served."""

from __future__ import annotations

from pathlib import Path

import click

from rulegate.cli.serve import listen, read, run
from rulegate.demo import DemoError, curl_commands, prepare
from rulegate.log import LogFormat


@click.command(short_help="Make two models, serve them, print requests to try.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("rulegate-demo"),
    show_default=True,
    help="Where the registry, the models and the configuration are made, or found.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen on this address.")
@click.option("--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="Listen on this port.")
@click.option("--log-format", type=click.Choice(["json", "text"]), default="text", show_default=True)
def demo(folder: Path, host: str, port: int, log_format: LogFormat) -> None:
    """Make two sentiment models in an MLflow registry of their own, serve them, print requests to try.

    The first run trains and registers the models, which takes about ten seconds; later runs find them.
    """
    # Before the models are made: a taken port is no news to get after half a minute.
    sock = listen(host, port)
    try:
        files = prepare(folder, lambda line: click.echo(line))
    except DemoError as error:
        click.echo(f"error: {error}", err=True)
        click.echo(f"hint: {error.hint}", err=True)
        raise SystemExit(2) from None
    run(read(files.config), sock, log_format, invitation=_invitation)


def _invitation(host: str, port: int) -> str:
    plain, domain = curl_commands(host, port)
    return f"""
Try it, in another terminal. The first answer takes a few seconds, while the model is loaded.

{plain}

{domain}

The header x-rulegate-route of each answer tells which route its condition picked. Ctrl-C ends the demo.
"""
