"""The functions that Python does not have: stable buckets, networks, clocks; and patterns on another engine."""

import datetime as dt
import ipaddress
import operator

import pytest

from rulegate.condition import ConditionError, Request, compile_condition, operations
from rulegate.condition.functions import bucket, float_of, int_of
from rulegate.condition.meter import Meter
from rulegate.condition.networks import Networks

BUCKETS = {
    "'user-1', 100": 78,
    "'user-1', 1000000": 788778,
    "'user-1', 100, salt='2025'": 69,
    "'', 100": 87,
    "'grün', 100": 59,
    "1, 100": 0,
    "-7, 100": 47,
    "1.5, 100": 87,
    "1e300, 100": 31,
    "True, 100": 53,
    "None, 100": 85,
}


@pytest.mark.parametrize("arguments", BUCKETS)
def test_a_bucket_is_the_same_for_ever(arguments):
    assert compile_condition(f"bucket({arguments})").value(Request()) == BUCKETS[arguments]


def test_half_a_surrogate_pair_has_a_bucket():
    assert compile_condition("bucket(request.json, 1000)").value(Request(json="\ud800")) == 897


def test_equal_numbers_have_one_bucket_and_buckets_are_as_good_as_equally_full():
    assert compile_condition("bucket(1, 1000) == bucket(1.0, 1000) != bucket(True, 1000)").matches(Request())
    condition, counts = compile_condition("bucket(request.json, 10)"), [0] * 10
    for number in range(20_000):
        counts[condition.value(Request(json=f"user-{number}"))] += 1
    # Five standard deviations of a binomial distribution with 20 000 draws and a chance of one in ten.
    assert max(abs(count - 2_000) for count in counts) < 5 * (20_000 * 0.1 * 0.9) ** 0.5


def test_more_buckets_only_split_what_fewer_held():
    few, many = compile_condition("bucket(request.json, 10)"), compile_condition("bucket(request.json, 100)")
    for number in range(1_000):
        request = Request(json=number)
        assert many.value(request) // 10 == few.value(request)


ADDRESSES = [
    ("10.1.2.3", "'10.0.0.0/8'", True),
    ("11.1.2.3", "'10.0.0.0/8'", False),
    ("10.1.2.3", "'10.1.2.3'", True),
    ("::ffff:10.1.2.3", "'10.0.0.0/8'", True),
    ("2001:db8::1", "['10.0.0.0/8', '2001:db8::/32']", True),
    ("192.168.3.4", "['192.168.0.0/16', '192.168.2.0/24', '10.0.0.0/8']", True),
    ("192.169.0.0", "['192.168.0.0/16', '192.168.2.0/24', '10.0.0.0/8']", False),
    ("10.0.0.1", "[]", False),
    ("lan", "'10.0.0.0/8'", None),
    ("1." * 100_000, "'10.0.0.0/8'", None),
    (None, "'10.0.0.0/8'", None),
    ("9.255.255.255", "'10.0.0.0/8'", False),
    ("10.0.0.0", "'10.0.0.0/8'", True),
    ("10.255.255.255", "'10.0.0.0/8'", True),
    ("11.0.0.0", "'10.0.0.0/8'", False),
    ("10.0.0.1", "['192.168.0.0/16', '10.0.0.0/8', '172.16.0.0/12']", True),
    ("172.16.0.1", "['192.168.0.0/16', '10.0.0.0/8', '172.16.0.0/12']", True),
    ("172.32.0.1", "['192.168.0.0/16', '10.0.0.0/8', '172.16.0.0/12']", False),
    ("10.0.0.1", "'::/0'", False),
    ("::1", "'0.0.0.0/0'", False),
    ("::ffff:10.1.2.3", "'::ffff:0:0/96'", False),
    ("fe80::1%" + "a" * 56, "'fe80::/10'", True),
    ("fe80::1%" + "a" * 57, "'fe80::/10'", None),
]


