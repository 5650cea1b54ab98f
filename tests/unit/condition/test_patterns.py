"""Which regular expressions are refused and why, and what searching with the others is charged."""

import random

import pytest
import re2

from rulegate.condition.meter import Meter
from rulegate.condition.patterns import Pattern, PatternError

ABSENT = {
    "(?=a)": "look-ahead",
    "a(?!a)": "look-ahead",
    "(?<=a)": "look-behind",
    "(?<!a)": "look-behind",
    "(a)(?(1)b)": "conditional groups",
    "(?>a)": "atomic groups",
    "(?#a)": "comments",
    r"(a)\1": "references to groups",
    "(?P<x>a)(?P=x)": "references to groups",
}
FOREIGN = {
    r"\pL": r"\p",
    r"\PL": r"\P",
    r"a\C": r"\C",
    r"\Qa\E": r"\Q",
    r"a\z": r"\z",
    r"\x{41}": r"\x{",
    r"\0": r"\0",
    "a{,3}": "{,3}",
    "(?U)a": "(?U",
    "(?sU)a": "(?sU",
    "(?<x>a)": "(?<",
    "a(?i)": "(?i)",
    "a(?i)b": "(?i)",
    r"[\pL]": r"\p",
    r"[^\0]": r"\0",
    r"[\\\pL]": r"\p",
    "[[:alpha:]]": "[:",
    "x[a&&b]": "&&",
    "[a--b]": "--",
    "[a||b]": "||",
    "[a~~b]": "~~",
}
NESTED = {
    "(a+)+": "(a+)+",
    "x(?:a*)*y": "(?:a*)*",
    "(?i)(a+)+": "(a+)+",
    "(a+)+?": "(a+)+?",
    "(a+?)+": "(a+?)+",
    "((a+))+": "((a+))+",
    "(a{2,})*": "(a{2,})*",
    "(a{2,}?)*": "(a{2,}?)*",
    "(a+){3,}": "(a+){3,}",
    "(a|b+)+": "(a|b+)+",
    "(a+|b)+": "(a+|b)+",
    "(a+|bc)*": "(a+|bc)*",
    "(a+b*)+": "(a+b*)+",
    "((a+)(b+))+": "((a+)(b+))+",
    "((a+){2})+": "((a+){2})+",
    "(^a+$)+": "(^a+$)+",
    "(a+b?)+": "(a+b?)+",
    "(a)(b+)*": "(b+)*",
    "(a+(b)?)+": "(a+(b)?)+",
    "(a(b+)*)": "(b+)*",
    "(x|(a+)+)": "(a+)+",
}
UNFIT = {
    "a" * 257: "it has 257 characters, and may have 256",
    "(?:.){257}": "it has 257 places for any of several characters, more than the limit of 256",
    "(a": "missing ): (a",
    "a)": "unexpected ): a)",
    "a++": "bad repetition operator: ++",
    # Before these counts there is nothing that could be counted.
    "{300}": "no argument for repetition operator: {300}",
    "({300}a)": "no argument for repetition operator: {300}",
    "(*a)": "no argument for repetition operator: *",
    "a){300}": "unexpected ): a){300}",
    ".{2}{300}": "bad repetition operator: {2}{300}",
    "\ud800": "half of a surrogate pair",
}


def refusal(pattern):
    with pytest.raises(PatternError) as caught:
        Pattern(pattern)
    return caught.value


@pytest.mark.parametrize("pattern", ABSENT)
def test_what_the_engine_lacks_is_refused_by_its_name(pattern):
    error = refusal(pattern)
    assert (error.absent, error.foreign, error.nested, error.reason) == (ABSENT[pattern], None, None, "")


@pytest.mark.parametrize("pattern", FOREIGN)
def test_what_python_reads_differently_is_refused_and_quoted(pattern):
    error = refusal(pattern)
    assert (error.absent, error.foreign, error.nested, error.reason) == (None, FOREIGN[pattern], None, "")


@pytest.mark.parametrize("pattern", NESTED)
def test_a_repetition_of_nothing_but_repetitions_is_refused_and_quoted(pattern):
    error = refusal(pattern)
    assert (error.absent, error.foreign, error.nested, error.reason) == (None, None, NESTED[pattern], "")


@pytest.mark.parametrize("pattern", UNFIT)
def test_what_cannot_be_used_otherwise_is_refused_with_the_reason(pattern, capfd):
    error = refusal(pattern)
    assert (error.absent, error.foreign, error.nested, error.reason) == (None, None, None, UNFIT[pattern])
    assert str(error) == UNFIT[pattern]
    assert capfd.readouterr() == ("", "")


USABLE = [
    *("a" * 256, "(?i)a", "(?im)a", r"\ba\B", r"\\p", r"[\\p]", "[a-b]", "[]a]", "[^]a]"),
    *("(a+b)+", "(a?)+", "(a{2,3})*", "(a{2})*", "(a+){2}", "(a+)b+", "((a+)b)+", "(a+(b))+", "(a|b)+(c+)", "(a)+(b+)"),
    *("(a+)$+", "[)]+(a)", "(a+)[+]", "(a)(b)*(c)+", "(a+)|b+", "(ab+|c)*", "(a+b|c)*", "(?:a+b+c)*", "(a+|b)", "a|b+"),
    *("(a+)?", "(a+){2,3}", "(ab|c?)+", "(a|b{2})+", "(?P<x>a)", "(?s:a)", "(?-i:a)", "a{3,}?"),
]


@pytest.mark.parametrize("pattern", USABLE)
def test_what_only_looks_like_one_of_these_is_accepted(pattern):
    Pattern(pattern)


