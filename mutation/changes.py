"""Makes a copy of the project in which every function comes in its many broken forms, of which one at most is used."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mutmut.mutation.file_mutation import mutate_file_contents

PACKAGE: Final = Path("rulegate", "condition")
MODULES: Final = (
    *("check", "check_calls", "check_operators", "findings", "truth", "prepare"),
    *("compile", "generate", "trees", "recipes", "sealed", "shape"),
    *("charges", "operations", "functions", "patterns", "networks", "costs", "meter"),
)
"""The checker and the compiler."""

_COPIED: Final = (
    *("rulegate", "grammar", "docs", "pyproject.toml"),
    *("tests/corpora", "tests/unit/condition", "tests/golden/test_conditions.py"),
    *("tests/golden/conditions.txt", "tests/golden/conditions_with_services.txt", "tests/golden/expressions.txt"),
)
_MANGLED: Final = re.compile(r"(?<=def )\w+__mutmut_\w+")
"""What each form of a function is called where it is defined; a default may be changed there."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place that is broken in one way.

    ``name`` is what switches it on, ``function`` the prefix of that for all changes of one function, and ``shown`` the
    function and its lines before and after, as people read them.
    """

    name: str
    function: str
    shown: str


def copy(origin: Path, target: Path) -> None:
    """Copies what the tests of conditions need."""
    shutil.rmtree(target, ignore_errors=True)
    for name in _COPIED:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (origin / name).is_dir():
            shutil.copytree(origin / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(origin / name, target / name)
    # mutmut reads its settings where it is started.
    (target / "setup.cfg").write_text("[mutmut]\nsource_paths=rulegate\n", encoding="utf-8")


def make_changes(root: Path, modules: Iterable[str]) -> list[Change]:
    """Rewrites modules of a copy so that each change of them can be switched on, and tells which there are."""
    changes = []
    for module in modules:
        path = root / PACKAGE / f"{module}.py"
        made = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
        path.write_text(made.code, encoding="utf-8")
        lines = made.code.splitlines()
        bodies = {
            name: [_MANGLED.sub("_", line.strip()) for line in lines[span.start - 1 : span.end]]
            for name, span in made.line_span_by_function_name.items()
        }
        prefix = ".".join((*PACKAGE.parts, module))
        for name in made.mutant_names:
            function = name.partition("__mutmut_")[0]
            # A method is `xǁOwnerǁname`, a function `x_name`.
            words = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
            difference = _difference(bodies[f"{function}__mutmut_orig"], bodies[name])
            changes.append(Change(f"{prefix}.{name}", f"{prefix}.{function}", f"{module}.{words}\n{difference}"))
    return changes


def _difference(before: list[str], after: list[str]) -> str:
    """The lines that differ: one run of them, since a change is made in one place."""
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return "\n".join([*(f"- {line}" for line in before), *(f"+ {line}" for line in after)])
