"""Nothing is accepted that is no part of the language, whatever of Python it is made of."""

import ast
import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rulegate.condition import ConditionError
from rulegate.condition import vocabulary as v
from rulegate.condition.unparse import unparse
from tests.properties.conditions import FRAGMENTS, compiled, trees

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
        "external",
        "external.risk",
        "external.get('risk')",
        "external['nobody']",
        "external[request.method]",
        "external['risk', 'fraud']",
        "external['risk':]",
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
KNOWN_NAMES = {"request", "external", "re", "x", "y", "k", *v.FUNCTIONS, *v.CLASSES}
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
        compiled(text)
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
            compiled(whole)
