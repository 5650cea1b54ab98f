"""How long a decision takes over many routes, beside a plain scan that tries one condition after the other."""

from __future__ import annotations

import argparse
import copy
import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from benchmarks.harness import Row, Spread, alternating, say, write_result
from rulegate.condition import Condition, Request, compile_condition
from rulegate.routing import Balance, Endpoint, Route, Target, decide

SIZES = (10, 100, 1_000, 10_000, 100_000)
FEW = 100
"""Routes beside which the growth is told."""
BUDGET_S = 240.0
"""For all repeats together."""
SLICE_S = 0.04
"""How long one contender is called again and again for one value."""

USER = Request(headers={"X-User": "user-1234567"})
_CUSTOMER = {"id": "", "age": 35, "score": 0.5}


def keyed(number: int) -> str:
    """One of four shapes that a key can be taken from."""
    return (
        f"request.headers['X-Tenant'] == 'tenant-{number}'",
        f"request.json['customer']['id'] == 'customer-{number}'",
        f"request.headers['X-Tenant'] == 'tenant-{number}' and request.json['customer']['age'] > 18",
        f"request.args.get('campaign') in ('c-{number}', 'd-{number}')",
    )[number % 4]


def sharing(number: int) -> str:
    """One of four shapes whose value is shared by others and compared; none is true for a request of `asking`."""
    return (
        f"request.json['customer']['age'] > {number + 100}",
        f"len(request.json['instances']) > {number + 100}",
        f"request.headers.get('X-Tier', 'free') != 'free' and request.json['customer']['score'] > 0.{number}",
        f"request.json['instances'][0][0].endswith('suffix {number}')",
    )[number // 100 % 4]


def alone(number: int) -> str:
    """One of four shapes that share no part with others; none is true for a request of `asking`."""
    return (
        f"request.headers.get('X-Feature-{number}') == 'on'",
        f"request.args.get('flag-{number}') is not None",
        f"request.json['customer'].get('limit-{number}', 0) > 1",
        f"request.cookies.get('group-{number}') in ('a', 'b')",
    )[number // 100 % 4]


OTHERS: Final = MappingProxyType({"none": None, "1 % sharing": sharing, "1 % alone": alone})
"""The conditions beside those of `keyed`: every hundredth."""


def asking(number: int | None) -> Request:
    """A request that matches the condition of that number, or none."""
    who = "nobody" if number is None else number
    return Request(
        headers={"Content-Type": "application/json", "X-Tenant": f"tenant-{who}"},
        args={"campaign": f"c-{who}"},
        json={"customer": _CUSTOMER | {"id": f"customer-{who}"}, "instances": [["some text", 1.5, 2.5]]},
    )


@dataclass(slots=True)
class Case:
    """One endpoint and one request, and how long a decision took in each repeat, in microseconds."""

    routes: int
    others: str
    match: str
    endpoint: Endpoint
    request: Request
    index: list[float] = field(default_factory=list)
    scan: list[float] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.routes} routes, others: {self.others}, match: {self.match}"

    @property
    def times(self) -> Spread:
        """How many times faster the index is."""
        return Spread(tuple(scan / index for scan, index in zip(self.scan, self.index, strict=True)))

    @property
    def rows(self) -> list[Row]:
        return [
            Row(self.name, "µs", Spread(tuple(self.index)), Spread(tuple(self.scan))),
            Row(f"{self.name}: scan ÷ index", "times", self.times),
        ]

    def by_index(self) -> None:
        self.index.append(_microseconds(self.endpoint, self.request))

    def by_scan(self) -> None:
        self.scan.append(_microseconds(without_index(self.endpoint), self.request))


def without_index(endpoint: Endpoint) -> Endpoint:
    """The same routes, tried one after the other."""
    scanned = copy.copy(endpoint)
    object.__setattr__(scanned, "index", None)
    return scanned


def cases(sizes: Sequence[int]) -> tuple[list[Case], list[Row]]:
    """Every case, and rows that tell how long the indices took to build."""
    begin = time.perf_counter()
    conditions = [compile_condition(keyed(number)) for number in range(max(sizes))]
    say(f"{len(conditions)} conditions compiled in {time.perf_counter() - begin:.0f} s")
    made, built = [], []
    for size in sizes:
        for others, text in OTHERS.items():
            chosen = conditions[:size]
            if text is not None:
                chosen[50::100] = [compile_condition(text(number)) for number in range(50, size, 100)]
            routes = tuple(_route(number, condition) for number, condition in enumerate(chosen))
            gc.collect()
            begin = time.thread_time()
            endpoint = Endpoint("bench", (*routes, _route(size, None)))
            took_s = time.thread_time() - begin
            built.append(Row(f"{size} routes, others: {others}: build", "ms", Spread((took_s * 1e3,))))
            for where, number in (("first", 0), ("last", size - 1), ("none", None)):
                made.append(Case(size, others, where, endpoint, asking(number)))
    return made, built


def _route(number: int, condition: Condition | None) -> Route:
    return Route(str(number), (Target("t", "models:/m/1"),), condition)


def _microseconds(endpoint: Endpoint, request: Request) -> float:
    begin = time.perf_counter()
    decide(endpoint, request)
    number = max(1, int(SLICE_S / (time.perf_counter() - begin)))
    repeated = range(min(number, 5_000))
    # Processor time: on a machine that has other work, the clock would mostly tell of that.
    begin = time.thread_time()
    for _ in repeated:
        decide(endpoint, request)
    return (time.thread_time() - begin) * 1e6 / len(repeated)


def growth(cases: Sequence[Case]) -> Row:
    """How many times longer a decision of the index takes over the most keyed routes than over a hundred."""
    wanted = [case for case in cases if case.match == "last" and case.others == "none" and case.routes >= FEW]
    few, many = wanted[0], wanted[-1]
    times = tuple(long / short for long, short in zip(many.index, few.index, strict=True))
    return Row(
        f"index over {many.routes} ÷ over {few.routes} routes, all with a key, match: last", "times", Spread(times)
    )


@dataclass(slots=True)
class Picking:
    """One way to pick a target, beside the same endpoint with a single target; microseconds of each repeat."""

    name: str
    endpoint: Endpoint
    beside: Endpoint
    picking: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)

    @property
    def rows(self) -> list[Row]:
        more = Spread(tuple(one - other for one, other in zip(self.picking, self.plain, strict=True)))
        return [
            Row(f"5 targets, {self.name}", "µs", Spread(tuple(self.picking)), Spread(tuple(self.plain))),
            Row(f"5 targets, {self.name}: more than 1 target", "µs", more),
        ]

    def measure(self) -> None:
        self.picking.append(_microseconds(self.endpoint, USER))
        self.plain.append(_microseconds(self.beside, USER))


