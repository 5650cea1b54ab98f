"""How long conditions take to compile from text, beside Python's own `compile()` of the same texts."""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness import Row, Spread, alternating, say, table, write_result
from benchmarks.texts import texts
from rulegate.condition import compile_condition
from rulegate.condition.forms import forms

PEER = "Python's compile()"
BUDGET_S = 200.0
"""For all repeats together."""


@dataclass(slots=True)
class Shape:
    """The conditions of one shape, and how long all of them took in each repeat, in milliseconds."""

    name: str
    texts: Sequence[str]
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)


_NEW_SHAPES = 20
"""Of each shape so many are compiled as if no condition of the shape had been met before."""
_FIRST_CONDITION = "request.json()['dataframe_split']['data'][0][0].startswith('Domain specific text')"
_FIRST = """
import time
begin = time.thread_time()
{imports}
{compiles}
print((time.thread_time() - begin) * 1e3)
"""
_OURS_FIRST = _FIRST.format(
    imports="from rulegate import compile_condition",
    compiles=f"compile_condition({_FIRST_CONDITION!r})",
)
_PEERS_FIRST = _FIRST.format(
    imports="import ast, dataclasses, datetime, enum, json, re, typing",
    compiles=f"compile({_FIRST_CONDITION!r}, '<condition>', 'eval')",
)


def measure(shapes: Sequence[Shape], read: Callable[[str], object], values: Callable[[Shape], list[float]]) -> None:
    """Compiles every text of every shape once; what is made is kept until its shape is done."""
    for shape in shapes:
        gc.collect()
        # Processor time is taken: on a machine that has other work, the clock would mostly tell of that.
        forms.cache_clear()  # so that each repeat reads each shape for the first time
        begin = time.thread_time()
        kept = [read(text) for text in shape.texts]
        values(shape).append((time.thread_time() - begin) * 1e3)
        del kept


def measure_new(shapes: Sequence[Shape], read: Callable[[str], object], values: list[float]) -> None:
    """Compiles some texts of every shape as if each were of a shape of its own; microseconds a condition."""
    some = [text for shape in shapes for text in shape.texts[:_NEW_SHAPES]]
    took_s = 0.0
    for text in some:
        forms.cache_clear()
        begin = time.thread_time()
        read(text)
        took_s += time.thread_time() - begin
    values.append(took_s * 1e6 / len(some))


def measure_first(program: str, bytecode: Path, values: list[float]) -> None:
    """What a new process needs until it has compiled one condition, without the start of Python; milliseconds.

    A process before it leaves all modules in the folder ``bytecode``, as an installed package has them: where Python is
    kept from writing bytecode, as in many containers, a checkout is translated from source in every process.
    """
    others = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = others | {"PYTHONPYCACHEPREFIX": str(bytecode)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
    values.append(float(done.stdout))


def rows(shapes: Sequence[Shape]) -> list[Row]:
    """All conditions together in milliseconds, then each shape in microseconds a condition."""
    together = Row(
        f"{sum(len(shape.texts) for shape in shapes)} conditions",
        "ms",
        Spread(tuple(map(sum, zip(*(shape.ours for shape in shapes), strict=True)))),
        Spread(tuple(map(sum, zip(*(shape.peer for shape in shapes), strict=True)))),
    )
    return [together, *(Row(shape.name, "µs", _each(shape, shape.ours), _each(shape, shape.peer)) for shape in shapes)]


def _each(shape: Shape, values: Sequence[float]) -> Spread:
    return Spread(tuple(value * 1e3 / len(shape.texts) for value in values))


def _peer(text: str) -> object:
    return compile(text, "<condition>", "eval")


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile", description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="of every shape (default: %(default)s)")
    parser.add_argument("--conditions", type=int, default=10_000, help="in all (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repeat of one condition a shape, nothing is written")
    options = parser.parse_args()
    repeats, conditions = (1, 1) if options.quick else (options.repeats, options.conditions)
    if repeats < 1 or conditions < 1:
        parser.error("it takes at least 1 repeat of 1 condition")
    load_before = os.getloadavg()[0]
    shapes = [Shape(name, found) for name, found in texts(conditions).items()]
    new, first = Shape("shape not met before", ()), Shape("imports and first condition", ())
    contenders = [
        partial(measure, shapes, compile_condition, lambda shape: shape.ours),
        partial(measure, shapes, _peer, lambda shape: shape.peer),
        partial(measure_new, shapes, compile_condition, new.ours),
        partial(measure_new, shapes, _peer, new.peer),
    ]
    with TemporaryDirectory() as folder:
        contenders += [
            partial(measure_first, _OURS_FIRST, Path(folder), first.ours),
            partial(measure_first, _PEERS_FIRST, Path(folder), first.peer),
        ]
        done = alternating(contenders, repeats=repeats, budget_s=BUDGET_S, progress=say)
    result = rows(shapes)
    result += [Row(new.name, "µs", Spread(tuple(new.ours)), Spread(tuple(new.peer)))]
    result += [Row(first.name, "ms", Spread(tuple(first.ours)), Spread(tuple(first.peer)))]
    print(table(result, peer=PEER))
    print(
        f"\nMedian (min–max), repeats: {done}; the shapes: µs a condition; ratio: rulegate's median over the other's."
    )
    if not options.quick:
        path = write_result(
            "compile",
            result,
            peer=PEER,
            settings={"repeats": done, "conditions": conditions},
            distributions=("rulegate",),
            load_before=load_before,
        )
        say(f"written: {path}")


if __name__ == "__main__":
    main()
