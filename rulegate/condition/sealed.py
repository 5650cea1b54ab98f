"""The last walk over generated code: whatever went wrong before, nothing that is not listed here gets into it."""

from __future__ import annotations

import ast
import re
from typing import Final

from rulegate.condition import vocabulary
from rulegate.condition.library import GLOBALS
from rulegate.condition.request import KNOWN, LAZY

_NODES: Final = frozenset(
    {
        *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Try, ast.ExceptHandler, ast.Return, ast.Assign),
        *(ast.For, ast.If, ast.Expr, ast.Load, ast.Store),
        *(ast.Constant, ast.Attribute, ast.Name, ast.NamedExpr, ast.Subscript, ast.Slice, ast.Call),
        *(ast.List, ast.Tuple, ast.Set, ast.Starred, ast.UnaryOp, ast.USub, ast.Not, ast.IfExp),
        *(ast.BoolOp, ast.And, ast.Or, ast.Compare),
        *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    }
)
_ATTRIBUTES: Final = frozenset(
    {
        *(attribute.reads for attribute in vocabulary.REQUEST_ATTRIBUTES.values()),
        *vocabulary.METHODS,
        *vocabulary.PATTERN_FUNCTIONS,
        *("external", "folded_headers", "meter", "begin", "append"),
        *(KNOWN + name for name in LAZY),
    }
)
_NAMES: Final = frozenset({"request", "meter", "items", "values", "errors", "erred", "condition", "shape", *GLOBALS})
_NUMBERED: Final = re.compile(r"(loop|given|literal|item|kept)_[0-9]+")
_CONSTANTS: Final = frozenset({str, int, float, bool, type(None)})


def seal(tree: ast.Module) -> None:
    """Refuses any node, attribute, name or constant that no condition needs; gives all others a place, the same one.

    Raises:
        AssertionError: If the tree holds one: a fault of this program.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                allowed = name in _ATTRIBUTES
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name):
                allowed = name in _NAMES or _NUMBERED.fullmatch(name) is not None
            case ast.Constant(value=value):
                allowed = type(value) in _CONSTANTS
            case _:
                allowed = type(node) in _NODES
        if not allowed:
            raise AssertionError(f"generated code may not hold {ast.dump(node)}")
        if node._attributes:
            # Python wants to know where in a text each part stands, and there is no text.
            node.lineno = node.end_lineno = 1  # type: ignore[attr-defined]
            node.col_offset = node.end_col_offset = 0  # type: ignore[attr-defined]
