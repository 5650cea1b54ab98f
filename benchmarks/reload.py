"""What requests feel of a configuration that changes fifty times a second, beside the same gateway left alone."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.article import FIRST, INVOCATIONS, routes
from benchmarks.contenders import rulegate, write_config
from benchmarks.harness import Measured, Row, alternating, say, table, write_result
from benchmarks.load import drive, require_wrk
from benchmarks.models import CONSTANT, prepare
from benchmarks.servers import NoAnswer, Server, post

RATE = 50
"""Reloads a second."""
CONNECTIONS = 8
BUDGET_S = 240.0

ALONE = "left alone"
CHANGING = f"{RATE} reloads a second"


@dataclass(slots=True)
class Changes:
    """Writes a configuration anew, each time with another comment, and has the gateway read it."""

    path: Path
    server: Server
    made: int = 0

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Makes `RATE` of them a second, as far as the machine lets it."""
        text = self.path.read_text()
        ended = threading.Event()

        def change() -> None:
            due = time.monotonic()
            while not ended.wait(max(0.0, due - time.monotonic())):
                due += 1 / RATE
                self.made += 1
                scratch = self.path.with_suffix(".new")
                scratch.write_text(f"{text}\n# {self.made}\n")
                scratch.replace(self.path)
                os.kill(self.server.pid, signal.SIGHUP)

        thread = threading.Thread(target=change)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def done(self) -> int:
        """How many the gateway says that it has made."""
        return self.server.log.read_text().count("the configuration has changed")


def measure(changes: Changes, *, repeats: int, seconds: int, folder: Path) -> tuple[Measured, int]:
    """Rates and durations with and without changes; and how many repeats there were."""
    measured = Measured()

    def run(name: str, meanwhile: Callable[[], contextlib.AbstractContextManager[None]]) -> None:
        before, began = changes.done(), time.monotonic()
        with meanwhile():
            load = drive(
                changes.server.port, INVOCATIONS, FIRST, connections=CONNECTIONS, seconds=seconds, folder=folder
            )
        if load.failures:
            raise NoAnswer(f"{load.failures} requests failed: {name}")
        measured.add(f"{name} reloads", (changes.done() - before) / (time.monotonic() - began))
        measured.add(f"{name} rate", load.rate)
        measured.add(f"{name} p50", load.p50_ms)
        measured.add(f"{name} p99", load.p99_ms)

    contenders = [partial(run, ALONE, contextlib.nullcontext), partial(run, CHANGING, changes.going_on)]
    return measured, alternating(contenders, repeats=repeats, budget_s=BUDGET_S, progress=say)


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reload", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="of both (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of load in each repeat (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repeat of one second, and no result is written")
    options = parser.parse_args()
    repeats, seconds = (1, 1) if options.quick else (options.repeats, options.seconds)
    if repeats < 1 or seconds < 1:
        parser.error("it takes at least 1 repeat of 1 second")
    require_wrk()
    # Whatever ends this process ends the server too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch:
        folder = Path(scratch)
        models = prepare(folder / "models")
        uri = f"models:/{CONSTANT}/1"
        config = write_config(folder / "config.yaml", models.registry_uri, routes(uri, uri))
        with rulegate(config, folder) as server:
            server.until_answer(post(INVOCATIONS, FIRST))
            server.settle()
            measured, done = measure(Changes(config, server), repeats=repeats, seconds=seconds, folder=folder)
    result = [
        Row(figure, unit, measured.spread(f"{CHANGING} {figure}"), measured.spread(f"{ALONE} {figure}"))
        for figure, unit in (("p50", "ms"), ("p99", "ms"), ("rate", "requests/s"), ("reloads", "a second"))
    ]
    print(table(result, peer=ALONE))
    print(
        f"\n{CHANGING}, {CONNECTIONS} connections. Median (min–max) of {done} times {seconds} s; ratio: of the medians."
    )
    if not options.quick:
        path = write_result(
            "reload",
            result,
            peer=ALONE,
            settings={"repeats": done, "seconds": seconds, "connections": CONNECTIONS, "reloads_a_second": RATE},
            distributions=("rulegate", "mlflow", "uvicorn", "scikit-learn"),
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
