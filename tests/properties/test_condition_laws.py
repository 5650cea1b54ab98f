"""The laws of the condition language, held on generated texts, conditions and requests."""

import ast
import datetime as dt
import dis
import hashlib
import ipaddress
import json
import re
import string
import types
import warnings
import zoneinfo
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from rulegate.condition import ConditionError, EvaluationError, Request, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.check import check
from rulegate.condition.evaluate import evaluate
from rulegate.condition.forms import forms
from rulegate.condition.library import GLOBALS
from rulegate.condition.networks import Networks
from rulegate.condition.nodes import (
    Arithmetic,
    Attribute,
    Binary,
    Bracket,
    Call,
    Comparator,
    Compare,
    Conditional,
    Connective,
    Constant,
    Display,
    Generator,
    Junction,
    Keyword,
    Name,
    Negative,
    Not,
    Slice,
    Subscript,
    children,
)
from rulegate.condition.parse import parse
from rulegate.condition.patterns import Pattern
from rulegate.condition.shape import dissect
from rulegate.condition.unparse import unparse
from rulegate.diagnostics import Source, Span, render

NOWHERE = Span(0, 0)

# ---- texts -----------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *(
        "request",
        ".json",
        ".headers",
        "['a']",
        "[0]",
        "()",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        " ",
        "\n",
        "\t",
    ),
    *(
        "and",
        "or",
        "not",
        "in",
        "is",
        "None",
        "True",
        "lambda",
        "if",
        "else",
        "for",
        "yield",
        "=",
        "==",
        "!=",
        "<",
        ">",
    ),
    *(":=", "&&", "||", "!", "===", "**", "//", "+", "-", "%", "@", "#", "\\", "'", '"', "'''", "'a'", '"b"', "r'\\d'"),
    *("f'{x}'", "b'a'", "__class__", "_x", "0", "007", "1e999", "0x1f", "1_0", "1.5", "9" * 19, "‘", "”", "\u00a0"),
    *(
        "\u200b",
        "\u202e",
        "\x00",
        "\ud800",
        "é",
        "１",
        "len",
        ".get",
        ".startswith",
        ".format",
        "'\\u12'",
        "'\\x00'",
        ";",
    ),
    *(" for x in ", " if ", " else ", "any(", "sum(", "x", "re.", "search(", "salt=", "bucket(", "ip_in(", ".items()"),
]
texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=string.printable, max_size=60),
    st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=24).map(" ".join),
)


@given(texts)
@example("")
@example("'" * v.MAX_LENGTH)
@example("[" * v.MAX_LENGTH)
@example("-" * (v.MAX_LENGTH - 1) + "1")
@example("not " * 1000 + "1")
@example("()" * 2000)
@example("x" * (v.MAX_LENGTH + 1))
def test_any_text_is_a_condition_or_gets_diagnostics_inside_it_that_can_be_shown(text):
    found = diagnostics_of(text)
    assert len(found) <= v.MAX_DIAGNOSTICS
    for diagnostic in found:
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        heading, _line, carets, *hint = render(diagnostic).split("\n")
        assert diagnostic.code in heading
        assert carets.startswith("  | ")
        assert set(carets[4:].strip()) == {"^"}
        assert len(hint) == 1
        assert diagnostic.hint
        assert "\n" not in diagnostic.message


def diagnostics_of(text):
    try:
        return compile_condition(text).warnings
    except ConditionError as error:
        return error.diagnostics


# ---- conditions ------------------------------------------------------------------------------------------------------

words = st.text(alphabet="aAbB1 -ßé", max_size=4)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.floats(allow_nan=True, width=32), words, st.just("Domain a")
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
bodies = st.fixed_dictionaries({"a": json_values, "b": st.lists(json_values, max_size=3), "c": words})
token_texts = st.text(alphabet="abc1,-", max_size=4)
requests = st.fixed_dictionaries(
    {
        "json": bodies,
        "headers": st.dictionaries(st.sampled_from(["X-A", "x-b", "X-Tier"]), token_texts, max_size=3),
        "args": st.dictionaries(st.sampled_from(["a", "b"]), token_texts, max_size=2),
        "method": st.sampled_from(["GET", "POST"]),
        "path": st.sampled_from(["/invocations", "/a/b"]),
    }
)


