"""What requests came to is counted by who answered, and the parts of their way by endpoint."""

from __future__ import annotations

from rulegate.http.traffic import PARTS, Answered, Traffic
from rulegate.journey import Journey, Leg
from rulegate.serving.errors import ModelDied, ModelOverloaded

FAST = ("sentiment", "fast", "fast")


def note(traffic: Traffic, names=FAST, status: int = 200, code: str = "", **seconds) -> None:
    parts = {"decide_s": 0.001, "load_s": 0.0, "predict_s": 0.25} | seconds
    endpoint, route, target = names
    leg = Leg(route, target, load_s=parts["load_s"], predict_s=parts["predict_s"])
    journey = Journey(endpoint=endpoint or None, decide_s=parts["decide_s"], legs=[leg] if route else [])
    traffic.note(journey, status, code, total_s=0.5)


def test_requests_are_counted_by_who_answered_and_how():
    traffic = Traffic()
    note(traffic)
    note(traffic)
    note(traffic, status=503, code="RG508", predict_s=None)
    note(traffic, ("", "", ""), 404, "RG407", decide_s=None, load_s=None, predict_s=None)
    assert traffic.answers() == {
        Answered(*FAST, 200, ""): 2,
        Answered(*FAST, 503, "RG508"): 1,
        Answered("", "", "", 404, "RG407"): 1,
    }
    assert traffic.predictions() == {FAST: (2, 0.5)}


def test_parts_that_were_not_reached_are_not_counted_nor_are_loads_that_took_no_time():
    traffic = Traffic()
    note(traffic)
    note(traffic, load_s=2.0, predict_s=None)
    note(traffic, decide_s=None, load_s=None, predict_s=None)
    counted = {part: (spread.counts[-1], spread.sum_s) for (_, part), spread in traffic.spreads().items()}
    assert counted == {"decide": (2, 0.002), "load": (1, 2.0), "predict": (1, 0.25), "total": (3, 1.5)}
    assert tuple(counted) == PARTS


def test_names_that_are_gone_are_forgotten():
    traffic = Traffic()
    note(traffic)
    note(traffic, ("old", "fast", "fast"))
    traffic.retain(lambda names: names[0] == "sentiment")
    assert list(traffic.answers()) == [Answered(*FAST, 200, "")]
    assert {endpoint for endpoint, _ in traffic.spreads()} == {"sentiment"}
    assert list(traffic.predictions()) == [FAST]


def test_requests_for_which_fallbacks_were_tried_are_counted_by_why_and_by_who_answered():
    traffic = Traffic()
    overloaded, died = Leg("fast", "fast", error=ModelOverloaded("much")), Leg("spare", "spare", error=ModelDied("it"))
    for legs in ([overloaded, Leg("spare", "spare")], [overloaded, died, Leg("last", "last")], [overloaded, died]):
        traffic.note(Journey(endpoint="sentiment", decide_s=0.1, legs=legs), 200, "", total_s=1.0)
    assert traffic.fallbacks.counts() == {
        ("sentiment", "fast", "RG508", "spare"): 1,
        ("sentiment", "fast", "RG508", "last"): 1,
        ("sentiment", "fast", "RG508", ""): 1,
    }
    assert {answered.route for answered in traffic.answers()} == {"spare", "last", "fast"}