@pytest.mark.parametrize(("address", "networks", "expected"), ADDRESSES)
def test_an_address_is_in_a_network_or_errs(address, networks, expected):
    condition = compile_condition(f"ip_in(request.remote_addr, {networks})")
    assert condition.verdict(Request(remote_addr=address)) is expected


def test_an_address_is_a_text_of_bounded_length():
    networks = Networks([ipaddress.ip_network("::/0")])
    with pytest.raises(TypeError, match=r"^only text$"):
        networks.hold(1)
    with pytest.raises(ValueError, match=r"^too long$"):
        networks.hold(":" * 65)


def test_the_clock_is_that_of_the_request_in_the_zone_that_is_asked_for():
    request = Request(now="2025-03-30T00:30:00+00:00")
    assert compile_condition("now_time()").value(request) == "00:30:00"
    assert compile_condition("now_time('Europe/Berlin')").value(request) == "01:30:00"
    assert compile_condition("now_date('America/New_York')").value(request) == "2025-03-29"
    assert compile_condition("now_weekday('America/New_York')").value(request) == 5
    after_the_clocks_changed = Request(now=dt.datetime(2025, 3, 30, 1, 30))  # without a zone: UTC
    assert compile_condition("now_time('Europe/Berlin')").value(after_the_clocks_changed) == "03:30:00"


def test_one_request_has_one_moment():
    request = Request()
    assert compile_condition("now_time()").value(request) == compile_condition("now_time()").value(request)
    assert abs(request.moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)


CONVERSIONS = [
    ("int(request.json)", "-12", -12),
    ("int(request.json)", "+7", 7),
    ("int(request.json)", "007", 7),
    ("int(request.json)", -1.9, -1),
    ("int(request.json)", True, 1),
    ("int(request.json)", "1" * 32, int("1" * 32)),
    ("float(request.json)", "-1.5", -1.5),
    ("float(request.json)", "1.", 1.0),
    ("float(request.json)", ".5", 0.5),
    ("float(request.json)", "+2e3", 2_000.0),
    ("float(request.json)", "2E-3", 0.002),
    ("float(request.json)", "0" * 63 + "7", 7.0),
    ("float(request.json)", 3, 3.0),
    ("str(request.json)", 5, "5"),
    ("str(request.json)", "a", "a"),
    ("str(request.json)", [1.5, None, {"a": True}], "[1.5, None, {'a': True}]"),
    ("round(request.json)", 2.5, 2),
    ("round(request.json)", 3.5, 4),
    ("round(request.json, 0)", 3.5, 4.0),
    ("round(request.json, 2)", 2.567, 2.57),
    ("round(request.json, 2)", 1e22, 1e22),
    ("round(request.json, 15)", 7, 7),
    ("abs(request.json)", -7, 7),
    ("bool(request.json)", [], False),
]


@pytest.mark.parametrize(("text", "json", "expected"), CONVERSIONS)
def test_a_conversion_gives_what_python_gives(text, json, expected):
    assert repr(compile_condition(text).value(Request(json=json))) == repr(expected)


NO_NUMBERS = [
    *(("int", text) for text in ("", " 1", "1 ", "1.0", "1e3", "--1", "+", "1" * 33, None, [])),
    *(("float", text) for text in ("", " 1", "1 ", ".", "e3", "1e", "1,5", "inf", "1e999", "-1e999", "0" * 65, None)),
    *(("round", value) for value in ("1", None, [])),
]


@pytest.mark.parametrize(("function", "json"), NO_NUMBERS)
def test_what_is_no_plain_number_errs(function, json):
    assert compile_condition(f"{function}(request.json) == 1").verdict(Request(json=json)) is None


REFUSED = [
    (int_of, "1.0", ValueError, "not a plain number"),
    (float_of, "e", ValueError, "not a plain number"),
    (float_of, "1e999", ValueError, "not finite"),
    (lambda meter, value: bucket(meter, value, 10), [], TypeError, "only text, numbers, truths and None"),
]