def constant(value):
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value).startswith("-"):
        return Negative(NOWHERE, constant(-value))
    return Constant(NOWHERE, value)


def attribute(value, name):
    return Attribute(NOWHERE, value, name, NOWHERE)


def of_request(name):
    return attribute(Name(NOWHERE, "request"), name)


def call(name, *arguments):
    return Call(NOWHERE, Name(NOWHERE, name), arguments)


constants = st.one_of(
    st.sampled_from(["a", "b", "c", "Domain", "", "-", "'\"\\\n", "\u2028\x01"]),
    st.integers(-3, 12),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.sampled_from([True, False, None]),
    words,
).map(constant)
header_names = st.sampled_from(["X-A", "x-a", "X-B", "X-TIER", "Nope"]).map(constant)
keys = st.sampled_from(["a", "b", "c", 0, 1, -1]).map(constant)
mappings = st.sampled_from(["headers", "args"]).map(of_request)
json_bodies = st.sampled_from(
    [of_request("json"), Call(NOWHERE, of_request("json"), ()), Call(NOWHERE, of_request("get_json"), ())]
)
paths = st.recursive(json_bodies, lambda inner: st.builds(Subscript, st.just(NOWHERE), inner, keys), max_leaves=4)
leaves = st.one_of(
    paths,
    constants,
    st.sampled_from(["method", "path", "host", "remote_addr", "content_type", "content_length", "is_json"]).map(
        of_request
    ),
    st.builds(Subscript, st.just(NOWHERE), mappings, header_names),
    st.builds(
        lambda owner, name, default: Call(NOWHERE, attribute(owner, "get"), (name, *default)),
        mappings,
        header_names,
        st.lists(constants, max_size=1),
    ),
    st.builds(lambda owner: Call(NOWHERE, Name(NOWHERE, "len"), (owner,)), st.just(of_request("args"))),
    st.builds(
        lambda name, sign, owner: Compare(NOWHERE, (name, owner), (sign,)),
        header_names,
        st.sampled_from([Comparator.IN, Comparator.NOT_IN]),
        mappings,
    ),
)
VARIABLES = ["x", "y", "k"]
functions = sorted(
    v.FUNCTIONS.keys() - {"isinstance", "round", "bucket", "ip_in", "now_time", "now_date", "now_weekday"}
)
LOOPS = ["any", "all", "sum", "min", "max"]
# Of these Python's engine and RE2 say the same for the texts that are generated.
patterns = st.sampled_from(["a", "^a", "[ab]+", "(?i)DOMAIN", "b{2}|B", "^[^-]*-", "a.b"]).map(constant)
networks = st.one_of(
    st.sampled_from(["10.0.0.0/8", "10.1.2.3", "::/0"]).map(constant),
    st.just(Display(NOWHERE, Bracket.LIST, (constant("192.168.0.0/16"), constant("10.1.0.0/16")))),
)
classes = st.lists(st.sampled_from(sorted(v.CLASSES)), min_size=1, max_size=3).map(
    lambda names: (
        Name(NOWHERE, names[0])
        if len(names) == 1
        else Display(NOWHERE, Bracket.TUPLE, tuple(Name(NOWHERE, name) for name in names))
    )
)
clocks = st.builds(
    lambda name, zone: call(name, *zone),
    st.sampled_from(["now_time", "now_date", "now_weekday"]),
    st.lists(st.sampled_from(["UTC", "America/New_York"]).map(constant), max_size=1),
)
salts = st.lists(st.sampled_from(["", "a"]).map(lambda salt: Keyword(NOWHERE, "salt", constant(salt))), max_size=1)
targets = st.one_of(
    st.sampled_from(VARIABLES).map(lambda name: Name(NOWHERE, name)),
    st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=2).map(
        lambda names: Display(NOWHERE, Bracket.TUPLE, tuple(Name(NOWHERE, name) for name in names))
    ),
)
equalities = [sign for sign in Comparator if sign not in {Comparator.IS, Comparator.IS_NOT}]


