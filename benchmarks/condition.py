"""How long one evaluation takes: rulegate beside a hand-written lambda and other expression languages."""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cases import Case, cases
from benchmarks.engines import PEERS, Evaluation, rulegate
from benchmarks.harness import Row, Spread, alternating, say, table, write_result

OURS = "rulegate"
BUDGET_S = 200.0
"""For all repeats together."""
_REQUESTS = 200
_DISTRIBUTIONS = (OURS, "asteval", "cel-python", "common-expression-language", "rule-engine", "simpleeval")


@dataclass(slots=True)
class Contender:
    """One engine on one case, and how long one evaluation took in each repeat, in nanoseconds."""

    case: Case
    engine: str
    evaluation: Evaluation
    times: int = 1
    """Evaluations in one repeat."""
    values: list[float] = field(default_factory=list)

    def calibrate(self, repeat_s: float) -> None:
        """Chooses how many evaluations take about ``repeat_s``."""
        while (run_s := self._run()) < repeat_s / 10:
            self.times *= 2
        self.times = max(1, round(self.times * repeat_s / run_s))

    def measure(self) -> None:
        self.values.append(self._run() / self.times * 1e9)

    def _run(self) -> float:
        """Seconds for all evaluations. The cost of the loop, some 20 ns each, is everybody's alike."""
        # Several requests, because what conditions may cost in all is bounded for each.
        some = [self.evaluation.fresh() for _ in range(min(self.times, _REQUESTS))]
        arguments = itertools.islice(itertools.cycle(some), self.times)
        return _time_s(self.evaluation.function, arguments)

    @property
    def spread(self) -> Spread:
        return Spread(tuple(self.values))


def _time_s(function: Callable[[Any], Any], arguments: Iterable[Any]) -> float:
    # Processor time: on a machine that has other work, the clock would mostly tell of that.
    gc.disable()
    try:
        begin = time.thread_time()
        for argument in arguments:
            function(argument)
        return time.thread_time() - begin
    finally:
        gc.enable()


def contenders(measured: Sequence[Case]) -> list[Contender]:
    """Every engine that is installed on every case, after a look at whether all give the same answer."""
    found, missing = [], set()
    for case in measured:
        for name, engine in {OURS: rulegate, **PEERS}.items():
            try:
                evaluation = engine(case)
            except ImportError:
                missing.add(name)
                continue
            if bool(evaluation.function(evaluation.fresh())) is not case.expected:
                raise AssertionError(f"{name} gives another answer: {case.name}")
            found.append(Contender(case, name, evaluation))
    if missing:
        say(f"not installed, left out: {', '.join(sorted(missing))}")
    return found


def rows(measured: Sequence[Contender]) -> list[Row]:
    """One row for each peer on each case, rulegate's figure of the case beside it."""
    ours = {contender.case.name: contender.spread for contender in measured if contender.engine == OURS}
    return [
        Row(f"{contender.case.name}: {contender.engine}", "ns", ours[contender.case.name], contender.spread)
        for contender in measured
        if contender.engine != OURS
    ]


def overview(measured: Sequence[Contender]) -> str:
    """A Markdown table of medians: a line for each engine, a column for each case."""
    columns = list(dict.fromkeys(contender.case.name for contender in measured))
    lines = [["", *columns], ["---", *["---:"] * len(columns)]]
    for engine in dict.fromkeys(contender.engine for contender in measured):
        medians = {c.case.name: c.spread.median for c in measured if c.engine == engine}
        lines.append([engine, *(_readable(medians[column]) for column in columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _readable(nanoseconds: float) -> str:
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.condition", description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="of every engine and case (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one short repeat, and no result is written")
    options = parser.parse_args()
    if options.repeats < 1:
        parser.error("it takes at least 1 repeat")
    repeats, repeat_s = (1, 1e-4) if options.quick else (options.repeats, 0.05)
    load_before = os.getloadavg()[0]
    measured = contenders(cases())
    for contender in measured:
        contender.calibrate(repeat_s)
    done = alternating([contender.measure for contender in measured], repeats=repeats, budget_s=BUDGET_S, progress=say)
    result = rows(measured)
    print(table(result, peer="beside it"))
    print(f"\n{overview(measured)}")
    print(f"\nNanoseconds an evaluation, median (min–max), repeats: {done}; ratio: rulegate's median over the other's.")
    if not options.quick:
        path = write_result(
            "condition",
            result,
            peer="hand-written lambda and other expression languages",
            settings={"repeats": done, "repeat_s": repeat_s},
            distributions=[name for name in _DISTRIBUTIONS if any(name == c.engine for c in measured)],
            load_before=load_before,
        )
        say(f"written: {path}")


if __name__ == "__main__":
    main()
