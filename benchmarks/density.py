"""A thousand versions in memory for twenty: what fails, whether the limit holds, what users of popular ones feel."""

from __future__ import annotations

import argparse
import bisect
import contextlib
import itertools
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.contenders import parts, rulegate
from benchmarks.harness import Measured, Row, Spread, say, table, write_result
from benchmarks.memory import rulegate_mb
from benchmarks.models import Models, prepare
from benchmarks.servers import NoAnswer, Server, pss_bytes
from benchmarks.versions import config_of, question_to

PEER = "without loads, or the limit"
IN_MEMORY = 20
"""How many versions the memory limit is for."""

HOT = 5
"""The most popular versions, asked all the time."""

HOT_RATE = 40.0
"""Requests a second to the hot versions, together."""

EXPONENT = 1.1
"""Of Zipf's law: the version of rank n is asked in proportion to 1 / n ** EXPONENT."""

ROUNDS = 4
"""Windows without and with requests to all versions, in turns."""

SAMPLE_S = 2.0
"""Seconds between two samples of the memory."""

_CLIENTS = 16
_PROBED = 8


@dataclass(slots=True)
class Asked:
    """What came of the requests of one client: seconds from when each was due to its answer, and the failures."""

    times_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def ask(server: Server, versions: Iterator[int], *, rate: float, clients: int, until_s: float) -> Asked:
    """Asks one version after the other, ``rate`` a second whether answers come or not, until that time.

    So many clients share the work; when all of them wait for answers, the time that a request waits for a client
    counts as its own.
    """
    asked = Asked()
    connections = threading.local()
    opened = []

    def one(version: int, due_s: float) -> None:
        try:
            if not hasattr(connections, "mine"):
                connections.mine = server.connection()
                opened.append(connections.mine)
            status, answer = connections.mine.ask(question_to(version))
        except (OSError, NoAnswer) as error:
            connections.__dict__.clear()
            asked.failures.append(f"version {version}: {error!r}")
            return
        asked.times_s.append(time.monotonic() - due_s)
        if status != 200:
            asked.failures.append(f"version {version}: status {status}: {answer.decode(errors='replace')}")

    with ThreadPoolExecutor(clients) as threads:
        for due_s in itertools.count(time.monotonic(), 1 / rate):
            if due_s > until_s:
                break
            time.sleep(max(0.0, due_s - time.monotonic()))
            threads.submit(one, next(versions), due_s)
    for connection in opened:
        connection.close()
    return asked


def zipf(versions: int, seed: int) -> Iterator[int]:
    """Version numbers without end, distributed by Zipf's law, the same for the same seed."""
    shares = list(itertools.accumulate(rank**-EXPONENT for rank in range(1, versions + 1)))
    numbers = random.Random(seed)
    while True:
        yield bisect.bisect(shares, numbers.random() * shares[-1]) + 1