def compound(inner):
    at = st.just(NOWHERE)
    bound = st.none() | keys | inner
    views = st.builds(
        lambda owner, name: Call(NOWHERE, attribute(owner, name), ()),
        paths | mappings | inner,
        st.sampled_from(["keys", "values", "items"]),
    )
    looped = st.sampled_from(VARIABLES).map(lambda name: Name(NOWHERE, name))
    elements = st.one_of(looped, inner, st.builds(Compare, at, st.tuples(looped, inner), st.just((Comparator.EQUAL,))))
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Subscript, at, inner, keys | inner),
        st.builds(
            lambda owner, name, arguments: Call(NOWHERE, attribute(owner, name), tuple(arguments)),
            paths | inner,
            st.sampled_from(sorted(v.METHODS)),
            st.lists(constants | inner, max_size=2),
        ),
        st.builds(Subscript, at, paths | inner, st.builds(Slice, at, bound, bound, bound)),
        st.builds(lambda name, values: call(name, *values), st.sampled_from(functions), several | st.tuples(inner)),
        st.builds(call, st.sampled_from(functions), inner | views),
        st.builds(lambda value, wanted: call("isinstance", value, wanted), inner, classes),
        st.builds(lambda value, digits: call("round", value, constant(digits)), inner, st.integers(0, 15)),
        st.builds(lambda value, salt: call("bucket", value, constant(10), *salt), inner, salts),
        st.builds(lambda value, wanted: call("ip_in", value, wanted), inner, networks),
        st.builds(
            lambda name, pattern, text: Call(NOWHERE, attribute(Name(NOWHERE, "re"), name), (pattern, text)),
            st.sampled_from(sorted(v.PATTERN_FUNCTIONS)),
            patterns,
            inner,
        ),
        clocks,
        st.builds(
            lambda name, element, target, iterable, conditions: call(
                name, Generator(NOWHERE, element, target, iterable, tuple(conditions))
            ),
            st.sampled_from(LOOPS),
            elements,
            targets,
            paths | views | inner,
            st.lists(elements, max_size=1),
        ),
        st.builds(Binary, at, st.sampled_from(Arithmetic), inner, inner),
        st.builds(Conditional, at, inner, inner, inner),
        st.builds(Compare, at, st.tuples(inner, views), st.just((Comparator.IN,))),
        st.builds(Negative, at, inner),
        st.builds(Not, at, inner),
        several.flatmap(
            lambda operands: st.tuples(*[st.sampled_from(equalities)] * (len(operands) - 1)).map(
                lambda signs: Compare(NOWHERE, operands, signs)
            )
        ),
        st.builds(
            lambda value, sign: Compare(NOWHERE, (value, constant(None)), (sign,)),
            inner,
            st.sampled_from([Comparator.IS, Comparator.IS_NOT]),
        ),
        st.builds(Junction, at, st.sampled_from(Connective), several),
        st.builds(Display, at, st.sampled_from([Bracket.LIST, Bracket.TUPLE]), st.lists(inner, max_size=3).map(tuple)),
        st.builds(Display, at, st.just(Bracket.SET), st.lists(constants, min_size=1, max_size=3).map(tuple)),
    )


trees = st.recursive(leaves, compound, max_leaves=8)


@st.composite
def mutated(draw):
    """The text of a condition with a part of it replaced by something else, or by nothing."""
    text = unparse(draw(trees))
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 3)))
    return text[:start] + draw(st.sampled_from(["", *FRAGMENTS])) + text[end:]


@given(mutated())
@example("1 or(2)and not'a'in('a','b',)")
@example("request.json\n  ['a']\n  == 'x'")
@example("'a' == 'b' is None is not None")
def test_what_the_grammar_accepts_is_python(text):
    """Read as if in brackets, every text that parses is an expression of Python, made of the same parts."""
    root, faults = parse(Source("condition", text))
    assert (root is None) == bool(faults)
    if root is None:
        return
    with warnings.catch_warnings():
        # Python's doubts are about what the checker refuses, such as the call of a number.
        warnings.simplefilter("ignore", SyntaxWarning)
        theirs = ast.dump(ast.parse(f"({text}\n)", mode="eval"))
        assert theirs == ast.dump(ast.parse(unparse(root), mode="eval"))
    assert repr(parse(Source("condition", unparse(root)))[0]) == repr(root)


