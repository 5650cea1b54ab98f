"""Writes nodes as the shortest text that parses to them again."""

from __future__ import annotations

from typing import assert_never

from rulegate.condition.literals import is_hidden
from rulegate.condition.nodes import (
    Arithmetic,
    Attribute,
    Binary,
    Bracket,
    Call,
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
    Node,
    Not,
    Slice,
    Subscript,
)

# How tightly each kind of node binds; a part that binds less tightly than its place asks for gets brackets.
_TEST, _OR, _AND, _NOT, _COMPARE, _SUM, _TERM, _UNARY, _PRIMARY = range(9)


def unparse(node: Node) -> str:
    """The text of a node, on one line.

    It parses to the same nodes (their places aside) and, of what Python knows, has the same value there.
    """
    match node:
        case Constant(value=str(text)):
            return _quoted(text)
        case Constant(value=value):
            return repr(value)
        case Name(name=name):
            return name
        case Attribute(value=value, name=name):
            return f"{_owner(value)}.{name}"
        case Subscript(value=value, index=index):
            return f"{_owner(value)}[{unparse(index)}]"
        case Call(function=function, arguments=arguments):
            return f"{_owner(function)}({', '.join(map(unparse, arguments))})"
        case Slice(lower=lower, upper=upper, step=step):
            first, second, third = ("" if part is None else unparse(part) for part in (lower, upper, step))
            return f"{first}:{second}" + (f":{third}" if third else "")
        case Keyword(name=name, value=value):
            return f"{name}={unparse(value)}"
        case Generator(element=element, target=target, iterable=iterable, conditions=conditions):
            tests = (f" if {_at_least(_OR, condition)}" for condition in conditions)
            return f"{unparse(element)} for {unparse(target)} in {_at_least(_OR, iterable)}{''.join(tests)}"
        case Negative(operand=operand):
            return f"-{_at_least(_UNARY, operand)}"
        case Not(operand=operand):
            return f"not {_at_least(_NOT, operand)}"
        case Compare(operands=(first, *others), comparators=comparators):
            rest = (f" {sign} {_at_least(_SUM, operand)}" for sign, operand in zip(comparators, others, strict=True))
            return _at_least(_SUM, first) + "".join(rest)
        case Binary(operator=operator, left=left, right=right):
            level = _level(node)
            return f"{_at_least(level, left)} {operator} {_at_least(level + 1, right)}"
        case Conditional(value=value, test=test, otherwise=otherwise):
            return f"{_at_least(_OR, value)} if {_at_least(_OR, test)} else {unparse(otherwise)}"
        case Junction(connective=connective, operands=operands):
            tighter = _AND if connective is Connective.OR else _NOT
            return f" {connective} ".join(_at_least(tighter, operand) for operand in operands)
        case Display(bracket=bracket, elements=elements):
            opening, closing = bracket.value
            comma = "," if bracket is Bracket.TUPLE and len(elements) == 1 else ""
            return f"{opening}{', '.join(map(unparse, elements))}{comma}{closing}"
        case _:
            raise AssertionError(f"not a node: {node}")


def _owner(node: Node) -> str:
    # `1.real` would be read as a number, so a number before a dot needs brackets.
    is_number = isinstance(node, Constant) and isinstance(node.value, int | float)
    return f"({unparse(node)})" if is_number else _at_least(_PRIMARY, node)


def _at_least(level: int, node: Node) -> str:
    text = unparse(node)
    return text if _level(node) >= level else f"({text})"


def _level(node: Node) -> int:
    match node:
        case Conditional() | Generator() | Keyword() | Slice():
            return _TEST
        case Junction(connective=Connective.OR):
            return _OR
        case Junction():
            return _AND
        case Not():
            return _NOT
        case Compare():
            return _COMPARE
        case Binary(operator=Arithmetic.ADD | Arithmetic.SUBTRACT):
            return _SUM
        case Binary():
            return _TERM
        case Negative():
            return _UNARY
        case Constant() | Name() | Attribute() | Subscript() | Call() | Display():
            return _PRIMARY
        case _:
            assert_never(node)


def _quoted(text: str) -> str:
    quote = '"' if "'" in text and '"' not in text else "'"
    return quote + "".join(_escaped(char, quote) for char in text) + quote


def _escaped(char: str, quote: str) -> str:
    if char in {"\\", quote}:
        return "\\" + char
    if not is_hidden(char):
        return char
    named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char)
    code = ord(char)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
