"""The option by which a configuration is read as if variables of the environment were set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import click

set_option = click.option(
    "--set",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Read the file as if this variable of the environment were set; may be given several times.",
)


def environment(variables: Sequence[str]) -> Mapping[str, str]:
    """The environment of this process, and over it what was given on the command line.

    Raises:
        click.UsageError: If one of ``variables`` is not a name and a value.
    """
    pairs = [text.partition("=") for text in variables]
    for (name, equals, _), text in zip(pairs, variables, strict=True):
        if not name or not equals:
            raise click.BadParameter(f"`{text}` is not a name and a value, such as `PORT=5000`", param_hint="--set")
    return os.environ | {name: value for name, _, value in pairs}
