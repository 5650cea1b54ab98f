"""How soon, how fast and how large: `rulegate serve` beside `mlflow models serve`, from the start of the command on."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.article import FIRST, INVOCATIONS, SECOND
from benchmarks.contenders import mlflow, rulegate
from benchmarks.harness import Measured, Row, Spread, alternating, say, table, write_result
from benchmarks.servers import Connection, NoAnswer, Server, get, post
from rulegate.demo import DemoFiles, prepare

PEER = "mlflow models serve"
MODEL_URI = "models:/sentiment-model-fast/production"
BUDGET_S = 170.0
"""For all starts together; with what comes before and after, the benchmark stays below four minutes."""

TURN = 50
"""Requests to one server before it is the other's turn; also how many each gets to warm up."""

_PING = get("/ping")


_FIRST = post(INVOCATIONS, FIRST)
_SECOND = post(INVOCATIONS, SECOND)


class Bench:
    """The starts that are compared, on one registry.

    Args:
        demo: The registry with the article's models, and the article's configuration.
        folder: Scratch space.
    """

    def __init__(self, demo: DemoFiles, folder: Path) -> None:
        self._demo = demo
        self._folder = folder
        self._cache = folder / "cache"
        self.ours = Measured()
        self.peer = Measured()

    def rulegate(self) -> None:
        """A start with nothing in the cache of models, then one that finds what the first has left there."""
        shutil.rmtree(self._cache, ignore_errors=True)
        with self._rulegate() as server:
            self._start(server, self.ours)
            self.ours.add("cold", _until_answer_s(server, _SECOND))
            server.settle()
            self.ours.add("memory of two", server.memory_bytes())
        with self._rulegate() as server:
            self.ours.add("first answer, kept", server.until_answer(_FIRST))
            self.ours.add("cold, at once", _until_answer_s(server, _SECOND))

    def mlflow(self) -> None:
        """One start; the stock server has no cache of models to be empty or not."""
        with self._mlflow() as server:
            self._start(server, self.peer)

    def _start(self, server: Server, measured: Measured) -> None:
        measured.add("listening", server.until_listening())
        measured.add("ping", server.until_answer(_PING))
        measured.add("first answer", server.until_answer(_FIRST))
        server.settle()
        measured.add("memory", server.memory_bytes())

    def steady(self, *, repeats: int, requests: int) -> None:
        """Requests one after the other on one connection, to both servers in turns, so that noise meets both alike."""
        with self._rulegate() as our_server, self._mlflow() as their_server, contextlib.ExitStack() as connections:
            sides = []
            for server, measured in ((our_server, self.ours), (their_server, self.peer)):
                server.until_answer(_FIRST)
                server.settle()
                connection = connections.enter_context(contextlib.closing(server.connection()))
                _times_s(connection, TURN)
                sides.append((connection, measured))
            for _ in range(repeats):
                times_s: list[list[float]] = [[], []]
                for turn, done in enumerate(range(0, requests, TURN)):
                    for side in (0, 1) if turn % 2 == 0 else (1, 0):
                        times_s[side] += _times_s(sides[side][0], min(TURN, requests - done))
                for (_, measured), values in zip(sides, times_s, strict=True):
                    measured.add("p50", statistics.median(values))
                    measured.add("p99", statistics.quantiles(values, n=100, method="inclusive")[98])
                    measured.add("rate", len(values) / sum(values))

    def _rulegate(self) -> AbstractContextManager[Server]:
        return rulegate(self._demo.config, self._folder)

    def _mlflow(self) -> AbstractContextManager[Server]:
        return mlflow(MODEL_URI, self._demo.registry_uri, self._folder)


def _until_answer_s(server: Server, request: bytes) -> float:
    """Seconds that a running server takes for one request."""
    begin = time.perf_counter()
    server.until_answer(request)
    return time.perf_counter() - begin


def _times_s(connection: Connection, requests: int) -> list[float]:
    """The duration of each of so many requests."""
    times_s = []
    for _ in range(requests):
        begin = time.perf_counter()
        status, body = connection.ask(_FIRST)
        times_s.append(time.perf_counter() - begin)
        if status != 200:
            raise NoAnswer(f"status {status}: {body.decode(errors='replace')}")
    return times_s


def rows(ours: Measured, peer: Measured) -> list[Row]:
    """The table's rows, times from the start of the command on where nothing else is said."""

    def both(name: str, unit: str, key: str, scale: float = 1.0) -> Row:
        return Row(name, unit, ours.spread(key, scale), peer.spread(key, scale))

    whole_start = peer.spread("first answer")
    added = [two - one for two, one in zip(ours.values["memory of two"], ours.values["memory"], strict=True)]
    return [
        both("start to first accepted connection", "s", "listening"),
        both("start to first 200 of `/ping`", "s", "ping"),
        both("start to first answer, no model in the cache", "s", "first answer"),
        Row("start to first answer, models kept in the cache", "s", ours.spread("first answer, kept"), whole_start),
        Row("second, cold model: its first answer ¹", "s", ours.spread("cold"), whole_start),
        Row("the same, asked right after the first model's ¹", "s", ours.spread("cold, at once"), whole_start),
        both("one connection, p50", "ms", "p50", 1e3),
        both("one connection, p99", "ms", "p99", 1e3),
        both("one connection, rate", "requests/s", "rate"),
        both("memory with one model, all processes", "MB", "memory", 1e-6),
        Row(
            "memory that the second model adds ¹",
            "MB",
            Spread(tuple(value * 1e-6 for value in added)),
            peer.spread("memory", 1e-6),
        ),
    ]


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_request", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of everything (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=500, help="timed in each repeat (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repeat of 20 requests, and no result is written")
    options = parser.parse_args()
    repeats, requests = (1, 20) if options.quick else (options.repeats, options.requests)
    if repeats < 1 or requests < 2:
        parser.error("it takes at least 1 repeat and 2 requests")
    # Whatever ends this process ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch:
        demo = prepare(Path(scratch) / "demo", report=say)
        bench = Bench(demo, Path(scratch))
        done = alternating([bench.rulegate, bench.mlflow], repeats=repeats, budget_s=BUDGET_S, progress=say)
        say("both servers in turns …")
        bench.steady(repeats=repeats, requests=requests)
    measured = rows(bench.ours, bench.peer)
    print(table(measured, peer=PEER))
    print(f"\nMedian (min–max) of {done} starts and of {repeats} times {requests} requests; ratio: of the medians.")
    print("¹ Beside it: what a whole second server takes.")
    if not options.quick:
        path = write_result(
            "first_request",
            measured,
            peer=PEER,
            settings={"starts": done, "repeats": repeats, "requests": requests, "model": MODEL_URI},
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
