"""Writes the parser's tables from the grammar: ``python -m rulegate.condition.tabulate``."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Iterable
from importlib import resources
from operator import itemgetter
from pathlib import Path
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import IntParseTable, Shift

_HEAD = '''\
"""The parser's tables, written from the grammar by ``python -m rulegate.condition.tabulate``: not to be edited."""

# fmt: off
from collections.abc import Mapping
from typing import Final

'''
_NOTES = {
    "DIGEST": "SHA-256 of the grammar that the tables were written from.",
    "SPELLINGS": "The names of the terminals that have one spelling.",
    "PATTERNS": "The names and regular expressions of all others, in the order in which they are tried.",
    "RULES": "Of each rule its left side, how many parts it has, and what makes its node: nothing where its only part"
    " stands for it, or where its parts become parts of the rule around it, as do those whose names begin with `_`.",
    "FIRST": "The state to begin in.",
    "LAST": "The state in which the whole text has been read.",
    "ACTIONS": "For each state what each terminal leads to: another state, or `~n`, the end of rule n.",
    "GOTOS": "For each state the state that the left side of a rule leads to.",
}
_ROWS = "[tuple[Mapping[str, int], ...]]"
_TYPES = {
    "SPELLINGS": "[Mapping[str, str]]",
    "PATTERNS": "[tuple[tuple[str, str], ...]]",
    "RULES": "[tuple[tuple[str, int, str], ...]]",
    "ACTIONS": _ROWS,
    "GOTOS": _ROWS,
}


def tables(grammar: str) -> str:
    """The text of the module `rulegate.condition.tables` for a grammar; it depends on nothing else."""
    lark = Lark(grammar, parser="lalr", lexer="basic", keep_all_tokens=True, maybe_placeholders=False)
    table = lark.parser.parser._parse_table
    order = {state: position for position, state in enumerate(_from_the_first(table))}
    rules = {rule: position for position, rule in enumerate(lark.rules)}
    actions: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    for state in order:
        row = sorted(table.states[state].items(), key=itemgetter(0))
        targets = {name: order[to] if action is Shift else ~rules[to] for name, (action, to) in row}
        actions.append({name: target for name, target in targets.items() if name.isupper()})
        gotos.append({name: target for name, target in targets.items() if not name.isupper()})
    fixed = [terminal for terminal in lark.terminals if isinstance(terminal.pattern, PatternStr)]
    others = [terminal for terminal in lark.terminals if terminal not in fixed]
    values: dict[str, Any] = {
        "DIGEST": hashlib.sha256(grammar.encode()).hexdigest(),
        "SPELLINGS": {terminal.pattern.value: terminal.name for terminal in fixed},
        "PATTERNS": tuple((terminal.name, terminal.pattern.to_regexp()) for terminal in others),
        "RULES": tuple((rule.origin.name, len(rule.expansion), _maker(rule)) for rule in lark.rules),
        "FIRST": order[table.start_states["start"]],
        "LAST": order[table.end_states["start"]],
        "ACTIONS": tuple(actions),
        "GOTOS": tuple(gotos),
    }
    return _HEAD + "".join(_assignment(name, value) for name, value in values.items())


def grammar_text() -> str:
    """The one grammar file: inside an installed package, beside the package in a checkout."""
    shipped = resources.files("rulegate") / "grammar" / "condition.lark"
    if shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    checkout = Path(__file__).resolve().parents[2] / "grammar" / "condition.lark"
    return checkout.read_text(encoding="utf-8")


def _from_the_first(table: IntParseTable) -> list[int]:
    """The states in the order in which they are met from the first one, whose numbers change from run to run."""
    met = [table.start_states["start"]]
    for state in met:
        for _, (action, to) in sorted(table.states[state].items(), key=itemgetter(0)):
            if action is Shift and to not in met:
                met.append(to)
    return met


def _maker(rule: Rule) -> str:
    name: str = rule.origin.name
    passes = len(rule.expansion) == 1 and not rule.alias and (rule.options.expand1 or name == "start")
    return "" if passes or name.startswith("_") else rule.alias or name


def _assignment(name: str, value: Any) -> str:
    note = "\n".join(textwrap.wrap(f'"""{_NOTES[name]}"""', 120))
    match value:
        case tuple():
            text = f"(\n{_lines(_literal(element) for element in value)}\n)"
        case dict():
            text = f"{{\n{_lines(f'{_literal(key)}: {_literal(element)}' for key, element in value.items())}\n}}"
        case _:
            text = _literal(value)
    return f"{name}: Final{_TYPES.get(name, '')} = {text}\n{note}\n"


def _lines(elements: Iterable[str]) -> str:
    """Each element on a line of its own, those that are too long on several."""
    return "\n".join(
        "\n".join(
            textwrap.wrap(
                f"{element},",
                120,
                initial_indent="    ",
                subsequent_indent="     ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
        for element in elements
    )


def _literal(value: Any) -> str:
    match value:
        case str():
            return json.dumps(value)
        case tuple():
            return f"({', '.join(map(_literal, value))})"
        case dict():
            return f"{{{', '.join(f'{_literal(key)}: {_literal(element)}' for key, element in value.items())}}}"
        case _:
            return repr(value)


if __name__ == "__main__":
    target = Path(__file__).with_name("tables.py")
    target.write_text(tables(grammar_text()), encoding="utf-8")
