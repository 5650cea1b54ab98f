"""Models and requests that are drawn by lot are answered as MLflow's server answers them, alone and at once."""

from __future__ import annotations

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

differences = sys.modules["protocol_differences"]
drawn = sys.modules["protocol_drawn"]


@pytest.fixture(scope="module")
def cases(request):
    return drawn.drawn(request.config.getoption("drawn_seed"), request.config.getoption("drawn_each"))


@pytest.fixture(scope="module")
def stock_answers(servers, cases):
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(servers.ask_stock, cases))


def unlike(cases, stock_answers, our_answers):
    """The cases whose answers differ from MLflow's in more than the document lists, with both."""
    found = []
    for case, stock, ours in zip(cases, stock_answers, our_answers, strict=True):
        expected = differences.comparable(differences.expected(case, stock)[0])
        if (given := differences.comparable(ours)) != expected:
            found.append((str(case), case.content_type, case.body, expected, given))
    return found


def test_good_and_bad_requests_are_drawn(stock_answers):
    statuses = [answer.status for answer in stock_answers]
    assert min(statuses.count(200), statuses.count(400)) > len(statuses) / 4


def test_answers_differ_in_nothing_that_is_not_listed(servers, cases, stock_answers):
    with ThreadPoolExecutor(8) as threads:
        ours = list(threads.map(servers.ask_gateway, cases))
    assert unlike(cases, stock_answers, ours) == []


def test_nor_do_they_when_many_are_asked_at_once(servers, cases, stock_answers):
    """In another order, so that a model has other requests beside it than before."""
    order = list(range(len(cases)))
    random.Random(0).shuffle(order)
    with ThreadPoolExecutor(48) as threads:
        ours = list(threads.map(lambda number: servers.ask_gateway(cases[number]), order))
    assert unlike([cases[n] for n in order], [stock_answers[n] for n in order], ours) == []


@pytest.mark.parametrize("model", drawn.DENSE)
def test_requests_that_merge_are_answered_to_the_last_digit_as_they_are_alone(servers, model):
    """Answers of models whose numbers depend on how many rows are added up together."""
    draw = random.Random(model)
    cases = drawn.dense(model, draw, 120)
    stock = [servers.ask_stock(case) for case in cases]
    assert {answer.status for answer in stock} == {200}
    order = draw.choices(range(len(cases)), k=4 * len(cases))
    with ThreadPoolExecutor(64) as threads:
        ours = list(threads.map(lambda number: servers.ask_gateway(cases[number]), order))
    assert unlike([cases[n] for n in order], [stock[n] for n in order], ours) == []
