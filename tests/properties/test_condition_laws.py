"""The laws of the condition language, held on generated texts, conditions and requests."""

import ast
import datetime as dt
import hashlib
import ipaddress
import json
import re
import types
import warnings
import zoneinfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request as WerkzeugRequest

from rulegate.condition import ConditionError, EvaluationError, Request, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.check import check
from rulegate.condition.evaluate import evaluate
from rulegate.condition.messages.brevity import MAX_MESSAGE, MAX_WORD
from rulegate.condition.nodes import Binary, Call, Compare, Name, Negative, Subscript, children
from rulegate.condition.parse import parse
from rulegate.condition.unparse import unparse
from rulegate.diagnostics import Source, render
from tests.properties.conditions import (
    NOW,
    NOWHERE,
    SERVICES,
    attribute,
    compiled,
    constants,
    equalities,
    erred,
    mutated,
    of_request,
    outcome,
    paths,
    requests,
    texts,
    trees,
)


@given(texts)
@example("")
@example("'" * v.MAX_LENGTH)
@example("[" * v.MAX_LENGTH)
@example("-" * (v.MAX_LENGTH - 1) + "1")
@example("not " * 1000 + "1")
@example("()" * 2000)
@example("x" * (v.MAX_LENGTH + 1))
@example("x" * v.MAX_LENGTH)
@example("request." + "x" * 2000)
@example("request.headers." + "x" * 2000 + "()")
@example("request.path == " + "é" * 2000)
@example("request.path '" + "x " * 1000 + "'")
def test_any_text_is_a_condition_or_gets_diagnostics_inside_it_that_can_be_shown(text):
    found = diagnostics_of(text)
    assert len(found) <= v.MAX_DIAGNOSTICS
    for diagnostic in found:
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        heading, *excerpt, hint = render(diagnostic).split("\n")
        assert diagnostic.code in heading
        shows_line = bool(diagnostic.source.line(diagnostic.source.position(diagnostic.span.start).line).strip(" "))
        assert len(excerpt) == 2 * shows_line
        assert all(row.startswith("  | ") for row in excerpt)
        assert not excerpt or set(excerpt[1][4:].strip()) == {"^"}
        assert hint.startswith("  = hint: ")
        assert "\n" not in diagnostic.message
        assert len(diagnostic.message) <= MAX_MESSAGE
        assert max(map(len, f"{diagnostic.message} {diagnostic.hint}".split())) <= MAX_WORD


def diagnostics_of(text):
    try:
        return compiled(text).warnings
    except ConditionError as error:
        return error.diagnostics


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


def as_python(text, request, external):
    # In Werkzeug `json` is the value and cannot be called; `request.json()` is what the requests library has.
    text = text.replace("request.json()", "request.json").replace("request.get_json()", "request.json")
    try:
        return eval(f"({text})", {"request": request, "external": external, **BEYOND_PYTHON})
    except Exception as error:
        raise EvaluationError(str(error), NOWHERE, text) from error


@settings(max_examples=300)
@given(trees, requests)
def test_generated_code_and_walk_and_python_agree(tree, given_request):
    """Whatever is accepted has the value that Python gives it, or errs where Python errs, whichever way it is run."""
    text = unparse(tree)
    try:
        condition = compiled(text)
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
        external=given_request["external"],
    )
    checked, _ = check(*_parsed(text), SERVICES)
    walked = outcome(lambda: evaluate(checked, ours))
    walk_cost = ours.meter.spent
    assert outcome(lambda: condition._value(ours) if condition.verdict(ours) is not None else erred()) == walked
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        expected = outcome(lambda: as_python(text, theirs, given_request["external"]))
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
        compiled(text)
    except ConditionError:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            theirs = in_werkzeug(given_request)
            assert outcome(lambda: as_python(text, theirs, given_request["external"])) == "erred"


@pytest.mark.parametrize("text", ["request.json", "request.json['a']['b']", "not request.json", "len(request.json)"])
def test_an_error_in_any_part_makes_the_whole_condition_err(text):
    condition = compile_condition(f"not ({text} == 'x')")
    request = Request.from_body(b"", content_type="text/csv")
    assert condition.verdict(request) is None
    assert condition.matches(request) is False
    with pytest.raises(EvaluationError):
        condition.value(request)
