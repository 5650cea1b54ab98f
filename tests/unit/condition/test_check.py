"""What the checker says that a value can be: no kind too few, or it would refuse what works, and none too many."""

import pytest

from rulegate.condition import compile_condition
from rulegate.condition.check import check, request_attribute
from rulegate.condition.parse import parse
from rulegate.condition.vocabulary import REQUEST_ATTRIBUTES, Kind
from rulegate.diagnostics import Source

NUMBER = Kind.INT | Kind.FLOAT

KINDS = {
    # literals
    "None": Kind.NONE,
    "True": Kind.BOOL,
    "1": Kind.INT,
    "1.5": Kind.FLOAT,
    "'a'": Kind.TEXT,
    "[1]": Kind.LIST,
    "(1,)": Kind.TUPLE,
    "{1}": Kind.SET,
    # elements and slices
    "request.json['a']": Kind.ANY,
    "request.headers['a']": Kind.TEXT,
    "request.path[0]": Kind.TEXT,
    "[1][0]": Kind.ANY,
    "request.path[1:]": Kind.TEXT,
    "request.remote_addr[1:]": Kind.TEXT,
    "request.json[1:]": Kind.TEXT | Kind.LIST,
    "request.json['a'][1:]": Kind.TEXT | Kind.LIST | Kind.TUPLE,
    # arithmetic
    "-1": Kind.INT,
    "-True": Kind.INT,
    "-1.5": Kind.FLOAT,
    "-request.is_json": Kind.INT,
    "-request.content_length": Kind.INT,
    "-request.json": NUMBER,
    "1 + 2": Kind.INT,
    "True + True": Kind.INT,
    "1 + 2.5": Kind.FLOAT,
    "2.5 + 1": Kind.FLOAT,
    "2.5 + 2.5": Kind.FLOAT,
    "1 + request.json": NUMBER,
    "request.json + 1": NUMBER,
    "2.5 + request.json": Kind.FLOAT,
    "request.json + 2.5": Kind.FLOAT,
    "1 - 2": Kind.INT,
    "1 * 2": Kind.INT,
    "1 // 2": Kind.INT,
    "1 % 2": Kind.INT,
    "1 / 2": Kind.FLOAT,
    "request.json / request.json": Kind.FLOAT,
    "request.json * request.json": NUMBER,
    "request.json + 'a'": Kind.TEXT,
    "'a' + request.json": Kind.TEXT,
    "request.json + request.json": NUMBER | Kind.TEXT,
    # truths and choices
    "not 1": Kind.BOOL,
    "1 < 2 in [3]": Kind.BOOL,
    "1 and 'a' and None": Kind.INT | Kind.TEXT | Kind.NONE,
    "1.5 or 'a'": Kind.FLOAT | Kind.TEXT,
    "1 if request.is_json else 'a'": Kind.INT | Kind.TEXT,
    # calls
    "len(request.json)": Kind.INT,
    "bool(request.json)": Kind.BOOL,
    "str(request.json)": Kind.TEXT,
    "float(request.json)": Kind.FLOAT,
    "request.path.split()": Kind.LIST,
    "request.path.partition('/')": Kind.TUPLE,
    "request.json.get('a')": Kind.ANY,
    "request.headers.get('a')": Kind.TEXT | Kind.NONE,
    "request.headers.get('a', 1)": Kind.TEXT | Kind.INT,
    "request.headers.get('a', 'b')": Kind.TEXT,
    "re.search('a', request.path)": Kind.BOOL,
    "request.json()": Kind.JSON,
    "max(1, 2.5)": NUMBER,
    "max(2.5, 1)": NUMBER,
    "max(1, 2.5, True)": NUMBER | Kind.BOOL,
    "max(1, request.json['a'])": Kind.ANY,
    "min(request.json)": Kind.ANY,
    # generators
    "min(x for x in request.path)": Kind.TEXT,
    "min(x for x in {'a'})": Kind.ANY,
    "min(x for x in request.json['a'])": Kind.ANY,
    "min(x for x in request.headers.keys())": Kind.ANY,
    "min(x for x, y in request.path)": Kind.ANY,
    "max(len(x) for x in request.json)": Kind.INT,
    "sum(x for x in request.json)": NUMBER,
    "any(x for x in request.json)": Kind.BOOL,
}


def checked(text):
    source = Source("condition", text)
    condition, found = check(source, parse(source)[0])
    assert condition is not None, found
    return condition


@pytest.mark.parametrize("text", KINDS)
def test_what_a_value_can_be(text):
    assert checked(text).kind == KINDS[text]


@pytest.mark.parametrize("name", REQUEST_ATTRIBUTES)
def test_what_an_attribute_of_the_request_can_be_and_what_it_reads(name):
    attribute = REQUEST_ATTRIBUTES[name]
    for text in [f"request.{name}"] * attribute.bare + [f"request.{name}()"] * attribute.called:
        if attribute.kind is not Kind.HEADERS:
            assert checked(text).kind == attribute.kind
            assert request_attribute(checked(text).root) == attribute.reads


@pytest.mark.parametrize("text", ["1", "'a'.lower()", "len('a')", "request.json['a']"])
def test_other_nodes_read_no_attribute_of_the_request(text):
    assert request_attribute(checked(text).root) is None


CERTAIN = [
    "(request.path,) and request.is_json",
    "request.is_json or ()",
    "not request.json['a']",
    "request.json['a'] and request.path",
    "[] == request.json",
    "request.path in ('a',) or not (request.method == 'POST')",
]


@pytest.mark.parametrize("text", CERTAIN)
def test_a_condition_that_depends_on_the_request_and_can_be_true_or_false_is_not_doubted(text):
    assert compile_condition(text).warnings == ()