@given(trees)
def test_unparse_is_undone_by_parse(tree):
    text = unparse(tree)
    parsed, faults = parse(Source("condition", text))
    assert not faults
    assert repr(parsed) == repr(tree)
    assert unparse(parsed) == text


def outcome(compute):
    """What a computation gives, told apart by type, or that it errs; NaN equals itself here."""
    try:
        value = compute()
    except EvaluationError:
        return "erred"
    return shown(value)


def erred():
    raise EvaluationError("", NOWHERE, "")


def shown(value):
    if isinstance(value, set):
        return f"set of {sorted(map(shown, value))}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {[shown(element) for element in value]}"
    return repr(value)


def in_werkzeug(given_request):
    """The same request as the library makes it whose names the language has taken over."""
    builder = EnvironBuilder(
        method=given_request["method"],
        path=given_request["path"],
        query_string=given_request["args"],
        headers=given_request["headers"],
        data=json.dumps(given_request["json"]),
        content_type="application/json",
    )
    return WerkzeugRequest(builder.get_environ())


NOW = "2025-03-12T20:15:00+00:00"


def reference_ip_in(address, networks):
    networks = [networks] if isinstance(networks, str) else networks
    parsed = ipaddress.ip_address(require(str, address))
    return any(parsed in ipaddress.ip_network(network) for network in networks)


def reference_bucket(value, buckets, salt=""):
    match value:
        case None:
            tagged = "0"
        case bool():
            tagged = f"b{value:d}"
        case str():
            tagged = f"s{value}"
        case int():
            tagged = f"n{value}"
        case float():
            tagged = f"n{int(value)}" if value == value // 1 else f"n{value!r}"
        case _:
            raise TypeError
    return int(hashlib.sha256(f"{salt}\0{tagged}".encode()).hexdigest()[:16], 16) * buckets // 2**64


def require(kind, value):
    if not isinstance(value, kind):
        raise TypeError
    return value


def moment(zone="UTC"):
    return dt.datetime.fromisoformat(NOW).astimezone(zoneinfo.ZoneInfo(zone))


BEYOND_PYTHON = {
    "re": types.SimpleNamespace(
        search=lambda pattern, text: re.search(pattern, require(str, text)) is not None,
        match=lambda pattern, text: re.match(pattern, require(str, text)) is not None,
        fullmatch=lambda pattern, text: re.fullmatch(pattern, require(str, text)) is not None,
    ),
    "ip_in": reference_ip_in,
    "bucket": reference_bucket,
    "now_time": lambda *zone: f"{moment(*zone):%H:%M:%S}",
    "now_date": lambda *zone: f"{moment(*zone):%Y-%m-%d}",
    "now_weekday": lambda *zone: moment(*zone).weekday(),
}


def may_err_where_python_does_not(node):
    """Whether a part of a condition is one of those that are documented to err more often than Python."""
    narrow = isinstance(node, Binary) or (
        isinstance(node, Call) and isinstance(node.function, Name) and node.function.name in {"int", "float"}
    )
    return narrow or any(map(may_err_where_python_does_not, children(node)))


def as_python(text, request):
    # In Werkzeug `json` is the value and cannot be called; `request.json()` is what the requests library has.
    text = text.replace("request.json()", "request.json").replace("request.get_json()", "request.json")
    try:
        return eval(f"({text})", {"request": request, **BEYOND_PYTHON})
    except Exception as error:
        raise EvaluationError(str(error), NOWHERE, text) from error


@settings(max_examples=300)
@given(trees, requests)
def test_generated_code_and_walk_and_python_agree(tree, given_request):
    """Whatever is accepted has the value that Python gives it, or errs where Python errs, whichever way it is run."""
    text = unparse(tree)
    try:
        condition = compile_condition(text)
    except ConditionError:
        assume(False)
    theirs = in_werkzeug(given_request)
    ours = Request.from_body(
        theirs.get_data(),
        headers=dict(theirs.headers),
        method=theirs.method,
        path=theirs.path,
        args=lambda: given_request["args"],
        now=NOW,
    )
    checked, _ = check(*_parsed(text))
    walked = outcome(lambda: evaluate(checked, ours))
    walk_cost = ours.meter.spent
    assert outcome(lambda: condition._value(ours) if condition.verdict(ours) is not None else erred()) == walked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        expected = outcome(lambda: as_python(text, theirs))
    assert walked == expected or (walked == "erred" and may_err_where_python_does_not(tree))
    assert ours.meter.spent == walk_cost * (2 if walked == "erred" else 3)
    assert condition.explain(ours).matches is condition.matches(ours)
    if walked == "erred":
        assert condition.verdict(ours) is None
        assert condition.matches(ours) is False
        error = condition.explain(ours).error
        assert error is not None
        assert error.span.end <= len(text)
    else:
        truth = bool(condition.value(ours))
        assert condition.verdict(ours) is truth
        assert condition.matches(ours) is truth


