"""Tells which operations must be charged when they run, and what one turn of a loop costs."""

from __future__ import annotations

from rulegate.condition import vocabulary
from rulegate.condition.charges import METHOD_COSTS
from rulegate.condition.nodes import (
    Arithmetic,
    Attribute,
    Binary,
    Call,
    Comparator,
    Compare,
    Constant,
    Generator,
    Name,
    Negative,
    Node,
    Not,
    Slice,
    Subscript,
    children,
    is_constant,
)
from rulegate.condition.request import LAZY

_AFFIXES = frozenset({"startswith", "endswith"})
_SMALL_FUNCTIONS = frozenset({"len", "any", "all", "float", "bool", "isinstance", "ip_in", "bucket", "now_weekday"})
_TURN_NS = 20
_FUNCTION_NS = {
    **dict.fromkeys(("sum", "min", "max"), 360),
    "round": 1_000,
    **dict.fromkeys(("int", "float"), 600),
    "str": 300,
    "ip_in": 5_000,
    "bucket": 2_500,
}
_CLOCK_NS = 3_000
_PATTERN_NS = 2_000
_CALL_NS = 120


def method_is_charged(name: str, arguments: tuple[Node, ...]) -> bool:
    """Whether a call of a method may look at more than a few characters of a text."""
    return name in METHOD_COSTS and not (name in _AFFIXES and arguments and is_constant(arguments[0]))


def slice_is_charged(bounds: Slice) -> bool:
    """Whether a slice may be long: it is short if it is written to end near the beginning, or to begin near the end."""
    if bounds.step is not None:
        return True
    match bounds.lower, bounds.upper:
        case ((None | Constant(value=int())), Constant(value=int(count))):
            return count > vocabulary.MAX_SHORT_SLICE
        case Negative(operand=Constant(value=int(count))), None:
            return count > vocabulary.MAX_SHORT_SLICE
        case _:
            return True


def comparison_is_charged(comparator: Comparator, left: Node, right: Node) -> bool:
    """Whether both values that are compared may be large; a mapping of the request is looked up in a moment."""
    match comparator:
        case Comparator.IN | Comparator.NOT_IN:
            return not (is_constant(right) or _is_mapping(right)) or name_is_folded(right, left)
        case _:
            return not (_is_small(left) or _is_small(right))


def name_is_folded(owner: Node, name: Node) -> bool:
    """Whether a header is looked up by a name that is put in lower case then, and may be long."""
    match owner:
        case Attribute(value=Name(name=vocabulary.REQUEST), name="headers"):
            return not is_constant(name)
    return False


def _is_mapping(node: Node) -> bool:
    match node:
        case Attribute(value=Name(name=vocabulary.REQUEST), name="headers" | "args" | "cookies"):
            return True
    return False


def _is_small(node: Node) -> bool:
    """Whether a value is a number of few digits, a truth, or written out by the author."""
    match node:
        case Call(function=Name(name=name)):
            return name in _SMALL_FUNCTIONS
        case Call(function=Attribute(name="count" | "find")):
            return True
        case Compare() | Not():
            return True
        case Binary(operator=Arithmetic.MULTIPLY | Arithmetic.DIVIDE):
            return True
        case _:
            return is_constant(node)


def turn_cost(generator: Generator) -> int:
    """What one turn of a generator costs beside what is charged in it, in the unit of `Meter`."""
    return _TURN_NS + sum(_cost(part) for part in (generator.target, *generator.conditions, generator.element))


def _cost(node: Node) -> int:
    """What a part costs each time it is evaluated; the turns of a generator inside it are charged when it begins."""
    match node:
        case Generator(iterable=iterable):
            return _CALL_NS * 3 + _cost(iterable)
        case Constant() | Name():
            own = 2
        case Call(function=Name(name=name)):
            own = _CLOCK_NS if name.startswith("now_") else _FUNCTION_NS.get(name, _CALL_NS)
        case Call(function=Attribute(value=Name(name=vocabulary.PATTERNS))):
            own = _PATTERN_NS
        case Call(function=Attribute(name=name), arguments=arguments) if method_is_charged(name, arguments):
            own = _CALL_NS * 3
        case Subscript(value=Name(name=vocabulary.EXTERNAL)):
            # The answer itself is asked for once, and no loop can make it twice.
            own = _CALL_NS
        case Call(function=Attribute(value=owner, name="get"), arguments=(name, *_)) if name_is_folded(owner, name):
            own = _CALL_NS * 3
        case Subscript(value=owner, index=name) if name_is_folded(owner, name):
            own = _CALL_NS * 3
        case Binary(operator=Arithmetic.FLOOR_DIVIDE | Arithmetic.REMAINDER):
            own = _CALL_NS * 2
        case Call() | Binary() | Slice():
            own = _CALL_NS
        case Attribute(value=Name(name=vocabulary.REQUEST), name=name) if name in LAZY:
            # Where it is false, what would be found in its slot is asked for again.
            own = _CALL_NS
        case Compare(operands=operands, comparators=comparators):
            own = sum(map(_comparison_cost, comparators, operands, operands[1:]))
        case _:
            own = 25
    return own + sum(map(_cost, children(node)))


def _comparison_cost(comparator: Comparator, left: Node, right: Node) -> int:
    if comparison_is_charged(comparator, left, right):
        return _CALL_NS * 2
    return _CALL_NS if _is_mapping(right) else 25
