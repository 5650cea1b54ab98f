"""What each operation is charged, in nanoseconds: by its arguments alone, and the same in both ways of evaluating."""

import itertools
import operator

import pytest

from rulegate.condition import BudgetExceededError, Request, compile_condition, costs, operations
from rulegate.condition import vocabulary as v
from rulegate.condition.meter import Meter
from rulegate.condition.nodes import Compare
from rulegate.condition.parse import parse
from rulegate.diagnostics import Source

TEXT = "a" * 100
WIDE = "é" * 100

METHODS = [
    ("request.json.startswith(request.json)", "a" * 89, 44),
    ("'a'.endswith(request.json)", "a" * 88, 44),
    ("request.json.startswith('a')", "a" * 88, 0),
    ("request.json.startswith((request.json, request.json))", "a" * 44, 44),
    ("request.json.startswith((request.json, 1))", "a" * 44, 22),
    ("request.json.removeprefix('aaaaaaaa') == ''", "a" * 88, 88 + 4),
    ("request.json.removesuffix('aaaaaaa') == ''", "a" * 88, 88 + 3),
    ("request.json.lower() == 'a'", TEXT, 100),
    ("request.json.lower() == 'a'", WIDE, 1_200),
    ("request.json.upper() == 'a'", TEXT, 100),
    ("request.json.upper() == 'a'", WIDE, 2_400),
    ("request.json.casefold() == 'a'", TEXT, 100),
    ("request.json.casefold() == 'a'", WIDE, 1_400),
    ("request.json.strip() == 'a'", TEXT, 300),
    ("request.json.lstrip('abcdefghijkl') == 'a'", TEXT, 500),
    ("request.json.rstrip('abcdefghijkl') == 'a'", TEXT, 500),
    ("request.json.split() == []", TEXT, 1_900),
    ("request.json.split('abcdefgh') == []", TEXT, 2_000),
    ("request.json.rsplit('abcdefgh') == []", TEXT, 2_400),
    ("request.json.splitlines() == []", TEXT, 2_400),
    ("request.json.splitlines(request.is_json) == []", TEXT, 2_400),
    ("request.json.partition('abcdefgh') == ()", TEXT, 400),
    ("request.json.rpartition('abcdefgh') == ()", TEXT, 400),
    ("request.json.count('abcdefgh') == 1", TEXT, 400),
    ("request.json.find('abcdefgh') == 1", TEXT, 400),
    # Searching becomes cheap where Python changes to another algorithm: both texts must be long.
    ("request.json[0].count(request.json[1]) == 1", ["a" * 2_499, "b" * 99], 2_499 * 15),
    ("request.json[0].count(request.json[1]) == 1", ["a" * 2_499, "b" * 100], 2_499 * 15),
    ("request.json[0].count(request.json[1]) == 1", ["a" * 2_500, "b" * 99], 2_500 * 15),
    ("request.json[0].count(request.json[1]) == 1", ["a" * 2_500, "b" * 100], 2_500 * 3),
    ("request.json[0].count(request.json[1]) == 1", [TEXT, 1], 300),
    ("request.json.isdigit()", TEXT, 800),
    ("request.json.isascii()", TEXT, 0),
    ("request.json.get('a') == 1", {"a": 1}, 0),
    # Lists have `count` too; a list is compared with each element.
    ("request.json.count(request.json) == 1", [1] * 10, 10 * 20 + 10 * 70),
    ("request.json.count(request.json[0]) == 1", ["a" * 80] * 10, 10 * (20 + 80 // 8)),
]

SLICES = [
    ("request.json[1:] == 'b'", "a" * 101, 101),
    ("request.json[1:] == request.json", [1] * 100, 800),
    ("request.json[:5] == 'a'", TEXT, 0),
    ("request.json[2:5] == 'a'", TEXT, 0),
    ("request.json[:64] == 'a'", TEXT, 0),
    ("request.json[:65] == 'a'", TEXT, 100),
    ("request.json[-5:] == 'a'", TEXT, 0),
    ("request.json[-64:] == 'a'", TEXT, 0),
    ("request.json[-65:] == 'a'", TEXT, 100),
    ("request.json[-5:9] == 'a'", TEXT, 100),
    ("request.json[1:5:1] == 'a'", TEXT, 100),
    ("request.json[len(request.path):5] == 'a'", TEXT, 100),
    ("request.json[1:] == 'a'", {"a": 1}, 0),
]

ARITHMETIC = [
    ("request.json + 'a' == 'b'", "a" * 100, 101),
    ("request.json + 1 == 2", 2**64 - 1, 0),
    ("request.json + 1 == 2", 2**64, 65 // 16),
    ("1 + request.json == 2", 2**64, 65 // 16),
    ("request.json + 1.5 == 2", 2**64, 0),
    ("request.json[0] + request.json[1] == 2", [2**200, 2**300], 301 // 16 + 201 * 301 // 1024),
    ("request.json[0] - request.json[1] == 2", [2**200, 2**300], 301 // 16 + 201 * 301 // 1024),
    ("request.json[0] / request.json[1] == 2", [2**200, 2**300], 301 // 16 + 201 * 301 // 1024),
    ("request.json[0] // request.json[1] == 2", [2**200, 2**300], 301 // 16 + 201 * 301 // 1024),
    ("request.json[0] % request.json[1] == 2", [2**200, 2**300], 301 // 16 + 201 * 301 // 1024),
    ("request.json[0] % request.json[1] == 2", [2**2_000, 2**3_000], 3_001 // 16 + 2_001 * 3_001 // 1024),
    ("request.json[0] * request.json[1] == 2", [2**20, 2**30], 0),
    # The remainder of floats is found bit by bit: here the quotient has a thousand bits, and then none.
    ("request.json[0] % request.json[1] == 2", [1e300, 1.5], (997 - 1) // 2),
    ("request.json[0] // request.json[1] == 2", [1e300, 1.5], (997 - 1) // 2),
    ("request.json % 2 == 1", 1e300, (997 - 2) // 2),
    ("10 % request.json == 1", 1e-300, (4 + 996) // 2),
    ("request.json % 2.5 == 1", 2**900, (901 - 2) // 2),
    ("request.json[0] % request.json[1] == 2", [1.5, 1e300], 0),
    ("request.json[0] / request.json[1] == 2", [1e300, 1.5], 0),
    ("request.json % 1.0 == 1", 2.0**64, 0),
    ("request.json % 1.0 == 1", 2.0**65, 65 // 2),
    ("request.json % 1.0 == 1", float("inf"), 0),
    ("round(request.json) == 1", 1e22, 12_000),
    ("round(request.json) == 1", -1e22, 12_000),
    ("round(request.json) == 1", 9e21, 0),
    ("round(request.json) == 1", 10**30, 0),
]

PAIR = "request.json[0] {} request.json[1]"
COMPARISONS = [
    (PAIR.format("=="), ["a" * 1_000, "b" * 1_000], 125),
    (PAIR.format("=="), ["a" * 1_000, "b" * 1_001], 0),
    (PAIR.format("!="), ["a" * 1_000, "b" * 1_001], 0),
    (PAIR.format("<"), ["a" * 1_000, "b" * 2_000], 500),
    (PAIR.format("<="), ["a" * 2_000, "b" * 1_000], 500),
    (PAIR.format(">"), [["a" * 1_000], ["b" * 1_000]], 70 + 500),
    (PAIR.format("=="), ["a" * 128, "b" * 128], 0),
    (PAIR.format("=="), ["a" * 129, "b" * 129], 16),
    (PAIR.format("=="), ["a" * 129, 1], 0),
    (PAIR.format("=="), [1, 2**200], 0),
    (PAIR.format("=="), [[1] * 10, [1] * 10], 700),
    (PAIR.format("!="), [[1] * 10, [1] * 10], 700),
    (PAIR.format("<="), [[1] * 10, [1] * 20], 700),
    (PAIR.format(">="), [[1] * 20, [1] * 10], 700),
    (PAIR.format(">"), [[1] * 10, [1] * 10], 700),
    (PAIR.format("=="), [{"a": 1, "b": [1]}, {"a": 1, "b": [1]}], 2 * 150 + 70),
    (PAIR.format("=="), [["a" * 160], ["a" * 160]], 70 + 20),
    (PAIR.format("=="), [[2**64 - 1], [1]], 70),
    (PAIR.format("=="), [[2**64], [1]], 70 + 65 // 16),
    (PAIR.format("=="), [[-(2**64)], [1]], 70 + 65 // 16),
    ("request.json[0] == 1", ["a" * 1_000], 0),
    ("request.json[0] in request.json[1]", ["a" * 80, TEXT], 100 * (3 + 80 // 8)),
    ("1 in request.json", TEXT, 0),
    ("request.json[0] in request.json", ["a" * 80] * 10, 10 * (20 + 80 // 8)),
    ("request.json[0] in request.json", [1] * 10, 200),
    ("request.json[0] not in request.json", [1] * 10, 200),
    ("request.json[0] in request.json", [[1]] * 10, 10 * 20 + 10 * 70 + 10 * 70),
    ("request.json[0] in request.json", [["a" * 160]], 20 + 70 + 70 + 160 // 8),
    ("'a' in request.json", {"a": 1}, 0),
    # In a chain each value is made once, and each comparison is charged or not as it is alone.
    ("'a' < request.json.lower() < request.json", "b" * 1_000, 1_000 + 500),
    ("request.json[0] == request.json[1] == 'b' in request.headers", ["b", "b"], 0),
    ("request.json in {'a'}", "a", 0),
    # The name of a header is put in lower case first.
    ("request.json in request.headers", "a" * 1_000, 1_000),
    ("request.json not in request.headers", "é" * 1_000, 12_000),
    ("request.headers.get(request.json) == 1", "a" * 1_000, 1_000),
    ("request.headers[request.json] == 1", "a" * 1_000, 1_000),
    ("request.headers.get('a' if request.json else 'b', request.json) == 1", "a" * 1_000, 1),
    ("request.json in request.args", "a" * 1_000, 0),
    ("request.args.get(request.json) == 1", "a" * 1_000, 0),
    ("'a' in request.json.values()", {"a": 1}, 20),
    ("request.json['a'] in request.json.keys()", {"a": [1]}, 20 + 70),
    ("[1] in request.json.values()", {"a": [1]}, 20 + 70 + 70 + 70),
    ("('a', 1) in request.json.items()", {"a": 1}, 20 + 2 * 70 + 70 + 2 * 70),
]

FUNCTIONS = [
    ("any(request.json)", [0] * 10, 200),
    ("all(request.json)", [1] * 10, 200),
    ("sum(request.json) == 1", [1] * 10, 200 + 700),
    ("min(request.json) == 1", [1] * 10, 200 + 700),
    ("max(request.json) == 1", [1] * 10, 200 + 700),
    ("max(request.json, 1) == 1", 5, 2 * 20 + 2 * 70),
    ("min(request.json, 1) == 1", 5, 2 * 20 + 2 * 70),
    ("min(request.json) == 'a'", TEXT, 100 * 20),
    ("max(request.json) == 'a'", ["a" * 1_000] * 2, 2 * (20 + 70 + 500)),
    ("max(request.json) == 'a'", WIDE, 100 * 60),
    ("sum(request.json) == 1", TEXT, 0),
    ("any(x for x in request.json)", [0] * 10, 10 * 24),
    ("str(request.json) == 'a'", 5, 120),
    ("str(request.json) == 'a'", 2**640, 120 + 641**2 // 1024),
    ("str(request.json) == 'a'", None, 360),
    ("str(request.json) == 'a'", 1.5, 360),
    ("str(request.json) == 'a'", 0.0, 360),
    ("str(request.json) == 'a'", float("inf"), 360),
    ("str(request.json) == 'a'", 2.0**99, 360),
    ("str(request.json) == 'a'", -(2.0**100), 1_200),
    ("str(request.json) == 'a'", 2.0**-101, 360),
    ("str(request.json) == 'a'", 2.0**-102, 1_200),
    ("float(request.json) == 1", "1.5e2", 5 * 20),
    ("float(request.json) == 1", 1.5, 0),
    ("str(request.json) == 'a'", TEXT, 0),
    ("str(request.json) == 'a'", ["a" * 10], 70 + 120 + 40),
    ("str(request.json) == 'a'", {"a": 1}, 70 + 120 + 4 + 120),
    ("bucket(request.json, 10) == 1", TEXT, 800),
    ("bucket(request.json, 10) == 1", 2**640, 120 + 641**2 // 1024),
]


@pytest.mark.parametrize(
    ("text", "json", "cost"),
    [*METHODS, *SLICES, *ARITHMETIC, *COMPARISONS, *FUNCTIONS],
    ids=lambda value: str(value)[:50],
)
def test_what_an_operation_is_charged(text, json, cost):
    condition = compile_condition(text)
    for evaluate in (condition.matches, condition.explain):
        request = Request(json=json)
        evaluate(request)
        assert request.meter.spent == cost


def node_of(text):
    return parse(Source("condition", text))[0]


TURNS = {
    "x for x in request.json": 24,
    "x for x in request.json if x if not x": 24 + 2 + 27,
    "a for a, b in request.json": 20 + 25 + 4 + 2,
    "-x for x in request.json": 24 + 25,
    "x and 1 for x in request.json": 22 + 25 + 4,
    "x if x else x for x in request.json": 22 + 25 + 6,
    "(x, x) for x in request.json": 22 + 25 + 4,
    "x[0] for x in request.json": 22 + 25 + 4,
    "request.headers[x] for x in request.json": 22 + 360 + 120 + 4,
    "request.headers.get(x) for x in request.json": 22 + 360 + 25 + 120 + 2 + 2,
    "request.headers['a'] for x in request.json": 22 + 25 + 120 + 4,
    "request.headers.get('a') for x in request.json": 22 + 120 + 25 + 120 + 2 + 2,
    "external['a'] for x in request.json": 22 + 120 + 4,
    "request.args.get(x) for x in request.json": 22 + 120 + 25 + 120 + 2 + 2,
    "x in request.args for x in request.json": 22 + 120 + 2 + 120 + 2,
    "x in request.headers for x in request.json": 22 + 240 + 2 + 120 + 2,
    "request.method == x for x in request.json": 22 + 240 + 25 + 2 + 2,
    "x[1:] for x in request.json": 22 + 25 + 2 + 120 + 2,
    "x + 1 for x in request.json": 22 + 120 + 4,
    "x % 2 for x in request.json": 22 + 240 + 4,
    "x // 2 for x in request.json": 22 + 240 + 4,
    "x == 1 for x in request.json": 22 + 25 + 4,
    "x is None for x in request.json": 22 + 25 + 4,
    "x == x for x in request.json": 22 + 240 + 4,
    "1 < x < x for x in request.json": 22 + 25 + 240 + 6,
    "x.lower() for x in request.json": 22 + 360 + 27,
    "x.isascii() for x in request.json": 22 + 120 + 27,
    "x.startswith('a') for x in request.json": 22 + 120 + 27 + 2,
    "x.startswith(x) for x in request.json": 22 + 360 + 27 + 2,
    "len(x) for x in request.json": 22 + 120 + 4,
    "min(x) for x in request.json": 22 + 360 + 4,
    "max(x, x) for x in request.json": 22 + 360 + 6,
    "sum(x) for x in request.json": 22 + 360 + 4,
    "round(x) for x in request.json": 22 + 1_000 + 4,
    "int(x) for x in request.json": 22 + 600 + 4,
    "float(x) for x in request.json": 22 + 600 + 4,
    "str(x) for x in request.json": 22 + 300 + 4,
    "ip_in(x, '::1') for x in request.json": 22 + 5_000 + 6,
    "bucket(x, 9, salt='a') for x in request.json": 22 + 2_500 + 6 + 27,
    "now_time() for x in request.json": 22 + 3_000 + 2,
    "re.search('a', x) for x in request.json": 22 + 2_000 + 27 + 4,
    # Of a generator inside, only its beginning: its turns are charged when it begins.
    "any(y + y for y in x) for x in request.json": 22 + 120 + 2 + 360 + 2,
}


@pytest.mark.parametrize("text", TURNS)
def test_what_a_turn_of_a_loop_is_charged(text):
    assert costs.turn_cost(node_of(f"any({text})").arguments[0]) == TURNS[text]


SMALL = [
    *("1", "-1", "'a'", "[1]", "x < 1", "not x", "x * x", "x / x", "x.count('a')", "x.find('a')"),
    *("len(x)", "any(x)", "all(x)", "float(x)", "bool(x)", "isinstance(x, int)"),
    *("ip_in(x, '::1')", "bucket(x, 9)", "now_weekday()"),
]
LARGE = [
    *("x", "-x", "x + x", "x - x", "x % x", "x // x", "x.lower()", "x['a']", "(x,)", "x if x else 1", "x and 1"),
    *("str(x)", "sum(x)", "max(x)", "abs(x)", "now_time()"),
]


@pytest.mark.parametrize("text", [*SMALL, *LARGE])
def test_a_comparison_is_charged_if_both_values_may_be_large(text):
    for pair in (f"({text}) == y", f"y < ({text})"):
        match node_of(pair):
            case Compare(operands=(left, right), comparators=(comparator,)):
                assert costs.comparison_is_charged(comparator, left, right) is (text in LARGE)


CONTAINERS = {
    "x in [1]": False,
    "x not in (1, 2)": False,
    "x in request.headers": True,
    "'a' in request.headers": False,
    "x in request.args": False,
    "x not in request.cookies": False,
    "x is None": False,
    "x is not None": False,
    "x in request.json": True,
    "x in request.headers.keys()": True,
    "1 in x": True,
    "x not in [x]": True,
    "x in x.headers": True,
}


@pytest.mark.parametrize("text", CONTAINERS)
def test_a_look_into_a_container_is_charged_if_it_may_be_large(text):
    node = node_of(text)
    assert costs.comparison_is_charged(*node.comparators, *node.operands) is CONTAINERS[text]


OPERATIONS = [
    (operations.add, "a" * 32_768, "a" * 32_769, ValueError, "too long"),
    (operations.add, 1, "a", TypeError, "only numbers"),
    (operations.subtract, "a", 1, TypeError, "only numbers"),
    (operations.multiply, 2, "a", TypeError, "only numbers"),
    (operations.multiply, 2**62, 3, OverflowError, "too large"),
    (operations.multiply, 2**1_000, 2**1_000, OverflowError, "too large"),
    (operations.divide, 1, None, TypeError, "only numbers"),
    (operations.floor_divide, [], 1, TypeError, "only numbers"),
    (operations.remainder, "%s", 1, TypeError, "only numbers"),
]


@pytest.mark.parametrize(("operation", "left", "right", "kind", "message"), OPERATIONS)
def test_what_an_operation_refuses_it_refuses_in_words(operation, left, right, kind, message):
    with pytest.raises(kind) as caught:
        operation(Meter().begin(), left, right)
    assert str(caught.value) == message


def test_text_cannot_be_added_up():
    with pytest.raises(TypeError, match=r"^text cannot be added up$"):
        operations.sum_of(Meter().begin(), "a")
    assert operations.sum_of(Meter().begin(), "") == 0


BINARY = {
    operations.add: operator.add,
    operations.subtract: operator.sub,
    operations.multiply: operator.mul,
    operations.divide: operator.truediv,
    operations.floor_divide: operator.floordiv,
    operations.remainder: operator.mod,
}
NUMBERS = [7, -2, 2.5, -0.5, True, 2**40]


@pytest.mark.parametrize("operation", BINARY, ids=lambda operation: operation.__name__)
def test_an_operation_on_numbers_gives_what_python_gives(operation):
    for left, right in itertools.product(NUMBERS, repeat=2):
        if operation is not operations.multiply or abs(left * right) <= v.MAX_PRODUCT:
            assert repr(operation(Meter().begin(), left, right)) == repr(BINARY[operation](left, right))


PRODUCTS = [
    *((2**31, 2**32), (-(2**31), 2**32), (2**63, 1), (2**63, -1), (2**63, True), (2**64, 0), (0, 2**999)),
    *((2**999, 0.5), (0.5, 2**999), (False, 2**999), (2**62 - 1, 2)),
]


@pytest.mark.parametrize(("left", "right"), PRODUCTS)
def test_a_product_within_its_bound_is_what_python_says(left, right):
    assert repr(operations.multiply(Meter().begin(), left, right)) == repr(left * right)


@pytest.mark.parametrize(("left", "right"), [(2**63 + 1, 1), (2**63 + 1, -1), (3, 2**62), (2**32, 2**32)])
def test_a_product_beyond_its_bound_errs(left, right):
    with pytest.raises(OverflowError):
        operations.multiply(Meter().begin(), left, right)


def test_a_condition_may_spend_its_budget_and_no_more():
    Meter().begin().charge(v.CONDITION_BUDGET)
    with pytest.raises(BudgetExceededError):
        Meter().begin().charge(v.CONDITION_BUDGET + 1)


def test_conditions_of_one_request_may_spend_its_budget_and_no_more():
    meter = Meter()
    for _ in range(v.REQUEST_BUDGET // v.CONDITION_BUDGET):
        meter.begin().charge(v.CONDITION_BUDGET)
    meter.begin().charge(v.REQUEST_BUDGET - meter.spent)
    with pytest.raises(BudgetExceededError):
        meter.begin().charge(1)


def test_nothing_may_be_spent_before_a_condition_begins():
    with pytest.raises(BudgetExceededError):
        Meter().charge(1)