@contextlib.contextmanager
def sampled(server: Server, samples_mb: list[float]) -> Iterator[None]:
    """Adds up the memory of the model processes again and again while the block runs."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(SAMPLE_S):
            samples_mb.append(sum(pss_bytes(pid) for pid in parts(server)["models"]) * 1e-6)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@dataclass(slots=True)
class Outcome:
    """What the windows gave. ``loads`` counts the models that were loaded; the limit is in megabytes."""

    measured: Measured
    samples_mb: list[float]
    failures: list[str]
    requests: int
    loads: int
    limit_mb: float


def run(models: Models, *, versions: int, window_s: float, rate: float, folder: Path) -> Outcome:
    """Windows with requests to the hot versions only, and with requests to all versions beside them, in turns."""
    say(f"weighing {_PROBED} models …")
    limit_mib = round(statistics.median(rulegate_mb(models, _PROBED, folder)["models"]) * IN_MEMORY * 1e6 / 2**20)
    config = config_of(folder / "config.yaml", models, versions=versions, memory_limit=f"{limit_mib}MiB")
    outcome = Outcome(Measured(), [], [], 0, 0, limit_mib * 2**20 * 1e-6)
    everybody = zipf(versions, seed=1)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(rulegate(config, folder))
        server.until_answer(question_to(1))
        server.settle()
        stack.enter_context(sampled(server, outcome.samples_mb))
        beside = stack.enter_context(ThreadPoolExecutor(1))

        def window(name: str, seconds: float, others: Callable[[float], Asked] | None) -> None:
            say(f"{seconds:.0f} s {name} …")
            until_s = time.monotonic() + seconds
            crowd = beside.submit(others, until_s) if others else None
            hot = ask(server, itertools.cycle(range(1, HOT + 1)), rate=HOT_RATE, clients=HOT, until_s=until_s)
            if len(hot.times_s) < 2:
                raise NoAnswer(f"hardly any answer from a hot version; {hot.failures[:3]}")
            outcome.measured.add(f"p50 {name}", statistics.median(hot.times_s) * 1e3)
            outcome.measured.add(f"p99 {name}", statistics.quantiles(hot.times_s, n=100)[98] * 1e3)
            for asked in [hot, crowd.result()] if crowd else [hot]:
                outcome.failures.extend(asked.failures)
                outcome.requests += len(asked.times_s)
            if crowd:
                outcome.measured.add("p50 of all", statistics.median(crowd.result().times_s) * 1e3)
                outcome.measured.add("p99 of all", statistics.quantiles(crowd.result().times_s, n=100)[98] * 1e3)

        def crowd(until_s: float) -> Asked:
            return ask(server, everybody, rate=rate, clients=_CLIENTS, until_s=until_s)

        ask(server, iter(range(1, HOT + 1)), rate=HOT, clients=1, until_s=time.monotonic() + 1 - 1 / HOT)
        for _ in range(ROUNDS):
            server.settle()
            window("without loads", window_s / 3, None)
            window("with loads", window_s, crowd)
        outcome.loads = server.log.read_text().count(" is loaded in ")
    return outcome


def rows(outcome: Outcome) -> list[Row]:
    """The table's rows."""
    spread = outcome.measured.spread
    return [
        Row("hot versions, p50", "ms", spread("p50 with loads"), spread("p50 without loads")),
        Row("hot versions, p99", "ms", spread("p99 with loads"), spread("p99 without loads")),
        Row("all versions, p50", "ms", spread("p50 of all")),
        Row("all versions, p99", "ms", spread("p99 of all")),
        Row("memory of all models, sampled", "MB", Spread(tuple(outcome.samples_mb)), Spread((outcome.limit_mb,))),
        Row("requests", "", Spread((outcome.requests,))),
        Row("loads", "", Spread((outcome.loads,))),
        Row("failures", "", Spread((len(outcome.failures),))),
    ]


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.density", description=__doc__)
    parser.add_argument("--versions", type=int, default=1000, help="registered (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=120.0, help="with requests to all (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=10.0, help="of requests to all, a second (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="30 seconds, 100 versions; no result is written")
    options = parser.parse_args()
    versions, seconds = (100, 30.0) if options.quick else (options.versions, options.seconds)
    if versions < IN_MEMORY or seconds < ROUNDS or options.rate <= 0:
        parser.error(f"it takes at least {IN_MEMORY} versions and {ROUNDS} seconds")
    # Whatever ends this process ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch:
        models = prepare(Path(scratch, "models"), versions=versions)
        outcome = run(models, versions=versions, window_s=seconds / ROUNDS, rate=options.rate, folder=Path(scratch))
    result = rows(outcome)
    print(table(result, peer=PEER))
    print(f"\nMedian (min–max) of {ROUNDS} windows; ratio: of the medians. {options.rate:g} requests/s to all.")
    for failure in outcome.failures[:20]:
        say(f"failed: {failure}")
    if not options.quick:
        path = write_result(
            "density",
            result,
            peer=PEER,
            settings={"versions": versions, "seconds": seconds, "rate": options.rate, "exponent": EXPONENT},
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
