"""How much a log says of failures is not for clients to choose, and what it does not say is counted."""

from __future__ import annotations

from rulegate.details import EVERY_S, SHORT_CHARACTERS, Details

TRACE = "Traceback (most recent call last):\n" + "x" * SHORT_CHARACTERS


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_one_detail_of_a_model_is_told_in_a_second_and_the_next_says_how_many_were_left_out():
    clock = Clock()
    details = Details(clock)
    assert details.facts("m", TRACE) == {"detail": TRACE, "details_left_out": None}
    for number in range(7):
        assert details.facts("m", TRACE + str(number)) == {}
    clock.now_s += EVERY_S
    assert details.facts("m", TRACE) == {"detail": TRACE, "details_left_out": 7}
    clock.now_s += EVERY_S
    assert details.facts("m", TRACE) == {"detail": TRACE, "details_left_out": None}


def test_one_models_details_leave_out_none_of_anothers():
    details = Details(Clock())
    assert details.facts("one", TRACE)
    assert details.facts("other", TRACE)


def test_what_is_no_longer_than_a_line_is_always_told():
    details = Details(Clock())
    for _ in range(3):
        assert details.facts("m", "x" * SHORT_CHARACTERS) == {"detail": "x" * SHORT_CHARACTERS}


def test_where_there_is_nothing_to_say_nothing_is_said():
    assert Details(Clock()).facts("m", "") == {}
