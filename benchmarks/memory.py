"""What many loaded models weigh: each by itself, and what is there once for all of them."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.article import FIRST, INVOCATIONS
from benchmarks.contenders import mlflow, parts, rulegate
from benchmarks.harness import Row, Spread, say, table, write_result
from benchmarks.models import TEXT, Models, prepare
from benchmarks.servers import NoAnswer, own_bytes, post, pss_bytes
from benchmarks.versions import config_of, question_to

PEER = "as many mlflow models serve"


def rulegate_mb(models: Models, number: int, folder: Path) -> dict[str, list[float]]:
    """The memory of each process by its part, in megabytes, with so many models loaded, at rest.

    ``own`` is what of the memory of ``models`` nobody shares.
    """
    with rulegate(config_of(folder / "config.yaml", models, versions=number, memory_limit="100%"), folder) as server:
        # The first teaches the parent of all model processes what they need.
        server.until_answer(question_to(1))
        server.settle()
        with contextlib.closing(server.connection()) as connection:
            for version in range(2, number + 1):
                status, answer = connection.ask(question_to(version))
                if status != 200:
                    raise NoAnswer(f"status {status}: {answer.decode(errors='replace')}")
        server.settle()
        pids = parts(server)
        if len(pids["models"]) != number:
            raise NoAnswer(f"{len(pids['models'])} of {number} models are loaded")
        weights = {part: [pss_bytes(pid) * 1e-6 for pid in found] for part, found in pids.items()}
        return weights | {"own": [own_bytes(pid) * 1e-6 for pid in pids["models"]]}


def stock_mb(models: Models, folder: Path) -> float:
    """The memory of one stock server with one model, at rest."""
    with mlflow(f"models:/{TEXT}/1", models.registry_uri, folder) as server:
        server.until_answer(post(INVOCATIONS, FIRST))
        server.settle()
        return server.memory_bytes() * 1e-6


def rows(ours: dict[str, list[float]], stock: float) -> list[Row]:
    """The table's rows."""
    number = len(ours["models"])
    total = sum(sum(values) for part, values in ours.items() if part != "own")
    return [
        Row("each model's process", "MB", Spread(tuple(ours["models"])), Spread((stock,))),
        Row("of it, shared with nobody", "MB", Spread(tuple(ours["own"]))),
        Row("gateway", "MB", Spread((sum(ours["main"] + ours["gateway"]),))),
        Row("parent of the model processes", "MB", Spread(tuple(ours["parent"]))),
        Row("registry's process", "MB", Spread(tuple(ours["registry"]))),
        Row(f"all, with {number} models", "MB", Spread((total,)), Spread((stock * number,))),
    ]


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--models", type=int, default=50, help="loaded (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="three models, and no result is written")
    options = parser.parse_args()
    number = 3 if options.quick else options.models
    if number < 1:
        parser.error("it takes at least 1 model")
    # Whatever ends this process ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch:
        models = prepare(Path(scratch, "models"), versions=number)
        say(f"loading {number} models …")
        ours = rulegate_mb(models, number, Path(scratch))
        say("one stock server …")
        stock = stock_mb(models, Path(scratch))
    result = rows(ours, stock)
    print(table(result, peer=PEER))
    print(
        f"\nMedian (min–max) of {number} processes, once each where there is one; PSS at rest, MB of a million bytes."
    )
    if not options.quick:
        path = write_result(
            "memory",
            result,
            peer=PEER,
            settings={"models": number},
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
