"""The command line: one module a command."""

from __future__ import annotations

import click

from rulegate import __version__
from rulegate.cli.check_config import check_config
from rulegate.cli.demo import demo
from rulegate.cli.explain import explain_command
from rulegate.cli.schema import schema_command
from rulegate.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rulegate", message="%(prog)s %(version)s")
def main() -> None:
    """One HTTP endpoint in front of many MLflow models.

    A YAML file says which conditions lead a request to which model; models are loaded from the MLflow Model Registry
    when they are first needed.

    Try it: rulegate demo
    """


for command in (serve, check_config, explain_command, schema_command, demo):
    main.add_command(command)
