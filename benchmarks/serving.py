"""How many requests a model answers, and how soon: rulegate beside the stock server and MLServer, by connections."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.article import FIRST, INVOCATIONS, TEXT_OF_FIRST, routes
from benchmarks.contenders import MLSERVER_ENVIRONMENT, MLSERVER_MODEL, mlflow, mlserver, rulegate, write_config
from benchmarks.harness import Measured, Row, alternating, say, table, write_result
from benchmarks.load import drive, require_wrk
from benchmarks.models import TEXT, prepare
from benchmarks.servers import NoAnswer, Server, post
from rulegate.demo import prepare as prepare_demo

CONNECTIONS = (1, 8, 32, 64, 128)
BUDGET_S = 900.0

OURS = "rulegate"
MLFLOW = "mlflow models serve"
MLSERVER = "MLServer"

PIPELINE = "scikit-learn"
PYFUNC = "pyfunc"

# The first request in the words of the Open Inference Protocol, which is what MLServer merges.
_V2_PATH = f"/v2/models/{MLSERVER_MODEL}/infer"
_V2_BODY = json.dumps(
    {
        "parameters": {"content_type": "pd"},
        "inputs": [
            {
                "name": "text",
                "shape": [1, 1],
                "datatype": "BYTES",
                "parameters": {"content_type": "str"},
                "data": [TEXT_OF_FIRST],
            }
        ],
    }
).encode()


@dataclass(frozen=True, slots=True)
class Contender:
    """One running server: which, with which model, and how it is asked for a prediction."""

    name: str
    model: str
    server: Server
    path: str = INVOCATIONS
    body: bytes = FIRST


def start(scratch: Path, stack: ExitStack) -> list[Contender]:
    """All servers, each ready and at rest; the stack ends them."""
    models = prepare(scratch / "models")
    uri = f"models:/{TEXT}/1"
    config = write_config(scratch / "config.yaml", models.registry_uri, routes(uri, uri))
    demo = prepare_demo(scratch / "demo", report=say)
    demo_uri = "models:/sentiment-model-fast/production"
    found = [
        Contender(OURS, PIPELINE, stack.enter_context(rulegate(config, scratch))),
        Contender(MLFLOW, PIPELINE, stack.enter_context(mlflow(uri, models.registry_uri, scratch))),
        Contender(OURS, PYFUNC, stack.enter_context(rulegate(demo.config, scratch / "demo"))),
        Contender(MLFLOW, PYFUNC, stack.enter_context(mlflow(demo_uri, demo.registry_uri, scratch))),
    ]
    if MLSERVER_ENVIRONMENT.exists():
        server = stack.enter_context(mlserver(models.files, scratch))
        found.append(Contender(MLSERVER, PIPELINE, server, _V2_PATH, _V2_BODY))
    else:
        say(f"MLServer is left out: there is no {MLSERVER_ENVIRONMENT}")
    for contender in found:
        contender.server.until_answer(post(contender.path, contender.body))
        contender.server.settle()
    return found


def measure(
    contenders: Sequence[Contender], *, connections: Sequence[int], repeats: int, seconds: int, folder: Path
) -> tuple[dict[Contender, Measured], int]:
    """The rates, durations and failures of each; and how many repeats there were."""
    measured = {contender: Measured() for contender in contenders}

    def run(contender: Contender, number: int) -> None:
        # Answers to connections that have been closed may still be under way.
        contender.server.settle()
        load = drive(
            contender.server.port, contender.path, contender.body, connections=number, seconds=seconds, folder=folder
        )
        measured[contender].add(f"rate {number}", load.rate)
        measured[contender].add(f"p50 {number}", load.p50_ms)
        measured[contender].add(f"p99 {number}", load.p99_ms)
        measured[contender].add(f"failures {number}", load.failures)

    runs: list[Callable[[], None]] = [
        partial(run, contender, number) for number in connections for contender in contenders
    ]
    return measured, alternating(runs, repeats=repeats, budget_s=BUDGET_S, progress=say)


def rows(measured: Mapping[Contender, Measured], connections: Sequence[int]) -> list[Row]:
    """One row for each figure of each of the others, rulegate's figure with the same model beside it."""
    ours = {contender.model: spreads for contender, spreads in measured.items() if contender.name == OURS}
    return [
        Row(
            f"{contender.model}, connections: {number}, {figure}, beside {contender.name}",
            unit,
            ours[contender.model].spread(f"{figure} {number}"),
            theirs.spread(f"{figure} {number}"),
        )
        for contender, theirs in measured.items()
        if contender.name != OURS
        for number in connections
        for figure, unit in (("rate", "requests/s"), ("p50", "ms"), ("p99", "ms"), ("failures", "requests"))
    ]


def overview(measured: Mapping[Contender, Measured], connections: Sequence[int]) -> str:
    """A Markdown table of medians: a line for each server and model, a column for each number of connections."""
    lines = [["connections", *map(str, connections)], ["---", *["---:"] * len(connections)]]
    for contender, spreads in measured.items():
        cells = [
            f"{spreads.spread(f'rate {number}').median:.0f}/s"
            f" · {spreads.spread(f'p50 {number}').median:.1f} · {spreads.spread(f'p99 {number}').median:.1f} ms"
            for number in connections
        ]
        lines.append([f"{contender.name}, {contender.model}", *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Runs the benchmark, prints the tables, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of everything (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=4, help="of load in each repeat (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one second at 1 and 32 connections; no result is written")
    options = parser.parse_args()
    repeats, seconds = (1, 1) if options.quick else (options.repeats, options.seconds)
    connections = (1, 32) if options.quick else CONNECTIONS
    if repeats < 1 or seconds < 1:
        parser.error("it takes at least 1 repeat of 1 second")
    require_wrk()
    # Whatever ends this process ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        contenders = start(folder, stack)
        measured, done = measure(contenders, connections=connections, repeats=repeats, seconds=seconds, folder=folder)
    result = rows(measured, connections)
    print(table(result, peer="beside it"))
    print(f"\n{overview(measured, connections)}")
    print(f"\nMedian (min–max) of {done} times {seconds} s; answers a second · p50 · p99. Ratio: of the medians.")
    if not options.quick:
        path = write_result(
            "serving",
            result,
            peer="the stock server and MLServer",
            settings={"repeats": done, "seconds": seconds, "connections": connections},
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
