"""What conditions cost is charged before it is spent, and a request that costs too much fails."""

import json

import pytest

from rulegate.condition import BudgetExceededError, EvaluationError, Request, compile_condition
from rulegate.condition import vocabulary as v

MANY = 1_000_000
LONG = "a" * 5_000_000
DIGITS = 10**4299

TOO_COSTLY = {
    "any(x == 2 for x in request.json)": [1] * MANY,
    "sum(1 for x in request.json if x)": [0] * 2 * MANY,
    "any(any(x > y for x in request.json) for y in request.json)": [1] * 2_000,
    "any(re.search('b$', request.json[0]) for x in request.json)": ["a" * 10_000] * 2_000,
    "any(request.json[0].lower() == x for x in request.json)": ["É" * 5_000] * 1_000,
    "all(request.json[0] == request.json[1] for x in request.json)": ["a" * 100_000, "".join(["a"] * 100_000)] * 2_000,
    "any(request.json[0].count(x) == -1 for x in request.json)": [[1] * 20_000, *[2] * 2_000],
    "any(request.json[0] % request.json[1] == -1 for x in request.json)": [DIGITS, 10**2000 + 1, *[2] * 2_000],
    "any(str(request.json[0]) == 'a' for x in request.json)": [DIGITS] * 2_000,
    "request.json[0] == request.json[1]": [[[1]] * MANY, [[1]] * MANY],
    "request.json.split() == []": "a " * 2_000_000,
    "request.json.rsplit(request.json) == []": LONG,
    "request.json.strip(request.json) == ''": LONG,
    "request.json.rpartition('b' + 'a' + 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')[0] == ''": LONG,
    "request.json.upper() == 'A'": "ŉ" * 2_000_000,
    "[1] in request.json": [[2]] * MANY,
    "max(request.json) == 1": [1] * MANY,
    "min(request.json) == 'a'": "\N{GRINNING FACE}" * MANY,
    "str(request.json) == ''": [DIGITS] * 1_000,
    "re.search('(a|b){200}c', request.json)": LONG,
    "re.search('a[ab]{13}z', request.json)": "".join(format(n, "b") for n in range(50_000)).translate(
        {48: "a", 49: "b"}
    ),
    "re.search('(a|b)*a(a|b){12}z', request.json)": "ab" + "abbabaab" * 1_000 + "bbaab" * 100_000 + LONG,
    "request.json[::-1] == request.json[1:]": [1] * 3_000_000,
    "any(request.json[0][:5000000] == 'b' for x in request.json)": [LONG, *[0] * 1_000],
    "any(request.json[0] in request.headers for x in request.json)": ["É" * 100_000, *[0] * 1_000],
    "any(request.headers.get(request.json[0]) == 'a' for x in request.json)": [LONG, *[0] * 1_000],
    "any(request.json[0].startswith(request.json[1]) == 7 for x in request.json)": [
        "a" * 2_000_000 + "\N{GRINNING FACE}",
        "a" * 2_000_000,
        *[0] * 100,
    ],
    "any(request.json[0] < request.json[1] for x in request.json)": ["b" * 1_000_000, "a" * 1_000_000, *[0] * 100],
    "any(1e308 % x == 1 for x in request.json)": [5e-324] * 50_000,
    "any(x // 3.0 == 1 for x in request.json)": [1e308] * 80_000,
    "str(request.json) == 'a'": [-1.2345678901234567e-300] * 30_000,
    "any(float(x) == 7 for x in request.json)": ["1" * 59 + "e-320"] * 20_000,
}


@pytest.mark.parametrize("text", TOO_COSTLY)
def test_what_would_take_too_long_fails_the_request_before_it_is_done(text):
    condition = compile_condition(text)
    for evaluate in (condition.matches, condition.explain):
        request = Request(json=TOO_COSTLY[text])
        with pytest.raises(BudgetExceededError):
            evaluate(request)


