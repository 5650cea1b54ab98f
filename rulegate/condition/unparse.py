"""Writes nodes as the shortest text that parses to them again."""

from __future__ import annotations

from typing import assert_never

from rulegate.condition.literals import is_hidden
from rulegate.condition.nodes import (
    Attribute,
    Bracket,
    Call,
    Compare,
    Connective,
    Constant,
    Display,
    Junction,
    Name,
    Negative,
    Node,
    Not,
    Subscript,
)

# How tightly each kind of node binds; a part that binds less tightly than its place asks for gets brackets.
_OR, _AND, _NOT, _COMPARE, _UNARY, _PRIMARY = range(6)


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
        case Negative(operand=operand):
            return f"-{_at_least(_UNARY, operand)}"
        case Not(operand=operand):
            return f"not {_at_least(_NOT, operand)}"
        case Compare(operands=(first, *others), comparators=comparators):
            rest = (f" {sign} {_at_least(_UNARY, operand)}" for sign, operand in zip(comparators, others, strict=True))
            return _at_least(_UNARY, first) + "".join(rest)
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
        case Junction(connective=Connective.OR):
            return _OR
        case Junction():
            return _AND
        case Not():
            return _NOT
        case Compare():
            return _COMPARE
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
