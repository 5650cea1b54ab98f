"""Writes the tree of Python that computes conditions of one shape: one expression, and one function for each loop."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rulegate.condition import costs, recipes, trees, vocabulary
from rulegate.condition.check import CheckedCondition, request_attribute
from rulegate.condition.findings import is_external
from rulegate.condition.library import ARITHMETIC, CLOCKS, COMPARISONS, METERED, PLAIN
from rulegate.condition.nodes import (
    Attribute,
    Binary,
    Bracket,
    Call,
    Comparator,
    Compare,
    Conditional,
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
    bound_names,
)
from rulegate.condition.recipes import Literals, Recipe
from rulegate.condition.trees import COMPARATORS, CONNECTIVES, ITEMS, LOAD, METER, REQUEST, charged, of_request


@dataclass(frozen=True, slots=True)
class Generated:
    """The tree of a shape: its expression, a function for each loop, and what some names in them stand for.

    ``prepared`` are names that stand for the same in all conditions of the shape, ``parameters`` those that are made of
    the literals of one condition.
    """

    expression: ast.expr
    loops: tuple[ast.stmt, ...]
    prepared: Mapping[str, Any]
    parameters: Mapping[str, Recipe]
    is_metered: bool


def generate(condition: CheckedCondition, literals: Literals) -> Generated:
    """The tree for a checked condition and all others that differ from it in ``literals`` alone.

    Names and structure are ours; only constants hold what an author wrote, and nothing holds one of the literals.
    """
    writer = _Writer(condition, literals)
    expression = writer.expression(condition.root)
    return Generated(expression, tuple(writer.loops), writer.prepared, writer.parameters, writer.is_metered)


class _Writer:
    """Writes one condition; knows by which name each bound name goes in the present function."""

    def __init__(self, condition: CheckedCondition, literals: Literals) -> None:
        self.loops: list[ast.stmt] = []
        self.prepared: dict[str, Any] = {}
        self.parameters: dict[str, Recipe] = {}
        self.is_metered = False
        self._condition = condition
        self._literals = literals
        self._bound: Mapping[str, str] = {}
        self._count = 0

    def expression(self, node: Node) -> ast.expr:
        folded = self._with_folded_header(node)
        if folded is not None:
            return folded
        read = request_attribute(node)
        if read is not None:
            return of_request(read)
        if node.span in self._condition.prepared:
            return self._given(node)
        recipe = recipes.constant(node, self._literals)
        if recipe is not None:
            return self._parameter(recipe)
        match node:
            case Constant(value=value):
                return ast.Constant(value)
            case Name(name=name):
                return ast.Name(self._bound.get(name, name), LOAD)
            case Subscript(value=value, index=Slice() as bounds):
                owner = self.expression(value)
                if costs.slice_is_charged(bounds):
                    owner = self._metered("sliced", owner)
                return ast.Subscript(owner, self._slice(bounds), LOAD)
            case Subscript(value=external, index=name) if is_external(external):
                return ast.Subscript(of_request("external"), self.expression(name), LOAD)
            case Subscript(value=value, index=index):
                return ast.Subscript(self.expression(value), self._key(value, index), LOAD)
            case Call():
                return self._call(node)
            case Negative(operand=operand):
                return ast.UnaryOp(ast.USub(), self.expression(operand))
            case Not(operand=operand):
                return ast.UnaryOp(ast.Not(), self.expression(operand))
            case Binary(operator=operator, left=left, right=right):
                return self._metered(ARITHMETIC[operator].__name__, self.expression(left), self.expression(right))
            case Conditional(value=value, test=test, otherwise=otherwise):
                return ast.IfExp(self.expression(test), self.expression(value), self.expression(otherwise))
            case Compare():
                return self._compare(node)
            case Junction(connective=connective, operands=operands):
                return ast.BoolOp(CONNECTIVES[connective](), self._expressions(operands))
            case Display(bracket=Bracket.LIST):
                return ast.List(self._elements(node), LOAD)
            case Display(bracket=Bracket.TUPLE, elements=elements):
                return ast.Tuple(self._expressions(elements), LOAD)
            case Display(bracket=Bracket.SET):
                return ast.Set(self._elements(node))
            case _:
                raise AssertionError(f"generated code may not hold {node}")

    def _expressions(self, nodes: Iterable[Node]) -> list[ast.expr]:
        return [self.expression(node.value if isinstance(node, Keyword) else node) for node in nodes]

    def _elements(self, node: Display) -> list[ast.expr]:
        """The elements of a list or set: all at once, where they are constants, as Python itself does it."""
        recipe = recipes.elements(node, self._literals)
        if recipe is None:
            return self._expressions(node.elements)
        return [ast.Starred(self._parameter(recipe), LOAD)]

    def _parameter(self, recipe: Recipe) -> ast.expr:
        name = self._new_name("literal")
        self.parameters[name] = recipe
        return ast.Name(name, LOAD)

    def _given(self, node: Node) -> ast.expr:
        """An argument that was read when the condition was checked."""
        prepared = self._condition.prepared[node.span]
        recipe = recipes.prepared(node, self._literals, prepared.read)
        if recipe is not None:
            return self._parameter(recipe)
        name = self._new_name("given")
        self.prepared[name] = prepared.value
        return ast.Name(name, LOAD)

    def _slice(self, bounds: Slice) -> ast.Slice:
        lower, upper, step = (
            None if part is None else self.expression(part) for part in (bounds.lower, bounds.upper, bounds.step)
        )
        return ast.Slice(lower, upper, step)

    # ---- calls -------------------------------------------------------------------------------------------------------

    def _metered(self, function: str, *arguments: ast.expr) -> ast.expr:
        """A call of a function that takes the meter first."""
        self.is_metered = True
        return charged(function, *arguments)

    def _call(self, node: Call) -> ast.expr:
        match node:
            case Call(function=Name(name=name), arguments=(Generator() as generator,)):
                return self._loop(name, generator)
            case Call(function=Name(name=name), arguments=arguments) if name in METERED:
                return self._metered(METERED[name].__name__, *self._expressions(arguments))
            case Call(function=Name(name=name), arguments=arguments) if name in CLOCKS:
                given = [ast.Name(REQUEST, LOAD), *self._expressions(arguments)]
                return ast.Call(ast.Name(CLOCKS[name].__name__, LOAD), given, [])
            case Call(function=Name(name=name), arguments=arguments) if name in PLAIN:
                return ast.Call(ast.Name(name, LOAD), self._expressions(arguments), [])
            case Call(function=Attribute(value=Name(name=vocabulary.PATTERNS), name=name), arguments=(pattern, text)):
                self.is_metered = True
                matches = ast.Attribute(self.expression(pattern), name, LOAD)
                return ast.Call(matches, [ast.Name(METER, LOAD), self.expression(text)], [])
            case Call(function=Attribute(value=value, name="get"), arguments=(key, *default)):
                get = ast.Attribute(self.expression(value), "get", LOAD)
                return ast.Call(get, [self._key(value, key), *self._expressions(default)], [])
            case Call(function=Attribute(value=value, name=name), arguments=arguments):
                return self._method(self.expression(value), name, arguments)
            case _:
                raise AssertionError(f"generated code may not hold {node}")

    def _key(self, owner: Node, key: Node) -> ast.expr:
        """What a mapping is asked for, after the folding of a header's name has been charged."""
        asked = self.expression(key)
        return self._metered("weighed", ast.Constant("lower"), asked) if costs.name_is_folded(owner, key) else asked

    def _method(self, owner: ast.expr, name: str, arguments: tuple[Node, ...]) -> ast.expr:
        given = self._expressions(arguments)
        if costs.method_is_charged(name, arguments):
            if given:
                kept = self._new_name("kept")
                owner = ast.NamedExpr(ast.Name(kept, ast.Store()), owner)
                given[0] = self._metered("weighed_argument", ast.Constant(name), ast.Name(kept, LOAD), given[0])
            else:
                owner = self._metered("weighed", ast.Constant(name), owner)
        return ast.Call(ast.Attribute(owner, name, LOAD), given, [])

    # ---- comparisons -------------------------------------------------------------------------------------------------

    def _compare(self, node: Compare) -> ast.expr:
        first, *others = node.operands
        if not any(map(costs.comparison_is_charged, node.comparators, node.operands, others)):
            operators = [COMPARATORS[comparator]() for comparator in node.comparators]
            left = self.expression(first)
            return ast.Compare(left, operators, [*self._expressions(others[:-1]), self._last_operand(node)])
        # `a < b < c` is `a < (kept := b) and kept < c`, so that each part can be charged.
        parts: list[ast.expr] = []
        left = self.expression(first)
        for position, comparator in enumerate(node.comparators):
            is_last = position == len(others) - 1
            right = self._last_operand(node) if is_last else self.expression(others[position])
            after = right
            if not is_last:
                kept = self._new_name("kept")
                right, after = ast.NamedExpr(ast.Name(kept, ast.Store()), right), ast.Name(kept, LOAD)
            if costs.comparison_is_charged(comparator, node.operands[position], others[position]):
                parts.append(self._metered(COMPARISONS[comparator].__name__, left, right))
            else:
                parts.append(ast.Compare(left, [COMPARATORS[comparator]()], [right]))
            left = after
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)

    def _last_operand(self, node: Compare) -> ast.expr:
        """The last operand. Only the last comparator sees it, so what that looks into need not be made each time."""
        operand = node.operands[-1]
        recipe = None
        if node.comparators[-1] in {Comparator.IN, Comparator.NOT_IN}:
            recipe = recipes.elements(operand, self._literals)
        if recipe is None:
            return self.expression(operand)
        if isinstance(operand, Display) and operand.bracket is Bracket.SET:
            return self._parameter(lambda literals: frozenset(recipe(literals)))
        return self._parameter(recipe)

    # ---- loops -------------------------------------------------------------------------------------------------------

    def _loop(self, name: str, node: Generator) -> ast.expr:
        """A call of a new function that loops, with all that it reads as arguments."""
        items = self._metered("charged_loop", self.expression(node.iterable), ast.Constant(costs.turn_cost(node)))
        outer = self._bound
        passed = [METER, REQUEST, *outer.values()]
        self._bound = {**outer, **{bound: self._new_name("item") for bound in bound_names(node.target)}}
        loop = self._new_name("loop")
        turns = (self._target(node.target), self._expressions(node.conditions), self.expression(node.element))
        match name:
            case "any":
                body = trees.finding(True, *turns)
            case "all":
                body = trees.finding(False, *turns)
            case _:
                body = trees.gathering(METERED[name].__name__, *turns)
        self.loops.append(trees.function(loop, (ITEMS, *passed), body))
        self._bound = outer
        return ast.Call(ast.Name(loop, LOAD), [items, *(ast.Name(each, LOAD) for each in passed)], [])

    def _target(self, target: Node) -> ast.expr:
        match target:
            case Name(name=name):
                return ast.Name(self._bound[name], ast.Store())
            case Display(elements=elements):
                return ast.Tuple([self._target(element) for element in elements], ast.Store())
            case _:
                raise AssertionError(f"generated code may not hold {target}")

    def _new_name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    # ---- headers -----------------------------------------------------------------------------------------------------

    def _with_folded_header(self, node: Node) -> ast.expr | None:
        """A look-up of a header whose name is known now, in the plain dict of folded names; None for other nodes."""
        match node:
            case Subscript(value=owner, index=Constant(value=str()) as name) if request_attribute(owner) == "headers":
                return ast.Subscript(of_request("folded_headers"), self._folded(name), LOAD)
            case Compare(
                operands=(Constant(value=str()) as name, owner),
                comparators=(Comparator.IN | Comparator.NOT_IN as comparator,),
            ) if request_attribute(owner) == "headers":
                container = of_request("folded_headers")
                return ast.Compare(self._folded(name), [COMPARATORS[comparator]()], [container])
            case Call(
                function=Attribute(value=owner, name="get"), arguments=(Constant(value=str()) as name, *default)
            ) if request_attribute(owner) == "headers":
                get = ast.Attribute(of_request("folded_headers"), "get", LOAD)
                return ast.Call(get, [self._folded(name), *self._expressions(default)], [])
        return None

    def _folded(self, name: Constant) -> ast.expr:
        recipe = recipes.folded(name, self._literals)
        return ast.Constant(str(name.value).lower()) if recipe is None else self._parameter(recipe)
