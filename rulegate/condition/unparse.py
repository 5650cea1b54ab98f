"""Writes nodes as the shortest text that parses to them again."""

from __future__ import annotations

from collections.abc import Callable
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


def unparse(node: Node, instead: Callable[[Node], str | None] | None = None) -> str:
    """The text of a node, on one line.

    It parses to the same nodes (their places aside) and, of what Python knows, has the same value there.

    Args:
        node: What is written.
        instead: Is asked for each part first; where it gives a text, that stands there. It binds as the part does.
    """
    return _Writer(instead).text(node)


class _Writer:
    """Writes one node and its parts."""

    def __init__(self, instead: Callable[[Node], str | None] | None) -> None:
        self._instead = instead

    def text(self, node: Node) -> str:
        if self._instead is not None and (given := self._instead(node)) is not None:
            return given
        match node:
            case Constant(value=str(text)):
                return _quoted(text)
            case Constant(value=value):
                return repr(value)
            case Name(name=name):
                return name
            case Attribute(value=value, name=name):
                return f"{self._owner(value)}.{name}"
            case Subscript(value=value, index=index):
                return f"{self._owner(value)}[{self.text(index)}]"
            case Call(function=function, arguments=arguments):
                return f"{self._owner(function)}({', '.join(map(self.text, arguments))})"
            case Slice(lower=lower, upper=upper, step=step):
                first, second, third = ("" if part is None else self.text(part) for part in (lower, upper, step))
                return f"{first}:{second}" + (f":{third}" if third else "")
            case Keyword(name=name, value=value):
                return f"{name}={self.text(value)}"
            case Generator(element=element, target=target, iterable=iterable, conditions=conditions):
                tests = (f" if {self._at_least(_OR, condition)}" for condition in conditions)
                looped = f"{self.text(target)} in {self._at_least(_OR, iterable)}"
                return f"{self.text(element)} for {looped}{''.join(tests)}"
            case Negative(operand=operand):
                return f"-{self._at_least(_UNARY, operand)}"
            case Not(operand=operand):
                return f"not {self._at_least(_NOT, operand)}"
            case Compare(operands=(first, *others), comparators=comparators):
                right = (f" {sign} {self._at_least(_SUM, one)}" for sign, one in zip(comparators, others, strict=True))
                return self._at_least(_SUM, first) + "".join(right)
            case Binary(operator=operator, left=left, right=right):
                level = _level(node)
                return f"{self._at_least(level, left)} {operator} {self._at_least(level + 1, right)}"
            case Conditional(value=value, test=test, otherwise=otherwise):
                chosen = f"{self._at_least(_OR, value)} if {self._at_least(_OR, test)}"
                return f"{chosen} else {self.text(otherwise)}"
            case Junction(connective=connective, operands=operands):
                tighter = _AND if connective is Connective.OR else _NOT
                return f" {connective} ".join(self._at_least(tighter, operand) for operand in operands)
            case Display(bracket=bracket, elements=elements):
                opening, closing = bracket.value
                comma = "," if bracket is Bracket.TUPLE and len(elements) == 1 else ""
                return f"{opening}{', '.join(map(self.text, elements))}{comma}{closing}"
            case _:
                raise AssertionError(f"not a node: {node}")

    def _owner(self, node: Node) -> str:
        # `1.real` would be read as a number, so a number before a dot needs brackets.
        is_number = isinstance(node, Constant) and isinstance(node.value, int | float)
        return f"({self.text(node)})" if is_number else self._at_least(_PRIMARY, node)

    def _at_least(self, level: int, node: Node) -> str:
        text = self.text(node)
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
