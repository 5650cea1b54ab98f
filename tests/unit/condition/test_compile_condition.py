"""The one way to make a condition: its examples run, and any number of threads may use it."""

import doctest
from concurrent.futures import ThreadPoolExecutor

import pytest

from rulegate.condition import ConditionError, Request, compile_condition, condition


def test_the_examples_of_the_documentation_are_true():
    result = doctest.testmod(condition)
    assert result.attempted > 0
    assert result.failed == 0


def test_threads_may_compile_and_evaluate_at_once():
    def work(number):
        made = compile_condition(f"request.json['n'] == {number} and 'X' not in request.headers")
        return [made.matches(Request(json={"n": n})) for n in (number, number + 1)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(64))) == [[True, False]] * 64


@pytest.mark.parametrize("between", [" ", "\n", "\r\n", "\n    ", "  \n\n "])
def test_spaces_and_line_ends_between_parts_mean_nothing(between):
    parts = [
        "request",
        ".",
        "json",
        "[",
        "'a'",
        "]",
        "not",
        "in",
        "(",
        "'x'",
        ",",
        ")",
        "and",
        "not",
        "request",
        ".",
        "is_json",
    ]
    made = compile_condition(between + between.join(parts) + between)
    assert made.matches(Request(json={"a": "y"}, content_type="text/csv")) is True


@pytest.mark.parametrize("text", ["request.me\nthod == 'a'", "request.method == 'a\nb'", "request.method = = 'a'"])
def test_a_line_end_or_space_inside_a_part_is_no_accident_to_be_mended(text):
    with pytest.raises(ConditionError):
        compile_condition(text)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        (r"'\n\t\r\\\'\"'", "\n\t\r\\'\""),
        (r"'\x41\u00e9\U0001F600'", "Aé\U0001f600"),
        (r"r'\d\''", r"\d\'"),
        (r'R"\"', None),
        ("'é日本'", "é日本"),
        (r"'\ud800'", "\ud800"),
        ('""', ""),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e-3", 0.001),
        ("-0.0", -0.0),
        ("5E2", 500.0),
        ("0", 0),
        ("(1,)", (1,)),
        ("[1, [2], ()]", [1, [2], ()]),
        ("{1, 'a', (1, 2)}", {1, "a", (1, 2)}),
    ],
)
def test_a_literal_has_the_value_that_python_gives_it(literal, value):
    if value is None:
        with pytest.raises(ConditionError):
            compile_condition(literal)
    else:
        assert repr(compile_condition(literal).value(Request())) == repr(value)
