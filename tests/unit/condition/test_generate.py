"""What is generated has the value and the cost that the walk finds; what is known beforehand is done once."""

import pytest

from rulegate.condition import Request, compile_condition
from rulegate.condition.check import check
from rulegate.condition.compile import ERRED
from rulegate.condition.errors import EvaluationError
from rulegate.condition.evaluate import evaluate
from rulegate.condition.parse import parse
from rulegate.diagnostics import Source

LONG = "x" * 64
BODY = {
    "a": 1,
    "b": 2,
    "c": 2,
    "l": [1, 2],
    "m": [[1, 2]],
    "e": [],
    "t": [1, 2, 3, 4],
    "z": [-1, 0],
    "x": "xy",
    "y": LONG,
}

VALUES = [
    ("request.json['t'][::2]", [1, 3]),
    ("request.json['t'][3:0:-2]", [4, 2]),
    ("request.json['t'][1:3]", [2, 3]),
    # A loop ends as soon as it is decided.
    ("all(1 / x > 0 for x in request.json['z'])", False),
    ("any(1 / x < 0 for x in request.json['z'])", True),
    ("all(x > 0 for x in request.json['t'])", True),
    ("any(x > 4 for x in request.json['t'])", False),
    ("all(x > 2 for x in request.json['t'] if x > 1 if x != 2)", True),
    ("sum(x for x in request.json['t'] if x > 1)", 9),
    # After a loop, names are again what they were before it.
    ("sum(sum(y for y in x) + x[0] for x in request.json['m'])", 4),
    ("any(x > 3 for x in request.json['t']) and any(x > 4 for x in request.json['t'])", False),
    # Chains whose parts are charged, and the last of which looks into constants.
    ("request.json['a'] < request.json['b'] == request.json['c']", True),
    ("request.json['a'] < request.json['b'] < request.json['c']", False),
    ("request.json['b'] < request.json['a'] < request.json['c']", False),
    ("request.json['a'] in request.json['l'] in request.json['m']", True),
    ("request.json['b'] == request.json['c'] in [1, 2]", True),
    ("request.json['b'] == request.json['c'] in [1, 3]", False),
    ("request.json['a'] == request.json['c'] in [1, 2]", False),
    ("request.json['a'] <= 1 <= request.json['b'] == request.json['c']", True),
    ("1 == request.json['a'] < request.json['b'] is not None", True),
    # What stands in the middle is evaluated, and charged, once; of two comparisons, only one may be charged.
    ("request.json['a'] < sum(x for x in request.json['t']) != request.json['t']", True),
    (f"'{LONG}' == request.json['y'] == request.json['y']", True),
    (f"request.json['y'] == request.json['y'] == '{LONG}'", True),
    # A list is looked for in a list, and cannot be in a set.
    ("request.json['e'] in ['a', 2]", False),
    ("request.json['l'] in [[1, 2], 'a']", True),
    ("request.json['e'] in {'a', 2}", ERRED),
    ("request.json['x'] in 'axyb'", True),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_generated_code_and_walk_agree_on_the_value_and_its_cost(text, value):
    generated, walked = Request(json=BODY), Request(json=BODY)
    assert compile_condition(text)._value(generated) == value
    source = Source("condition", text)
    checked, _ = check(source, parse(source)[0])
    if value is ERRED:
        with pytest.raises(EvaluationError):
            evaluate(checked, walked)
    else:
        assert evaluate(checked, walked) == value
    assert generated.meter.spent == walked.meter.spent


@pytest.mark.parametrize(
    "text",
    [
        "request.headers['X-Tenant'] == 'a'",
        "'X-Tenant' in request.headers",
        "'X-Tenant' not in request.headers",
        "request.headers.get('X-Tenant') == 'a'",
    ],
)
def test_a_header_whose_name_is_written_out_is_found_without_a_call(text):
    names = compile_condition(text).matches.__code__.co_names
    assert "folded_headers" in names
    assert "headers" not in names


def test_what_was_computed_for_a_request_is_read_without_a_call():
    assert compile_condition("request.json['a'] == 1").matches.__code__.co_names[:2] == ("known_json", "json")


@pytest.mark.parametrize("text", ["request.json == ['a', 'b']", "request.json in ['a', 'b']"])
def test_the_constants_of_a_collection_are_one_value(text):
    assert len(compile_condition(text).matches.__code__.co_freevars) == 1
