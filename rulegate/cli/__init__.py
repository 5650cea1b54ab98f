"""The command line: one module a command."""

import click

from rulegate import __version__


@click.group()
@click.version_option(__version__, prog_name="rulegate")
def main() -> None:
    """One HTTP endpoint in front of many MLflow models."""
