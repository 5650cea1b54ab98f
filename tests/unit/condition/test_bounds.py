"""Each bound of a condition holds exactly: what is at it is accepted, what is over it gets its own code."""

import pytest

from rulegate.condition import ConditionError, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.messages import Code

TRUE = "request.is_json"


def text_of_length(length):
    return TRUE + " " * (length - len(TRUE))


BOUNDS = {
    Code.TOO_LONG: (v.MAX_LENGTH, text_of_length),
    Code.TOO_MANY_OPEN_BRACKETS: (v.MAX_OPEN_BRACKETS, lambda n: "(" * n + TRUE + ")" * n),
    Code.TOO_DEEP: (v.MAX_DEPTH, lambda n: "not " * (n - 2) + TRUE),
    Code.TOO_MANY_NODES: (v.MAX_NODES, lambda n: " or ".join(["1"] * (n - 3)) + f" or {TRUE}"),
    Code.TEXT_TOO_LONG: (v.MAX_TEXT_LENGTH, lambda n: f"request.method == '{'a' * n}'"),
    Code.CHAIN_TOO_LONG: (v.MAX_CHAIN, lambda n: "request.json" + " < 1" * n),
    Code.COLLECTION_TOO_LARGE: (v.MAX_COLLECTION, lambda n: f"1 in [{','.join('1' * n)}]"),
    Code.BAD_NUMBER: (v.MAX_INTEGER_DIGITS, lambda n: f"request.json == {'9' * n}"),
}


@pytest.mark.parametrize("code", BOUNDS)
def test_a_bound_holds_exactly(code):
    most, make = BOUNDS[code]
    compile_condition(make(most))
    with pytest.raises(ConditionError) as caught:
        compile_condition(make(most + 1))
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {code}


def test_a_collection_of_literals_counts_as_one_part():
    compile_condition(f"request.json['a'] in [{','.join(['1'] * 1000)}]")


def test_a_text_is_measured_with_its_escapes_decoded():
    compile_condition("request.method == '" + r"\x41" * 1000 + "'")


def test_at_most_twenty_diagnostics_are_reported():
    for text in ("= " * 100, "a.b()\n or " * 50 + "a"):
        with pytest.raises(ConditionError) as caught:
            compile_condition(text)
        assert len(caught.value.diagnostics) == v.MAX_DIAGNOSTICS
