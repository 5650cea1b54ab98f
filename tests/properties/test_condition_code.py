"""What generated code holds, and that conditions of one shape share it without anybody being able to tell."""

import dis
import json
import re
import types
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rulegate.condition import ConditionError, Request, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.forms import forms
from rulegate.condition.library import GLOBALS
from rulegate.condition.networks import Networks
from rulegate.condition.patterns import Pattern
from rulegate.condition.shape import dissect
from rulegate.condition.unparse import unparse
from tests.properties.conditions import NOW, compiled, mutated, outcome, requests, trees

# ---- generated code --------------------------------------------------------------------------------------------------

OPERATIONS = re.compile(
    "BINARY_SUBSCR|BINARY_SLICE|BUILD_(LIST|TUPLE|SET|SLICE)|CACHE|CALL|CHECK_EXC_MATCH|COMPARE_OP|CONTAINS_OP|COPY(_FREE_VARS)?|END_FOR"
    "|EXTENDED_ARG|FOR_ITER|GET_ITER|IS_OP|JUMP_.*|LIST_EXTEND|LOAD_(ATTR|CONST|DEREF|FAST.*|GLOBAL|METHOD|SMALL_INT)|NOP|NOT_TAKEN"
    "|POP_.*|PRECALL|PUSH_(EXC_INFO|NULL)|RERAISE|RESUME|RETURN_(CONST|VALUE)|SET_(ADD|UPDATE)|STORE_FAST.*|SWAP|TO_BOOL"
    "|UNARY_(NEGATIVE|NOT)|UNPACK_SEQUENCE"
)
ATTRIBUTES = {
    *("external", "known_external", "folded_headers", "meter", "begin", "append"),
    *("known_args", "known_content_length", "known_content_type", "known_cookies", "known_folded_headers"),
    *("known_headers", "known_host", "known_is_json", "known_json", "known_meter"),
    *v.METHODS,
    *v.PATTERN_FUNCTIONS,
    *(attribute.reads for attribute in v.REQUEST_ATTRIBUTES.values()),
}
NUMBERED = re.compile(r"(loop|given|literal)_[0-9]+")
PREPARED = {Pattern, Networks, zoneinfo.ZoneInfo, type}


def assert_harmless(function):
    """A generated function holds allowed operations, names and constants only, and so do the loops that it calls."""
    names = function.__globals__
    assert names["__builtins__"] == {}
    assert all(name in GLOBALS or NUMBERED.fullmatch(name) for name in names.keys() - OWN_NAMES)
    pending, seen = [function], set()
    while pending:
        generated = pending.pop()
        code = generated.__code__
        seen.add(code)
        assert {name for name in code.co_names if name not in names and name not in ATTRIBUTES} == set()
        found = {instruction.opname for instruction in dis.get_instructions(code)}
        assert {name for name in found if not OPERATIONS.fullmatch(name)} == set()
        assert_plain(code.co_consts)
        assert all(NUMBERED.fullmatch(name) for name in code.co_freevars)
        for cell in generated.__closure__ or ():
            if isinstance(cell.cell_contents, types.FunctionType):
                assert cell.cell_contents.__globals__["__builtins__"] == {}
                pending += [cell.cell_contents] if cell.cell_contents.__code__ not in seen else []
            elif type(cell.cell_contents) not in PREPARED:
                assert_plain([cell.cell_contents])


def assert_plain(values):
    pending = list(values)
    while pending:
        value = pending.pop()
        assert type(value) in {str, int, float, bool, type(None), tuple, frozenset}
        pending += value if isinstance(value, tuple | frozenset) else ()


OWN_NAMES = {"__builtins__", "errors", "erred"}
CORPORA = Path(__file__).parents[1] / "corpora"


@pytest.mark.parametrize("corpus", ["accepted", "errors", "hostile_payloads"])
def test_the_code_of_accepted_conditions_is_harmless(corpus):
    for entry in json.loads((CORPORA / f"{corpus}.json").read_text(encoding="utf-8")):
        condition = compile_condition(entry["expr"])
        for function in (condition.matches, condition.verdict, condition._value):
            assert_harmless(function)


@given(trees)
def test_the_code_of_generated_conditions_is_harmless(tree):
    try:
        condition = compiled(unparse(tree))
    except ConditionError:
        assume(False)
    for function in (condition.verdict, condition._value):
        assert_harmless(function)


# ---- shapes ----------------------------------------------------------------------------------------------------------

