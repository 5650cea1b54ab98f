"""Doubts about a condition that is correct: it is always true, always false, or never true or false at all."""

from __future__ import annotations

from collections.abc import Iterable

from rulegate.condition.check import CheckedCondition
from rulegate.condition.errors import EvaluationError
from rulegate.condition.evaluate import evaluate
from rulegate.condition.messages import meaning
from rulegate.condition.nodes import Connective, Constant, Display, Junction, Name, Node, Not, children
from rulegate.condition.request import Request
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import Kind
from rulegate.diagnostics import Diagnostic


def doubts(condition: CheckedCondition) -> list[Diagnostic]:
    """Warnings about the value of a whole condition; not for an expression whose value is used for itself."""
    root = condition.root
    truth = _fixed_truth(root) if _reads_request(root) else _constant_truth(condition)
    if truth is True:
        return [meaning.always_true(condition.source, root.span, _bare_text(root))]
    if truth is False:
        return [meaning.always_false(condition.source, root.span)]
    if not condition.kind & Kind.BOOL:
        return [meaning.never_a_bool(condition.source, root.span, condition.kind)]
    return []


def _reads_request(root: Node) -> bool:
    return isinstance(root, Name) or any(_reads_request(part) for part in children(root))


def _constant_truth(condition: CheckedCondition) -> bool | None:
    """The truth of a condition that reads nothing, errors counting as false."""
    try:
        return bool(evaluate(condition, Request()))
    except EvaluationError:
        return False


def _fixed_truth(node: Node) -> bool | None:
    """The truth that a node has for every request for which it does not err, None if that depends."""
    match node:
        case Constant(value=value):
            return bool(value)
        case Display(elements=elements):
            return bool(elements)
        case Not(operand=operand):
            truth = _fixed_truth(operand)
            return None if truth is None else not truth
        case Junction(connective=Connective.AND, operands=operands):
            return _joined(map(_fixed_truth, operands), decisive=False)
        case Junction(connective=Connective.OR, operands=operands):
            return _joined(map(_fixed_truth, operands), decisive=True)
    return None


def _bare_text(node: Node) -> str | None:
    """The first text that stands alone after an ``or``, as it is written shortest."""
    if isinstance(node, Junction) and node.connective is Connective.OR:
        for operand in node.operands[1:]:
            if isinstance(operand, Constant) and isinstance(operand.value, str):
                return unparse(operand)
    return None


def _joined(truths: Iterable[bool | None], *, decisive: bool) -> bool | None:
    """One operand with the decisive truth decides; without one, every operand must be known."""
    known = set(truths)
    if decisive in known:
        return decisive
    return None if None in known else not decisive