WIDE = {
    "a": 0,
    r"\.": 0,
    r"\n": 0,
    "(a)": 0,
    ".": 1,
    "[a-z]": 1,
    "a|b": 1,
    "^a$": 0,
    r"\d": 1,
    r"\D": 1,
    r"\w": 1,
    r"\W": 1,
    r"\s": 1,
    r"\S": 1,
    r"\\d": 0,
    "..": 2,
    "[ab][cd]": 2,
    ".{3}": 3,
    ".{2,5}": 5,
    ".{2,}": 2,
    ".+": 1,
    ".?": 1,
    ".a{3}": 1,
    "(?:.{2}){3}": 6,
    "(?:[a-z].){3}": 6,
    "(?:a).": 1,
    ".(?:.)": 2,
    "(?:(?:.){2}){3}.": 7,
    "(a|b){4}": 4,
    ".(?:.){2}": 3,
    "a{3}.": 1,
    "(?:.a){2}": 2,
    "..{3}": 4,
    "(.)(.){2}": 3,
    "(?:.+a){2}": 2,
}


@pytest.mark.parametrize("pattern", [pattern for pattern in WIDE if WIDE[pattern]])
def test_classes_and_dots_count_as_often_as_they_are_repeated(pattern):
    times = 256 // WIDE[pattern] + 1
    assert refusal(f"(?:{pattern}){{{times}}}").reason.startswith(f"it has {times * WIDE[pattern]} places ")
    Pattern(f"(?:{pattern}){{{times - 1}}}")


@pytest.mark.parametrize("pattern", [pattern for pattern in WIDE if not WIDE[pattern]])
def test_single_characters_count_for_nothing(pattern):
    Pattern(f"(?:{pattern}){{300}}")


@pytest.mark.parametrize("character", ["k", "ß"])
def test_an_expression_is_refused_that_takes_too_much_memory_though_it_is_short(character):
    """In either case they have several forms of several bytes, each of them an instruction, a thousand times."""
    with pytest.raises(PatternError, match="pattern too large"):
        Pattern("(?i)" + f"{character}{{1000}}" * 36)
    Pattern("(?i)" + f"{character}{{1000}}" * 8)


def charged(pattern, text, method="search"):
    meter = Meter().begin()
    getattr(Pattern(pattern), method)(meter, text)
    return meter.spent


def plain(pattern):
    """What a character costs while the states of an expression fit its memory."""
    return 2 + re2.compile(pattern).programsize // 8


def slow(pattern):
    """What it costs besides when they do not."""
    return min(250 + 7 * re2.compile(pattern).programsize, 3_000)


METHODS = ["search", "match", "fullmatch"]
MIXED = "".join(random.Random(1).choices("abcdefghijklmnop", k=20_000))
FEW = "[ab]{12}"
MANY = "[ab]{13}"


@pytest.mark.parametrize("method", METHODS)
def test_a_search_is_charged_by_the_length_of_the_text_and_the_size_of_the_expression(method):
    assert charged("abc", "x" * 100, method) == 100 * plain("abc")
    assert charged("a{200}", "x" * 100, method) == 100 * plain("a{200}") > 100 * plain("abc")
    assert charged("abc", "é" * 100, method) == 100 * plain("abc") * 3
    assert charged(FEW, "x" * 100, method) == 100 * plain(FEW)


@pytest.mark.parametrize("method", METHODS)
def test_an_expression_of_many_states_that_may_match_in_several_ways_is_charged_for_following_them_all(method):
    for pattern in (MANY + "|c", MANY + "a?", MANY + "[ab]{2,3}", "(?i)" + MANY, MANY + "a*", MANY + "a+"):
        assert charged(pattern, "x" * 100, method) == 100 * (plain(pattern) + slow(pattern))
    large = "[^a]{100}a*"
    assert slow(large) == 3_000
    assert charged(large, "x" * 100, method) == 100 * (plain(large) + 3_000)


def test_an_expression_that_can_begin_anywhere_may_match_in_several_ways():
    assert charged(MANY, "x" * 100, "search") == 100 * (plain(MANY) + slow(MANY))
    for pattern, method in ((MANY, "match"), (MANY, "fullmatch"), ("^" + MANY, "search")):
        assert charged(pattern, "x" * 100, method) == 100 * plain(pattern)
    assert charged("^" + MANY + "a*", "x" * 100) == 100 * (plain("^" + MANY + "a*") + slow("^" + MANY + "a*"))


def test_a_long_text_that_repeats_itself_leads_to_few_states():
    assert charged(MANY, "x" * 4_095) == 4_095 * (plain(MANY) + slow(MANY))
    assert charged(MANY, "x" * 4_096) == 4_096 * (plain(MANY) + 16)
    assert charged(MANY, "é" * 2_048) == 2_048 * (plain(MANY) * 3) + 4_096 * 16
    # A part of more than some 250 bytes is forgotten before it comes again.
    for part, is_short in ((MIXED[:200], True), (MIXED[:300], False)):
        assert charged(MANY, part * 50) == len(part) * 50 * (plain(MANY) + 16 + (0 if is_short else slow(MANY)))
    assert charged(MANY, MIXED) == len(MIXED) * (plain(MANY) + 16 + slow(MANY))


@pytest.mark.parametrize("method", METHODS)
def test_an_expression_is_held_against_text_alone(method):
    for value in (None, 1, b"a", ["a"]):
        with pytest.raises(TypeError, match=r"^only text$"):
            getattr(Pattern("a"), method)(Meter().begin(), value)


@pytest.mark.parametrize("text", ["(a(b+))+", "(?:x(?:a+))*"])
def test_a_group_that_repeats_more_than_a_repetition_is_no_nested_one(text):
    assert Pattern(text)
