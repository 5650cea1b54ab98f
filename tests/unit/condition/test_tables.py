"""The parser's tables are those of the grammar, and the grammar's reader is not needed to use them."""

import hashlib
import subprocess
import sys
from pathlib import Path

from rulegate.condition import tables
from rulegate.condition.build import MAKERS
from rulegate.condition.tabulate import grammar_text
from rulegate.condition.tabulate import tables as written


def test_the_tables_are_those_of_the_grammar():
    """Where this fails: ``python -m rulegate.condition.tabulate``."""
    grammar = grammar_text()
    assert hashlib.sha256(grammar.encode()).hexdigest() == tables.DIGEST
    assert written(grammar) == Path(tables.__file__).read_text(encoding="utf-8")


def test_every_rule_has_a_maker_and_every_maker_a_rule():
    assert {maker for _, _, maker in tables.RULES if maker} == MAKERS.keys()


def test_conditions_compile_without_the_reader_of_grammars():
    code = (
        "import sys; from rulegate.condition import compile_condition; compile_condition(\"request.path == '/'\");"
        "print([name for name in ('lark',) if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
