"""The engines that the condition benchmark compares, each prepared once so that only evaluation is timed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.cases import Case


class Evaluation(NamedTuple):
    """``function(fresh())`` evaluates one condition on one request; its truth is the answer.

    ``fresh`` makes what the function takes, as it is before the first evaluation; it is not timed.
    """

    function: Callable[[Any], Any]
    fresh: Callable[[], Any]


Engine = Callable[[Case], Evaluation]
"""Prepares a case. Raises `ImportError` if the engine is not installed."""


def rulegate(case: Case) -> Evaluation:
    from rulegate.condition import Request, compile_condition

    matches = compile_condition(case.texts["rulegate"]).matches
    request = Request(json=case.request.json, headers=case.request.headers)
    # Header names are folded once a request, before its first condition: the hand-written code has that done, too.
    assert request.folded_headers
    return Evaluation(matches, lambda: copy.copy(request))


def _hand_written(case: Case) -> Evaluation:
    return Evaluation(case.hand_written, lambda: copy.copy(case.request))


def _asteval(case: Case) -> Evaluation:
    import asteval

    interpreter = asteval.Interpreter()
    tree = interpreter.parse(case.texts["asteval"])
    interpreter.symtable["request"] = case.request
    return Evaluation(interpreter.run, lambda: tree)


def _cel_python(case: Case) -> Evaluation:
    """Values are converted for each evaluation, since each request has its own."""
    import celpy

    environment = celpy.Environment()
    program = environment.program(environment.compile(case.texts["cel-python"]))
    request = _as_dict(case)
    return Evaluation(lambda given: program.evaluate({"request": celpy.json_to_cel(given)}), lambda: request)


def _common_expression_language(case: Case) -> Evaluation:
    """Values are converted for each evaluation, since each request has its own."""
    import cel

    program = cel.compile(case.texts["common-expression-language"])
    variables = {"request": _as_dict(case)}
    return Evaluation(program.execute, lambda: variables)


def _common_expression_language_reused(case: Case) -> Evaluation:
    """With values that were converted beforehand: what several conditions on one request would cost, each."""
    import cel

    program = cel.compile(case.texts["common-expression-language"])
    context = cel.Context(variables={"request": _as_dict(case)})
    return Evaluation(program.execute, lambda: context)


def _rule_engine(case: Case) -> Evaluation:
    import rule_engine

    request = _as_dict(case)
    return Evaluation(rule_engine.Rule(case.texts["rule-engine"]).matches, lambda: request)


def _simpleeval(case: Case) -> Evaluation:
    import simpleeval

    evaluator = simpleeval.EvalWithCompoundTypes(names={"request": case.request}, functions={"any": any})
    text = case.texts["simpleeval"]
    tree = evaluator.parse(text)
    return Evaluation(lambda parsed: evaluator.eval(text, previously_parsed=parsed), lambda: tree)


def _as_dict(case: Case) -> dict[str, Any]:
    return {"json": case.request.json, "headers": case.request.headers}


PEERS: Mapping[str, Engine] = MappingProxyType(
    {
        "hand-written lambda": _hand_written,
        "common-expression-language": _common_expression_language,
        "the same, values converted before": _common_expression_language_reused,
        "asteval": _asteval,
        "simpleeval": _simpleeval,
        "cel-python": _cel_python,
        "rule-engine": _rule_engine,
    }
)
