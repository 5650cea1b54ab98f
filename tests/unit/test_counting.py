"""Nothing that is counted is lost, and durations fall into the classes that their bounds say."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from rulegate.counting import BOUNDS_S, Counts, Durations


def test_bounds_grow():
    assert list(BOUNDS_S) == sorted(set(BOUNDS_S))


def test_no_event_is_lost_or_counted_twice_by_many_threads():
    counts, durations = Counts(), Durations()

    def work() -> None:
        for number in range(1000):
            counts.count("endpoint", str(number % 3))
            durations.note(("endpoint",), 1.0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts.counts().values()) == 8000
    assert counts.counts()["endpoint", "0"] == 8 * 334
    assert durations.spreads()["endpoint",].counts[-1] == 8000
    assert durations.spreads()["endpoint",].sum_s == 8000.0


@given(st.lists(st.floats(0, 100) | st.sampled_from(BOUNDS_S)))
def test_each_number_of_a_spread_takes_in_those_before_it(seconds):
    durations = Durations()
    for one in seconds:
        durations.note(("x",), one)
    spread = durations.spreads().get(("x",))
    if spread is None:
        assert not seconds
        return
    assert spread.counts[:-1] == tuple(sum(one <= bound for one in seconds) for bound in BOUNDS_S)
    assert spread.counts[-1] == len(seconds)
    assert abs(spread.sum_s - sum(seconds)) < 1e-6


def test_names_that_are_gone_are_forgotten():
    counts, durations = Counts(), Durations()
    for name in ("old", "new"):
        counts.count(name)
        durations.note((name,), 1.0)
    counts.retain(lambda key: key[0] == "new")
    durations.retain(lambda key: key[0] == "new")
    assert list(counts.counts()) == list(durations.spreads()) == [("new",)]
