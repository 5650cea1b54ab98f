"""Doubts about a condition that is correct: it is always true, always false, or never true or false at all."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.check import CheckedCondition
from rulegate.condition.errors import BudgetExceededError, EvaluationError
from rulegate.condition.evaluate import evaluate
from rulegate.condition.library import CLOCKS
from rulegate.condition.messages import meaning
from rulegate.condition.nodes import Connective, Constant, Display, Junction, Name, Node, Not, children
from rulegate.condition.request import Request
from rulegate.condition.unparse import unparse
from rulegate.condition.vocabulary import Kind
from rulegate.diagnostics import Diagnostic

_VARYING: Final = frozenset({vocabulary.REQUEST, vocabulary.EXTERNAL, *CLOCKS})


class Use(enum.Enum):
    """What the value of a condition is used for."""

    TRUTH = "truth"
    """To decide whether a request matches."""
    VALUE = "value"
    """For itself: a key, a part of a question."""


def doubts(condition: CheckedCondition, use: Use) -> list[Diagnostic]:
    """Warnings about the value of a whole condition."""
    source, root = condition.source, condition.root
    if use is Use.VALUE:
        return [] if _varies(root) else [meaning.always_the_same(source, root.span)]
    truth = _fixed_truth(root) if _varies(root) else _constant_truth(condition)
    if truth is True:
        return [meaning.always_true(source, root.span, _bare_text(root))]
    if truth is False:
        return [meaning.always_false(source, root.span)]
    if not condition.kind & Kind.BOOL:
        return [meaning.never_a_bool(source, root.span, condition.kind)]
    return []


def _varies(node: Node) -> bool:
    """Whether a node reads the request, the clock or a decision service."""
    return (isinstance(node, Name) and node.name in _VARYING) or any(map(_varies, children(node)))


def _constant_truth(condition: CheckedCondition) -> bool | None:
    """The truth of a condition that reads nothing, errors counting as false; None if it costs too much to find out."""
    try:
        return bool(evaluate(condition, Request()))
    except EvaluationError:
        return False
    except BudgetExceededError:
        return None


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
