"""What may be printed is shared out fairly, whoever prints how much and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rulegate.serving.mlflow.allowance import Allowance

BYTES_PER_S, BURST_BYTES, LONGEST = 1000, 4000, 100

NAMES = ("a", "b", "c", "d")
EVENTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(1, LONGEST), st.sampled_from((1, 1, 50))).map(lambda e: ("print", *e))
    | st.tuples(st.just("wait"), st.floats(0.0, 3.0, allow_subnormal=False)),
    max_size=60,
)


def new() -> Allowance:
    return Allowance(bytes_per_s=BYTES_PER_S, burst_bytes=BURST_BYTES)


def prints(allowance: Allowance, name: str, size: int) -> int:
    """How much of a line of this size is let through."""
    if not allowance.has(name):
        return 0
    allowance.charge(name, size)
    return size


@given(EVENTS)
def test_all_together_have_no_more_than_the_log_may_grow(events):
    allowance, seconds, printed, names = new(), 0.0, 0, set()
    for kind, *facts in events:
        if kind == "wait":
            allowance.pass_time(facts[0])
            seconds += facts[0]
            continue
        name, size, times = facts
        names.add(name)
        printed += sum(prints(allowance, name, size) for _ in range(times))
        at_once = sum(BURST_BYTES / place + LONGEST for place in range(1, len(names) + 1))
        assert printed <= at_once + seconds * BYTES_PER_S + 1e-6


@given(EVENTS, st.data())
def test_who_prints_no_more_than_an_equal_part_loses_no_line_whatever_others_print(events, data):
    """An equal part, at once and for good, is what one may owe, and pays back, beside as many as there are."""
    allowance, parts = new(), len(NAMES) + 1
    owed = 0.0
    for kind, *facts in events:
        if kind == "wait":
            allowance.pass_time(facts[0])
            owed = max(0.0, owed - facts[0] * BYTES_PER_S / parts)
        else:
            name, size, times = facts
            for _ in range(times):
                prints(allowance, name, size)
        room = int(BURST_BYTES / parts - owed)
        size = data.draw(st.integers(0, max(0, min(LONGEST, room - 1))), label="the quiet one's line")
        if size:
            assert prints(allowance, "quiet", size) == size
            owed += size


@given(st.integers(1, LONGEST), st.integers(1, 20))
def test_who_prints_alone_has_all_of_it(size, seconds):
    allowance, printed = new(), 0
    for _ in range(seconds * 100):
        while prints(allowance, "a", size):
            printed += size
        allowance.pass_time(0.01)
    assert printed >= BURST_BYTES + (seconds - 0.01) * BYTES_PER_S - 1e-6


@given(st.integers(2, 6))
def test_those_who_print_without_end_get_the_same_for_good(number):
    allowance, printed = new(), dict.fromkeys(map(str, range(number)), 0)
    for name in printed:
        while prints(allowance, name, 10):
            pass
    # From here on, each has had what it may have at once, whichever came first.
    for _ in range(number * 10_000):
        for name in printed:
            printed[name] += prints(allowance, name, 10)
        allowance.pass_time(0.01)
    assert max(printed.values()) - min(printed.values()) <= BURST_BYTES
    assert sum(printed.values()) >= number * 100 * BYTES_PER_S - 2 * BURST_BYTES


@given(EVENTS)
def test_nobody_is_remembered_who_has_paid_back(events):
    allowance = new()
    for kind, *facts in events:
        if kind == "print":
            name, size, times = facts
            for _ in range(times):
                prints(allowance, name, size)
    allowance.pass_time(len(NAMES) * (BURST_BYTES + LONGEST) / BYTES_PER_S)
    assert not allowance._owed
