"""`rulegate serve`: serves the endpoints of a configuration."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from rulegate.cli.allow import allow_option
from rulegate.cli.check_config import shown
from rulegate.config import DEFAULT_PATH, Config, ConfigError, load_config
from rulegate.log import LogFormat


@click.command(short_help="Serve the endpoints of a configuration.")
@click.argument("config", required=False, type=click.Path(path_type=Path))
@click.option("--config", "config_option", type=click.Path(path_type=Path), help="The same as the argument.")
@click.option("--host", help="Listen on this address instead of the configuration's.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Listen on this port instead of the configuration's; 0: any free one."
)
@allow_option
@click.option(
    "--watch/--no-watch",
    default=True,
    show_default=True,
    help="Look at the file every second; without it, only SIGHUP has it read again.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default="text",
    show_default=True,
    help="How log lines are written to standard error.",
)
def serve(
    *,
    config: Path | None,
    config_option: Path | None,
    host: str | None,
    port: int | None,
    allow: tuple[str, ...],
    watch: bool,
    log_format: LogFormat,
) -> None:
    """Serve the endpoints of CONFIG (default: gateway_config.yaml).

    \b
    POST /invocations                    the default endpoint, by MLflow's scoring protocol
    POST /endpoints/NAME/invocations     that endpoint
    GET  /ping  /health                  200 while the gateway serves
    GET  /ready                          200 when every preloaded model is ready
    GET  /version                        the version of MLflow

    With `admin` in CONFIG, a second port answers those who run the gateway: metrics, models, reloads.

    A configuration with an error is not served: all its diagnostics are printed, and the exit code is 2.
    While it is served, the file may change: what is right with it is answered by from the next request on, what is
    wrong is logged and changes nothing. SIGHUP has it read at once. SIGTERM and Ctrl-C let requests in flight end.
    """
    if config is not None and config_option is not None:
        raise click.UsageError("the configuration is named twice: as an argument and with --config")
    settings = read(config or config_option or Path(DEFAULT_PATH), allow=allow)
    sock = listen(host or settings.server.host, settings.server.port if port is None else port)
    run(settings, sock, log_format, allow=allow, watch=watch)


def read(
    path: Path, *, allow: tuple[str, ...] = (), variables: Mapping[str, str] | None = None, warn: bool = True
) -> Config:
    """The configuration in ``path``; with an error in it, the command ends with exit code 2.

    What is wrong is printed, warnings alone only with ``warn``.
    """
    try:
        config = load_config(path, allow=allow, variables=variables, thorough=False)
    except ConfigError as error:
        click.echo(shown(error.diagnostics), err=True)
        raise SystemExit(2) from None
    if config.warnings and warn:
        click.echo(shown(config.warnings) + "\n", err=True)
    return config


def listen(host: str, port: int, *, named_by: str = "--port") -> socket.socket:
    """A listening socket; if it cannot be had, the command says why and ends with exit code 2.

    ``named_by`` is what the port is named by.
    """
    # uvicorn takes a moment to import, which would make `--help` and a configuration error wait.
    from rulegate import server

    try:
        return server.listen(host, port, named_by=named_by)
    except server.CannotListen as error:
        click.echo(f"error: cannot listen on {host} port {port}: {error.reason.lower()}", err=True)
        click.echo(f"hint: {error.hint}", err=True)
        raise SystemExit(2) from None


def run(
    config: Config,
    sock: socket.socket,
    log_format: LogFormat,
    *,
    allow: tuple[str, ...] = (),
    watch: bool = True,
    invitation: Callable[[str, int], str] | None = None,
) -> None:
    """Serves until it is told to stop; prints where it listens, then the invitation.

    Args:
        config: A configuration without errors.
        sock: Where it listens.
        log_format: How log lines are written.
        allow: Globs of the model URIs that the file may name, now and when it changes.
        watch: Whether to look at the file now and then.
        invitation: What else to print, for the host and port that a client on this machine uses.
    """
    from rulegate import bootstrap, server

    if obstacle := bootstrap.obstacle(config, os.environ):
        what, hint = obstacle
        click.echo(f"error: {what}", err=True)
        click.echo(f"hint: {hint}", err=True)
        raise SystemExit(2)
    admin = None if config.admin is None else listen(config.admin.host, config.admin.port, named_by="`admin.port`")
    following = server.Following(allow=allow, watched=watch, admin=admin)
    # Until the server listens to signals itself: whoever sees the line below may send one at once.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: sys.exit(0))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: following.handover.wish())
    host, port = _for_clients(sock)
    click.echo(f"listening on {_url(host, port)} with {', '.join(endpoint.name for endpoint in config.endpoints)}")
    if admin is not None:
        click.echo(f"admin port on {_url(*_for_clients(admin))}")
    if invitation is not None:
        click.echo(invitation(host, port))
    server.serve(config, sock, following, log_format=log_format)


def _for_clients(sock: socket.socket) -> tuple[str, int]:
    """The host and the port that a client on this machine uses."""
    host, port = sock.getsockname()[:2]
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - compared only


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
