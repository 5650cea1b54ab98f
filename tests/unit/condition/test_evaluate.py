"""What people read about an evaluation: errors that name the author's words and kinds of values, and explanations."""

import pytest

from rulegate.condition import EvaluationError, Request, compile_condition
from rulegate.diagnostics import Excerpt, Source, Span

SECRET = "s3cret"
BODY = {"text": SECRET, "list": [SECRET], "number": 7, "null": None, "object": {SECRET: SECRET}, "flag": True}

ERRORS = {
    "request.json['missing'] == 1": ("request.json['missing']", "there is no key `missing`"),
    "request.json[request.json['text']] == 1": ("request.json[request.json['text']]", "there is no such key"),
    "request.json['list'][5] == 1": ("request.json['list'][5]", "there are fewer elements"),
    "request.json['text']['a'] == 1": ("request.json['text']['a']", "text has no element for text"),
    "request.json['null'][0] == 1": ("request.json['null'][0]", "None has no element for a number"),
    "request.headers['X-Tenant'] == 'a'": (
        "request.headers['X-Tenant']",
        "there is no header `X-Tenant`",
    ),
    "request.json['list'].lower() == 'a'": ("request.json['list'].lower()", "`lower` is not a method of a list"),
    "request.json['text'].get('a') == 1": ("request.json['text'].get('a')", "`get` is not a method of text"),
    "'a'.startswith(request.json['number'])": (
        "'a'.startswith(request.json['number'])",
        "`startswith` does not accept a number",
    ),
    "len(request.json['number']) == 1": ("len(request.json['number'])", "`len` does not accept a number"),
    "request.json['text'] < request.json['number']": (
        "request.json['text'] < request.json['number']",
        "`<` cannot compare text with a number",
    ),
    "request.json['list'] in request.json['object']": (
        "request.json['list'] in request.json['object']",
        "`in` cannot compare a list with an object",
    ),
    "-request.json['text'] < 0": ("-request.json['text']", "`-` does not accept text"),
    "request.json['text'].split('') == []": ("request.json['text'].split('')", "`split` does not accept text"),
    "request.json['text'] + 1 == 1": ("request.json['text'] + 1", "`+` cannot join text with a number"),
    "request.json['number'] / 0 == 1": ("request.json['number'] / 0", "`/` divides by zero"),
    "request.json['number'] * 900000000000000000 * 9 == 1": (
        "request.json['number'] * 900000000000000000 * 9",
        "`*` gives a number that is too large",
    ),
    "request.json['object'][1:] == 1": ("request.json['object'][1:]", "an object cannot be sliced so"),
    "any(x for x in request.json['number'])": ("request.json['number']", "`for` cannot run over a number"),
    "any(a for a, b in request.json['list'])": ("a, b", "expected 2 values, got text of another length"),
    "any(x['a'] == 1 for x in request.json['list'])": ("x['a']", "text has no element for text"),
    "int(request.json['text']) == 1": ("int(request.json['text'])", "`int` does not accept text"),
    "sum(x for x in request.json['list']) == 1": (
        "sum(x for x in request.json['list'])",
        "`sum` does not accept a list",
    ),
    "ip_in(request.json['text'], '10.0.0.0/8')": (
        "ip_in(request.json['text'], '10.0.0.0/8')",
        "`ip_in` does not accept text, this",
    ),
    "1 < 2 and request.json['flag']['a']": ("request.json['flag']['a']", "true or false has no element for text"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_says_where_and_why_and_quotes_nothing_of_the_request(text):
    part, message = ERRORS[text]
    with pytest.raises(EvaluationError) as caught:
        compile_condition(text).value(Request(json=BODY))
    error = caught.value
    assert error.text == text
    assert (text[error.span.start : error.span.end], error.message) == (part, message)
    assert str(error) == f"`{part}`: {message}"
    assert SECRET not in str(error)
    assert error.__suppress_context__


def test_an_explanation_shows_every_part_what_was_skipped_and_what_erred():
    text = "request.method == 'PUT' and request.is_json or (request.json['n'] > 3) and not request.json['x']"
    explanation = compile_condition(text).explain(Request(json={"n": 5}))
    rows = str(explanation).splitlines()
    assert rows[0] == f"{text}  error"
    column = len(text) + 2
    assert [(row[:column].rstrip(), row[column:]) for row in rows[1:]] == [
        ("  request.method == 'PUT' and request.is_json", "= False"),
        ("    request.method == 'PUT'", "= False"),
        ("      request.method", "= 'POST'"),
        ("    request.is_json", "not evaluated"),
        ("  (request.json['n'] > 3) and not request.json['x']", "error"),
        ("    (request.json['n'] > 3)", "= True"),
        ("      request.json['n']", "= 5"),
        ("        request.json", "= {'n': 5}"),
        ("    not request.json['x']", "error"),
        ("      request.json['x']", "error: there is no key `x`"),
        ("        request.json", "= {'n': 5}"),
    ]
    assert explanation.matches is False
    assert explanation.error is not None
    assert explanation.error.message == "there is no key `x`"


def test_an_explanation_of_a_generator_shows_its_last_turn_and_no_argument_that_was_read_beforehand():
    text = "any(x > 1 for x in request.json if isinstance(x, int)) and re.search('a', request.path)"
    explanation = compile_condition(text).explain(Request(json=[0, 5, 9], path="/a"))
    column = len(text) + 2
    assert [(row[:column].rstrip(), row[column:]) for row in str(explanation).splitlines()] == [
        (text, "= True"),
        ("  any(x > 1 for x in request.json if isinstance(x, int))", "= True"),
        ("    request.json", "= [0, 5, 9]"),
        ("    isinstance(x, int)", "= True"),
        ("      x", "= 5"),
        ("    x > 1", "= True"),
        ("      x", "= 5"),
        ("  re.search('a', request.path)", "= True"),
        ("    request.path", "= '/a'"),
    ]


def test_values_of_an_explanation_are_cut_when_they_are_shown():
    explanation = compile_condition("request.json == 'a'").explain(Request(json=["long text " * 1000] * 1000))
    assert max(map(len, str(explanation).splitlines())) < 110


def test_diagnostics_are_placed_in_the_file_that_the_condition_stands_in():
    file = Source("gateway.yaml", "a: 'x'\ncondition: \"request.methd == 'GET'\"\n")
    start = file.text.index("request")
    text = "request.methd == 'GET'"
    origin = Excerpt(file, range(start, start + len(text) + 1))
    with pytest.raises(Exception, match=r"^gateway.yaml:2:21: RG202 ") as caught:
        compile_condition(text, origin=origin)
    assert caught.value.diagnostics[0].span == Span(start + 8, start + 13)
    warned = compile_condition("request.method", origin=origin)
    assert [(warning.source, warning.span) for warning in warned.warnings] == [(file, Span(start, start + 14))]
