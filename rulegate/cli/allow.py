"""The option by which whoever runs the gateway bounds what a configuration may name."""

from __future__ import annotations

import click

allow_option = click.option(
    "--allow",
    multiple=True,
    metavar="GLOB",
    help="Refuse configurations with a model URI, or a registry_uri, that no GLOB matches; may be given several times.",
)