def _parsed(text):
    source = Source("condition", text)
    return source, parse(source)[0]


values = paths | constants | st.sampled_from(["method", "content_length"]).map(of_request)
operations = st.one_of(
    st.builds(Subscript, st.just(NOWHERE), values, values),
    st.builds(Negative, st.just(NOWHERE), values),
    st.builds(lambda value: Call(NOWHERE, Name(NOWHERE, "len"), (value,)), values),
    st.builds(
        lambda owner, name, arguments: Call(NOWHERE, attribute(owner, name), tuple(arguments)),
        values,
        st.sampled_from(sorted(v.METHODS)),
        st.lists(values, max_size=4),
    ),
    st.builds(
        lambda left, sign, right: Compare(NOWHERE, (left, right), (sign,)), values, st.sampled_from(equalities), values
    ),
)


@given(operations, requests)
def test_an_operation_that_the_checker_refuses_errs_in_python_for_every_request(operation, given_request):
    text = unparse(operation)
    try:
        compile_condition(text)
    except ConditionError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            assert outcome(lambda: as_python(text, in_werkzeug(given_request))) == "erred"


@pytest.mark.parametrize("text", ["request.json", "request.json['a']['b']", "not request.json", "len(request.json)"])
def test_an_error_in_any_part_makes_the_whole_condition_err(text):
    condition = compile_condition(f"not ({text} == 'x')")
    request = Request.from_body(b"", content_type="text/csv")
    assert condition.verdict(request) is None
    assert condition.matches(request) is False
    with pytest.raises(EvaluationError):
        condition.value(request)


# ---- generated code --------------------------------------------------------------------------------------------------