AFFORDABLE = {
    "any(row['amount'] > 100 for row in request.json)": [{"amount": 7, "name": "a" * 60}] * 100_000,
    "any(x == 2 for x in request.json)": [1] * 300_000,
    "sum(len(m['content']) for m in request.json) > 4000": [{"role": "user", "content": "a" * 1_000}] * 5_000,
    "request.json.lower() == 'a'": LONG * 2,
    "'needle' in request.json": LONG,
    "re.search(r'(?i)contract', request.json)": LONG,
    "re.search('[a-q][^u-z]{13}x', request.json)": "abcdefghijklmnop" * 60_000,
    "all(re.fullmatch('[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{12}', x) for x in request.json)": ["0123abcd-0123-0123456789ab"]
    * 3_000,
    "request.json[0] == request.json[1]": [[[i] for i in range(100_000)], [[i] for i in range(100_000)]],
    "len(request.json) > 10 and request.json[0] == 1": [1] * MANY,
    "request.json[-1] == 2 or 'a' in request.json": [1] * MANY,
}


@pytest.mark.parametrize("text", AFFORDABLE)
def test_what_requests_of_ten_megabytes_can_do(text):
    compile_condition(text).value(Request(json=AFFORDABLE[text]))


def test_a_condition_without_loops_and_long_values_charges_nothing():
    for text in (
        "request.json['a'][0].startswith('D')",
        "request.headers['X-Tenant'] == 'acme'",
        "'a' in request.args",
    ):
        function = compile_condition(text).matches
        assert "meter" not in function.__code__.co_names


def test_a_budget_holds_for_each_condition_and_a_larger_one_for_the_request():
    condition = compile_condition("any(x == 2 for x in request.json)")
    request = Request(json=[1] * 300_000)
    condition.matches(request)
    once = request.meter.spent
    assert v.CONDITION_BUDGET / 2 < once < v.CONDITION_BUDGET
    for _ in range(v.REQUEST_BUDGET // once - 1):
        condition.matches(request)
    with pytest.raises(BudgetExceededError):
        condition.matches(request)


def test_the_error_says_nothing_of_the_request():
    request = Request.from_body(json.dumps(["s3cret"] * MANY).encode(), content_type="application/json")
    with pytest.raises(BudgetExceededError, match=r"^the request is too large for the conditions of its routes$"):
        compile_condition("any(x == 'a' for x in request.json)").matches(request)


ERRS = {
    "request.json['text'] + request.json['text'] == ''": {"text": "a" * 32_769},
    "request.json['n'] * request.json['n'] == 0": {"n": 2**32},
    "int(request.json) == 1": "1" * 33,
    "int(request.json) == 3": "\u0663",
    "int(request.json) == 10": "1_0",
    "float(request.json) == 1": "nan",
    "float(request.json) == 2": "1e999",
    "float(request.json) == 3": " 1",
    "request.json['l'] + request.json['l'] == []": {"l": []},
    "re.search('a', request.json)": "\ud800",
    "ip_in(request.json, '10.0.0.0/8')": "10.0.0.256",
    "ip_in(request.remote_addr, '10.0.0.0/8')": 1,
    "bucket(request.json, 10) < 10": [],
    "any(x for x, y in request.json)": [[0, 2], [1]],
    "sum(request.json) == 0": "\N{GRINNING FACE}" * MANY,
}


@pytest.mark.parametrize("text", ERRS)
def test_values_beyond_the_bounds_of_an_operation_err(text):
    condition, request = compile_condition(text), Request(json=ERRS[text])
    assert condition.verdict(request) is None
    with pytest.raises(EvaluationError):
        condition.value(request)


def test_the_bounds_of_arithmetic_hold_exactly():
    assert compile_condition("request.json * 2 == request.json + request.json").matches(Request(json=2**62))
    assert compile_condition("request.json * 2 > 0").verdict(Request(json=2**62 + 1)) is None
    assert compile_condition("request.json * -2 < 0").matches(Request(json=2**62))
    assert compile_condition("len(request.json + request.json) == 65536").matches(Request(json="a" * 32_768))
