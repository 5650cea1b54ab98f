"""What rulegate costs over the HTTP server that it runs under: up to the decision, and through a model process."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

from benchmarks.applications import CONFIG_VARIABLE
from benchmarks.article import FIRST, INVOCATIONS, routes
from benchmarks.contenders import rulegate, running, write_config
from benchmarks.harness import ROOT, Measured, Row, alternating, say, table, write_result
from benchmarks.load import drive, require_wrk
from benchmarks.models import CONSTANT, prepare
from benchmarks.servers import NoAnswer, Server, free_port, post

PEER = "bare WSGI function"
CONNECTIONS = (1, 32)
BUDGET_S = 240.0

_KINDS = {"decision": "up to the decision", "whole": "through a model process"}


def start(scratch: Path) -> dict[str, AbstractContextManager[Server]]:
    """The three servers, by what they do: answer at once, decide, decide and have a process answer."""
    models = prepare(scratch / "models")
    uri = f"models:/{CONSTANT}/1"
    config = write_config(scratch / "config.yaml", models.registry_uri, routes(uri, uri))
    return {
        "bare": _application("bare", scratch, {}),
        "decision": _application("decision", scratch, {CONFIG_VARIABLE: str(config)}),
        "whole": rulegate(config, scratch),
    }


def _application(name: str, folder: Path, environment: Mapping[str, str]) -> AbstractContextManager[Server]:
    """An application under the server that `rulegate serve` runs under."""
    port = free_port()
    command: list[str | Path] = [sys.executable, "-m", "benchmarks.applications", name, str(port)]
    return running(command, port, {"PYTHONPATH": str(ROOT), **environment}, folder)


def measure(
    servers: Mapping[str, Server], *, repeats: int, seconds: int, folder: Path
) -> tuple[dict[str, Measured], int]:
    """The rates and durations of each, by server; and how many repeats there were."""
    measured = {name: Measured() for name in servers}

    def run(name: str, connections: int) -> None:
        load = drive(servers[name].port, INVOCATIONS, FIRST, connections=connections, seconds=seconds, folder=folder)
        if load.failures:
            raise NoAnswer(f"{name}: {load.failures} requests failed at {connections} connections")
        measured[name].add(f"rate {connections}", load.rate)
        measured[name].add(f"p50 {connections}", load.p50_ms)

    contenders: list[Callable[[], None]] = [
        partial(run, name, connections) for connections in CONNECTIONS for name in servers
    ]
    return measured, alternating(contenders, repeats=repeats, budget_s=BUDGET_S, progress=say)


def rows(measured: Mapping[str, Measured]) -> list[Row]:
    """The table's rows."""
    return [
        Row(f"{words}, {connections} connection{'s'[: connections - 1]}, {figure}", unit, ours, theirs)
        for name, words in _KINDS.items()
        for connections in CONNECTIONS
        for figure, unit in (("rate", "requests/s"), ("p50", "ms"))
        for key in [f"{figure} {connections}"]
        for ours, theirs in [(measured[name].spread(key), measured["bare"].spread(key))]
    ]


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overhead", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="of everything (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=3, help="of load in each repeat (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repeat of one second, and no result is written")
    options = parser.parse_args()
    repeats, seconds = (1, 1) if options.quick else (options.repeats, options.seconds)
    if repeats < 1 or seconds < 1:
        parser.error("it takes at least 1 repeat of 1 second")
    require_wrk()
    # Whatever ends this process ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        servers = {name: stack.enter_context(server) for name, server in start(folder).items()}
        for server in servers.values():
            server.until_answer(post(INVOCATIONS, FIRST))
            server.settle()
        measured, done = measure(servers, repeats=repeats, seconds=seconds, folder=folder)
    result = rows(measured)
    print(table(result, peer=PEER))
    print(f"\nMedian (min–max) of {done} times {seconds} s; ratio: of the medians.")
    if not options.quick:
        path = write_result(
            "overhead",
            result,
            peer=PEER,
            settings={"repeats": done, "seconds": seconds, "connections": CONNECTIONS},
            distributions=("rulegate", "mlflow", "uvicorn", "scikit-learn", "pandas"),
            load_before=load_before,
        )
        say(f"written: {path}")


if __name__ == "__main__":
    try:
        main()
    except NoAnswer as failure:
        sys.exit(f"error: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
