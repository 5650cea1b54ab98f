"""The last walk over generated code lets nothing through that is not listed, whoever made the tree."""

import ast

import pytest

from rulegate.condition.sealed import seal

ALLOWED = "def condition(request):\n    return meter.begin(request.method == 'a', 1, 1.5, True, None)"


def test_what_is_listed_is_let_through_and_gets_a_place():
    tree = ast.parse(ALLOWED)
    for node in ast.walk(tree):
        for name in ("lineno", "end_lineno", "col_offset", "end_col_offset"):
            vars(node).pop(name, None)
    seal(tree)
    compile(tree, "<condition>", "exec")


@pytest.mark.parametrize(
    "code",
    [
        *("request.__class__", "request.format", "getattr", "loop_", "loop_1_", "b'a'", "1j", "...", "meter(key=1)"),
        *("lambda: 1", "[x for item_1 in request]", "1 + 1", "request @ request", "f'{request}'", "{}", "~1", "yield"),
        *("import os", "del request", "global request", "def eval(request): 1", "def condition(eval): 1", "assert 1"),
        *("while request: 1", "raise request", "class condition: 1", "with request: 1", "async def condition(): 1"),
    ],
)
def test_what_is_not_listed_is_refused(code):
    with pytest.raises(AssertionError, match=r"^generated code may not hold \w+\("):
        seal(ast.parse(code))
