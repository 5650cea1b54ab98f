"""How soon a gateway listens, how soon it answers, and how soon a model does that it has never loaded."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.article import FIRST, INVOCATIONS
from benchmarks.contenders import mlflow, rulegate
from benchmarks.harness import Measured, Row, alternating, say, table, write_result
from benchmarks.models import TEXT, Models, prepare
from benchmarks.servers import NoAnswer, post
from benchmarks.versions import config_of, question_to

PEER = "mlflow models serve"
BUDGET_S = 240.0


class Bench:
    """The starts that are compared.

    Args:
        models: The registry.
        cold: How many models are asked one after the other, once the first has answered.
        folder: Scratch space.
    """

    def __init__(self, models: Models, cold: int, folder: Path) -> None:
        self._models = models
        self._cold = cold
        self._folder = folder
        self._config = config_of(folder / "config.yaml", models, versions=cold + 1)
        self.ours = Measured()
        self.peer = Measured()

    def rulegate(self) -> None:
        """A start with nothing in the cache of models, then one that finds there what the first has left."""
        shutil.rmtree(self._folder / "cache", ignore_errors=True)
        for kept in ("", ", kept"):
            with rulegate(self._config, self._folder) as server:
                self.ours.add(f"listening{kept}", server.until_listening())
                self.ours.add(f"first{kept}", server.until_answer(question_to(1)))
                # Until all processes rest, the parent of the model processes is still learning from the first model.
                server.settle()
                with contextlib.closing(server.connection()) as connection:
                    for version in range(2, self._cold + 2):
                        begin = time.perf_counter()
                        status, answer = connection.ask(question_to(version))
                        if status != 200:
                            raise NoAnswer(f"status {status}: {answer.decode(errors='replace')}")
                        self.ours.add(f"cold{kept}", time.perf_counter() - begin)

    def mlflow(self) -> None:
        """One start; the stock server has no cache, and one model."""
        with mlflow(f"models:/{TEXT}/1", self._models.registry_uri, self._folder) as server:
            self.peer.add("listening", server.until_listening())
            self.peer.add("first", server.until_answer(post(INVOCATIONS, FIRST)))

    def rows(self) -> list[Row]:
        """The table's rows, times from the start of the command on where nothing else is said."""
        ours, listening, first = self.ours.spread, self.peer.spread("listening"), self.peer.spread("first")
        first_ms = self.peer.spread("first", 1e3)
        return [
            Row("start to first accepted connection", "s", ours("listening"), listening),
            Row("the same, models kept in the cache", "s", ours("listening, kept"), listening),
            Row("start to first answer, no model in the cache", "s", ours("first"), first),
            Row("start to first answer, models kept in the cache", "s", ours("first, kept"), first),
            Row("cold model of a known flavor, not in the cache ¹", "ms", ours("cold", 1e3), first_ms),
            Row("cold model of a known flavor, kept in the cache ¹", "ms", ours("cold, kept", 1e3), first_ms),
        ]


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of all starts (default: %(default)s)")
    parser.add_argument("--cold", type=int, default=10, help="cold models after each start (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repeat with two cold models; no result is written")
    options = parser.parse_args()
    repeats, cold = (1, 2) if options.quick else (options.repeats, options.cold)
    if repeats < 1 or cold < 1:
        parser.error("it takes at least 1 repeat with 1 cold model")
    # Whatever ends this process ends the servers too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="rulegate-bench-") as scratch:
        bench = Bench(prepare(Path(scratch, "models"), versions=cold + 1), cold, Path(scratch))
        done = alternating([bench.rulegate, bench.mlflow], repeats=repeats, budget_s=BUDGET_S, progress=say)
    result = bench.rows()
    print(table(result, peer=PEER))
    print(f"\nMedian (min–max) of {done} starts of each kind, with {cold} cold models each; ratio: of the medians.")
    print("¹ Beside it: what a whole second server takes to its first answer.")
    if not options.quick:
        path = write_result(
            "cold",
            result,
            peer=PEER,
            settings={"starts": done, "cold": cold},
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