OPERATIONS = re.compile(
    "BINARY_SUBSCR|BINARY_SLICE|BUILD_(LIST|TUPLE|SET|SLICE)|CACHE|CALL|CHECK_EXC_MATCH|COMPARE_OP|CONTAINS_OP|COPY(_FREE_VARS)?|END_FOR"
    "|EXTENDED_ARG|FOR_ITER|GET_ITER|IS_OP|JUMP_.*|LIST_EXTEND|LOAD_(ATTR|CONST|DEREF|FAST.*|GLOBAL|METHOD|SMALL_INT)|NOP|NOT_TAKEN"
    "|POP_.*|PRECALL|PUSH_(EXC_INFO|NULL)|RERAISE|RESUME|RETURN_(CONST|VALUE)|SET_(ADD|UPDATE)|STORE_FAST.*|SWAP|TO_BOOL"
    "|UNARY_(NEGATIVE|NOT)|UNPACK_SEQUENCE"
)
ATTRIBUTES = {
    *("folded_headers", "meter", "begin", "append"),
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
        condition = compile_condition(unparse(tree))
    except ConditionError:
        assume(False)
    for function in (condition.verdict, condition._value):
        assert_harmless(function)


# ---- shapes ----------------------------------------------------------------------------------------------------------

TEXTS = ["'a'", '"Domain"', "'x-A'", "'é'", "'10.1.0.0/16'", "'10.1.2.3/8'", "'UTC'", "'[ab]+'", "'('", r"'\n'", "''"]
TEXTS += ["r'a'", r"R'\d+'", r"r'\\'", "'\u200b'", "'\x01'", "'\ue000'", f"'{'a' * 2048}'", f"'{'a' * 2049}'"]
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
        condition = compile_condition(text)
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


# ---- what is accepted ------------------------------------------------------------------------------------------------

PYTHON = [
    *(
        "lambda: 0",
        "x := 1",
        "f'{request}'",
        "f'{1!r:>{9}}'",
        "b'a'",
        "1j",
        "0x1f",
        "...",
        "[*request.json]",
        "{**request.json}",
    ),
    *(
        "{'a': 1}",
        "[x for x in request.json]",
        "{x for x in request.json}",
        "(x for x in request.json)",
        "await request",
    ),
    *("(yield)", "(yield from request)", "request.json @ 1", "1 << 2", "1 ** 2", "~1", "1 & 2", "1 | 2", "1 ^ 2", "+1"),
    *("request.__class__", "''.format(1)", "''.join([])", "().__class__.__mro__", "request.json.__class__", "type(1)"),
    *(
        "getattr(request, 'json')",
        "open('x')",
        "__import__('os')",
        "eval('1')",
        "exec('1')",
        "globals()",
        "vars()",
        "dir()",
    ),
    *(
        "request.json.pop('a')",
        "request.json.update({})",
        "request.json.append(1)",
        "request.json.sort()",
        "str.lower('a')",
    ),
    *(
        "print(1)",
        "range(9)",
        "sorted([1])",
        "list([1])",
        "dict([])",
        "map(len, [])",
        "zip([], [])",
        "iter([])",
        "next([])",
    ),
    *(
        "len",
        "str",
        "request",
        "re",
        "re.compile('a')",
        "re.sub('a', 'b', 'c')",
        "any",
        "isinstance(1, object)",
        "max(1, key=len)",
    ),
    *(
        "request.json.get",
        "'a'.lower",
        "sum([[1]], [])",
        "print",
        "NotImplemented",
        "Ellipsis",
        "__debug__",
        "1 is 1",
        "not",
    ),
    *(
        "any(x async for x in [1])",
        "any(x for x in [1] for y in [2])",
        "any(len for len in [1])",
        "any(x, y for x in [1])",
    ),
]
KNOWN_NAMES = {"request", "re", "x", "y", "k", *v.FUNCTIONS, *v.CLASSES}
KNOWN_ATTRIBUTES = {*v.METHODS, *v.REQUEST_ATTRIBUTES, *v.PATTERN_FUNCTIONS}
KNOWN_PARTS = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Store, ast.Attribute, ast.Subscript, ast.Slice, ast.Call),
    *(ast.keyword, ast.GeneratorExp, ast.comprehension, ast.UnaryOp, ast.USub, ast.Not, ast.BinOp, ast.Add, ast.Sub),
    *(ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.IfExp, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop, ast.List),
    *(ast.Tuple, ast.Set),
)


@st.composite
def hostile(draw):
    """The text of a condition in which a part, cut along the parts of the language, became something of Python's."""
    text = unparse(draw(trees))
    places = sorted({0, len(text), *(match.start() for match in re.finditer(r"\b|[()\[\],.]", text))})
    start, end = sorted((draw(st.sampled_from(places)), draw(st.sampled_from(places))))
    return text[:start] + draw(st.sampled_from([*PYTHON, *FRAGMENTS])) + text[end:]


@settings(max_examples=300)
@given(hostile())
def test_nothing_outside_the_language_is_accepted(text):
    """Judged by Python's own parser: what is accepted has known parts, names and attributes, and each in its place."""
    try:
        compile_condition(text)
    except ConditionError:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(f"({text}\n)", mode="eval")
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        assert isinstance(node, KNOWN_PARTS)
        match node:
            case ast.Name(id=name):
                assert name in KNOWN_NAMES
            case ast.Attribute(value=owner, attr=name):
                assert name in KNOWN_ATTRIBUTES
                of_the_request = isinstance(owner, ast.Name) and owner.id == "request"
                assert id(node) in called or of_the_request
            case ast.keyword(arg=name):
                assert name == "salt"
            case ast.GeneratorExp(generators=generators):
                assert len(generators) == 1


@pytest.mark.parametrize("text", PYTHON)
def test_what_python_has_and_a_condition_has_not_is_refused(text):
    for whole in (text, f"({text}) == 1", f"request.json[{text}] == 1", f"any({text} for x in request.json)"):
        with pytest.raises(ConditionError):
            compile_condition(whole)