def pickings() -> list[Picking]:
    """Every way to pick one of five targets."""
    five = tuple(Target(f"target-{number}", f"models:/m/{number}", 1.0 + number) for number in range(5))
    condition = compile_condition("request.headers['X-User'].startswith('user')")
    sticky_on = compile_condition("request.headers['X-User']")

    def endpoint(targets: tuple[Target, ...], **how: Any) -> Endpoint:
        return Endpoint("bench", (Route("experiment", targets, condition, **how),))

    plain = endpoint(five[:1])
    return [Picking(balance.value, endpoint(five, balance=balance), plain) for balance in Balance] + [
        Picking("sticky", endpoint(five, sticky_on=sticky_on), plain)
    ]


def table(cases: Sequence[Case]) -> str:
    """One line a case, in Markdown."""
    lines = [
        "| routes | others | match | index, µs | plain scan, µs | scan ÷ index |",
        "| --: | --- | --- | --: | --: | --: |",
    ]
    for case in cases:
        measured = (Spread(tuple(case.index)), Spread(tuple(case.scan)), case.times)
        cells = (case.routes, case.others, case.match, *measured)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    """Runs the benchmark, prints the table, writes the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="of every case (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="one repeat of up to 100 routes, nothing is written")
    options = parser.parse_args()
    repeats, sizes = (1, SIZES[:2]) if options.quick else (options.repeats, SIZES)
    if repeats < 1:
        parser.error("it takes at least 1 repeat")
    load_before = os.getloadavg()[0]
    measured, built = cases(sizes)
    # What was made for the benchmark stays; looking through it again and again would be measured too.
    gc.freeze()
    picking = pickings()
    contenders = [contender for case in measured for contender in (case.by_index, case.by_scan)]
    contenders += [one.measure for one in picking]
    done = alternating(contenders, repeats=repeats, budget_s=BUDGET_S, progress=say)
    others = [*(row for one in picking for row in one.rows), growth(measured), *built]
    print(table(measured))
    for row in others:
        print(f"\n{row.name}: {row.ours} {row.unit}", end="")
    print(f"\n\nMedian (min–max), repeats: {done}.")
    if not options.quick:
        path = write_result(
            "routing",
            [row for case in measured for row in case.rows] + others,
            peer="plain scan",
            settings={"repeats": done},
            distributions=("rulegate",),
            load_before=load_before,
        )
        say(f"written: {path}")


if __name__ == "__main__":
    main()
