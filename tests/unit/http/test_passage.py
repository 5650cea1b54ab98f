"""A request is refused where it has been, and when it has been to too many places."""

from __future__ import annotations

import pytest

from rulegate.http.errors import RequestLoop
from rulegate.http.passage import MOST, Passage


def came(via: str | None = None) -> dict[str, str]:
    return {} if via is None else {"HTTP_X_RULEGATE_VIA": via}


def test_each_gateway_adds_itself_and_its_endpoint():
    first = Passage("a").through(came(), "texts")
    assert first == "a/texts"
    assert Passage("b").through(came(first), None) == "a/texts, b/"


def test_gateways_have_different_names():
    assert Passage().through(came(), "texts") != Passage().through(came(), "texts")


@pytest.mark.parametrize("via", ["a/texts", "a/texts, b/", "b/, a/texts", "b/,a/texts"])
def test_one_that_has_been_here_is_refused(via):
    with pytest.raises(RequestLoop, match="come back"):
        Passage("a").through(came(via), "texts")


@pytest.mark.parametrize("via", ["a/", "a/text", "b/texts", "aa/texts"])
def test_another_endpoint_or_gateway_is_another_place(via):
    assert Passage("a").through(came(via), "texts") == f"{via}, a/texts"


def test_the_longest_way_of_the_longest_names_is_passed_on_and_no_longer_one():
    way = ""
    for number in range(MOST + 1):
        way = Passage().through(came(way or None), f"{number:03}" + "n" * 97)
    assert way.count(",") == MOST
    with pytest.raises(RequestLoop, match="more than 16 times"):
        Passage().through(came(way), "texts")


@pytest.mark.parametrize("via", ["", "a" * 5000, "\xe9", "a\tb", "<a/texts>", "a/texts; b"])
def test_what_no_gateway_says_is_not_passed_on(via):
    assert Passage("a").through(came(via), "texts") == "a/texts"
