"""What is generated: only what is listed, only from what was checked."""

import pytest

from rulegate.condition import compile_condition
from rulegate.condition.check import CheckedCondition, check
from rulegate.condition.compile import compile as compile_checked
from rulegate.condition.nodes import Attribute, Call, Constant, Name
from rulegate.condition.parse import parse
from rulegate.condition.vocabulary import Kind
from rulegate.diagnostics import Source, Span

AT = Span(0, 0)


def test_only_the_checker_makes_what_the_compiler_takes():
    source = Source("condition", "1")
    with pytest.raises(TypeError, match=r"^only the checker makes a CheckedCondition$"):
        CheckedCondition(source, Constant(AT, 1), Kind.INT, frozenset(), {}, object())


@pytest.mark.parametrize(
    "node",
    [
        Attribute(AT, Constant(AT, "a"), "__class__", AT),
        Attribute(AT, Constant(AT, "a"), "format", AT),
        Name(AT, "__import__"),
        Call(AT, Name(AT, "eval"), (Constant(AT, "1"),)),
    ],
)
def test_even_past_the_checker_nothing_unlisted_is_generated(node):
    source = Source("condition", "1")
    checked, _ = check(source, Constant(AT, 1))
    object.__setattr__(checked, "root", node)
    with pytest.raises(AssertionError, match="generated code may not hold"):
        compile_checked(checked, {})


@pytest.mark.parametrize("text", ["request.path == '/a'", "request.json['a']"])
def test_generated_functions_have_no_builtins(text):
    condition = compile_condition(text)
    for function in (condition.matches, condition.verdict, condition._value):
        assert function.__globals__["__builtins__"] == {}


@pytest.mark.parametrize(("text", "is_metered"), [("request.path == '/a'", False), ("any(request.json)", True)])
def test_a_form_knows_whether_its_conditions_charge(text, is_metered):
    source = Source("condition", text)
    checked, _ = check(source, parse(source)[0])
    assert compile_checked(checked, {}).is_metered is is_metered


def test_every_rule_of_the_grammar_makes_a_node():
    """A tree of the parser's own in place of a node would mean a rule that nobody turns into one."""
    text = (
        "not (-1 < 2.5 in (1,) != () == [] or {1} is not None and len(request.json['a'])) and True or False or None "
        "or (1 + 2 - 3 * 4 / 5 // 6 % 7 if bucket(1, 2, salt='a') else request.path[1:2:3][:][::1])"
        "or any(a for a, (b, c), in request.json if b if c)"
    )
    root, faults = parse(Source("condition", text))
    assert not faults
    pending = [root]
    while pending:
        node = pending.pop()
        assert type(node).__module__ == "rulegate.condition.nodes"
        pending += [part for name in node.__slots__ for part in _nodes(getattr(node, name))]


def _nodes(part):
    parts = part if isinstance(part, tuple) else (part,)
    return [part for part in parts if hasattr(part, "span")]
