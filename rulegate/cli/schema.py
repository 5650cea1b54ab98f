"""``rulegate schema``: the JSON Schema of a configuration file, for editors."""

from __future__ import annotations

import json

import click

from rulegate.config.schema import schema


@click.command("schema", short_help="Print the JSON Schema of a configuration file.")
def schema_command() -> None:
    """Print the JSON Schema of a configuration file, by which editors complete keys and explain them.

    \b
    rulegate schema > rulegate.schema.json
    # and as the first line of the configuration:
    # yaml-language-server: $schema=rulegate.schema.json
    """
    click.echo(json.dumps(schema(), indent=2, ensure_ascii=False))