@pytest.mark.parametrize(("function", "value", "kind", "message"), REFUSED)
def test_what_a_function_refuses_it_refuses_in_words(function, value, kind, message):
    with pytest.raises(kind) as caught:
        function(Meter().begin(), value)
    assert str(caught.value) == message


MATCHES = [
    ("search", "b+", "abbc", True),
    ("match", "b+", "abbc", False),
    ("fullmatch", "ab+c", "abbc", True),
    ("fullmatch", "b+", "abbc", False),
    ("search", "(?i)GRÜN", "grün", True),
    ("search", "^b$", "a\nb\nc", False),
    ("search", "(?m)^b$", "a\nb\nc", True),
    ("search", r"\bcontract\b", "the contract.", True),
]


@pytest.mark.parametrize(("function", "pattern", "text", "expected"), MATCHES)
def test_a_pattern_matches_where_python_says(function, pattern, text, expected):
    condition = compile_condition(f"re.{function}(r'{pattern}', request.json)")
    assert condition.value(Request(json=text)) is expected


@pytest.mark.parametrize(
    "pattern", ["((a+))+", "(?:a*)*", "(a|b+)+", r"(\w+\s?)*", "(x+x+)+y", "a" * 257, "(?i)a(?s)", "[[:digit:]]"]
)
def test_a_pattern_that_other_engines_choke_on_or_read_differently_is_refused(pattern):
    with pytest.raises(ConditionError, match="RG229"):
        compile_condition(f"re.search(r'{pattern}', request.path)")


@pytest.mark.parametrize(
    "pattern", [r"([a-z0-9-]+\.)+acme\.com", r"\(a+\)+", "[(a+)]+", r"^(\d+,)*\d+$", "(ab)+", "(?P<x>a+)b", "a{2,3}"]
)
def test_a_pattern_that_only_looks_like_one_of_these_is_accepted(pattern):
    compile_condition(f"re.search(r'{pattern}', request.path)")


MAPPINGS = {
    "any(name == 'X-Tenant' and value == 'acme' for name, value in request.headers.items())": True,
    "'X-Tenant' in request.headers.keys()": True,
    "'x-tenant' in request.headers.keys()": False,
    "'acme' in request.headers.values()": True,
    "all(name in ('a', 'b') for name in request.args.keys()) and len(request.args.keys()) == 2": True,
    "('a', '1') in request.args.items() and '2' in request.args.values()": True,
    "sum(1 for name in request.json.keys() if name.startswith('k')) == 2": True,
    "max(request.json.values()) == 7 and len(request.json.items()) == 2": True,
}


@pytest.mark.parametrize("text", MAPPINGS)
def test_mappings_have_keys_values_and_items_as_in_flask(text):
    request = Request(headers={"x-tenant": "acme"}, args={"a": "1", "b": "2"}, json={"k1": 3, "k2": 7})
    assert compile_condition(text).matches(request) is MAPPINGS[text]


@pytest.mark.parametrize(("left", "right"), [(1, 2), (2, 1), (1, 1), ("a", "b"), ("b", "a"), ("a", "a")])
@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_a_comparison_that_is_charged_has_the_value_that_python_gives_it(name, left, right):
    charged = {
        "eq": operations.equal,
        "ne": operations.unequal,
        "lt": operations.less,
        "le": operations.less_equal,
        "gt": operations.greater,
        "ge": operations.greater_equal,
    }[name]
    assert charged(Meter().begin(), left, right) is getattr(operator, name)(left, right)


def test_the_least_and_the_greatest_are_of_one_list_or_of_the_arguments():
    assert (operations.min_of(Meter().begin(), [3, 1, 2]), operations.min_of(Meter().begin(), 3, 1, 2)) == (1, 1)
    assert (operations.max_of(Meter().begin(), [1, 3, 2]), operations.max_of(Meter().begin(), 1, 3, 2)) == (3, 3)
    assert operations.min_of(Meter().begin(), [2], [1, 5]) == [1, 5]


def test_there_may_be_one_bucket():
    assert compile_condition("bucket(request.path, 1) == 0").matches(Request())