TEXTS = ["'a'", '"Domain"', "'x-A'", "'é'", "'10.1.0.0/16'", "'10.1.2.3/8'", "'UTC'", "'[ab]+'", "'('", r"'\n'", "''"]
TEXTS += ["r'a'", r"R'\d+'", r"r'\\'", "'\u200b'", "'\x01'", "'\ue000'", f"'{'a' * 2048}'", f"'{'a' * 2049}'"]
TEXTS += ["'risk'", "'fraud'", "'nobody'"]
TEXTS += [r"'it\'s'", '"it\'s"', "'a", "'a' 'b'", "f'a'", "b'a'", "'''a'''"]
NUMBERS = ["0", "1", "2", "15", "16", "2048", "2049", "1000000", "1000001", "9" * 18, "9" * 19, "007", "1_0", "0x1f"]
NUMBERS += [
    "0.0",
    "0.5",
    "1.5",
    "00.5",
    "1.",
    ".5",
    "1.5.5",
    f"{'9' * 320}.0",
    f"0.{'0' * 400}1",
    "1e5",
    "1e-5",
    "1e999",
]
NUMBERS += ["-1", "1a"]
WRITTEN = re.compile(r"""[rR]?'(?:[^'\\]|\\.)*'|[rR]?"(?:[^"\\]|\\.)*"|[0-9]+(?:\.[0-9]+)?|\b(?:True|False|None)\b""")


@st.composite
def rewritten(draw, text):
    """The text of a condition with some of its literals replaced, most by others of their kind."""

    def other(match):
        if draw(st.booleans()):
            return match[0]
        pool = NUMBERS if match[0][0].isdigit() else TEXTS
        return draw(st.sampled_from(pool if draw(st.integers(0, 5)) else [*TEXTS, *NUMBERS, "None", "True", "x", ""]))

    return WRITTEN.sub(other, text)


def all_of(text, given_request):
    """All that an author or a request can see of a text."""
    try:
        condition = compiled(text)
    except ConditionError as error:
        return error.diagnostics
    seen = [condition.text, condition.warnings, condition.keys(errors_count=False), condition.keys(errors_count=True)]
    for function in (condition.matches, condition.verdict, condition.value, condition.explain, condition._value):
        request = Request(**given_request, now=NOW)
        seen += [outcome(lambda: function(request)), request.meter.spent]  # noqa: B023
    return re.sub(" at 0x[0-9a-f]+", "", repr(seen))


def on_its_own(text, given_request):
    forms.cache_clear()
    return all_of(text, given_request)


SHARED = [
    "request.headers.get('X-A', 'a') in ('a', 'b', -1) and request.headers['X-B'] != 'c'",
    "'X-A' in request.headers or request.json['a'] in ['a', 1, 1.5] or request.json in {'a', 1, 1.0}",
    "request.path[-5:] == 'a' or request.path[1:3] == 'b' or request.path[:2] in {'a'}",
    r"re.search(r'a\d', request.path) or ip_in(request.remote_addr, ['10.0.0.0/8', '10.1.0.0/16'])",
    "bucket(request.json['a'], 10, salt='a') < round(1.5, 2) and now_time('UTC') > '10'",
    "any(k == 'a' and v > 1 for k, v in request.json.items() if k not in ('a', 'b') and sum(x * 2 for x in v) > 3)",
    "request.json['a'] == (1, ('a', -2.5), None) or [1, ['a']] == request.json['b'] or {1, 'a'} != request.json['c']",
    "'a' if request.is_json and 'b' else -1",
    "(request.method == ('POST')) and 'a' <= request.path < \"b\" and 1",
    "not 'a' in request.json[ 'a' ] and request.json.get('b', {1, 2}) == {2, 1, 'c'}",
    "request.method in'a'and'b'in request.path",
    "len(request.json['b']) > 1e-5 and min(1, 2.5, len(request.path)) < max(3, 4)",
    "request.path.startswith(('a', '/b')) and request.path.split('/', 1)[1] == 'c' + 'd'",
    "external[ 'risk' ] == 'a' or external['fraud']['b'] == 'c' and 'x' in external[ 'fraud' ]",
    "1 < request.json['a'] in ['a', 'b'] or request.json['a'] in ['a'] in [['a']]",
]


@settings(max_examples=300)
@given(st.data(), st.sampled_from(SHARED) | trees.map(unparse), requests)
def test_a_condition_is_the_same_whether_its_shape_is_known_or_not(data, text, given_request):
    other = data.draw(rewritten(text))
    alone = on_its_own(other, given_request)
    on_its_own(text, given_request)
    assert all_of(other, given_request) == alone


@given(mutated(), mutated(), requests)
def test_what_one_text_is_does_not_depend_on_another(first, second, given_request):
    alone = on_its_own(second, given_request)
    on_its_own(first, given_request)
    assert all_of(second, given_request) == alone


def test_conditions_of_one_shape_share_their_code_which_holds_none_of_their_literals():
    texts_ = [f"any(row['k'] in ('{n}', 'x') for row in request.json) == {n}" for n in (1234, 1235)]
    one, other = map(compile_condition, texts_)
    assert one.matches.__code__ is one.verdict.__code__ is one._value.__code__ is other.matches.__code__
    shape, literals, _ = dissect(other.text)
    assert literals == ("1235", "x", 1235)
    assert not {"1234", "1235", 1234, 1235} & {*shape, *one.matches.__code__.co_consts}
    assert [condition.matches(Request(json=[{"k": "1235"}])) for condition in (one, other)] == [False, False]
