"""The public surface: these names, no others, and the package's own example holds."""

from __future__ import annotations

import doctest
import subprocess
import sys

import rulegate


def test_the_public_names_are_pinned():
    assert rulegate.__all__ == [
        "Condition",
        "ConditionError",
        "EvaluationError",
        "Gateway",
        "Request",
        "compile_condition",
        "load_config",
    ]
    for name in rulegate.__all__:
        assert getattr(rulegate, name).__module__.startswith("rulegate.")


def test_the_packages_example_holds():
    failed, tried = doctest.testmod(rulegate)
    assert (failed, tried) == (0, 3)


def test_importing_the_package_alone_imports_nothing_else():
    """Model processes import it, and need neither the grammar nor the settings."""
    code = "import sys, rulegate; print([m for m in sys.modules if m.startswith('rulegate.') or m in ('lark', 'yaml')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_first_condition_needs_nothing_but_the_condition_language_and_pythons_own_library():
    """So that it is compiled within milliseconds of the import: settings, RE2, the parser of JSON and the like wait."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "from rulegate import compile_condition\n"
        "compile_condition(\"request.json()['a'][0].startswith('Domain specific text')\")\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    ours = {name for name in loaded if name.partition(".")[0] == "rulegate"}
    assert {".".join(name.split(".")[:2]) for name in ours} == {
        "rulegate",
        "rulegate.condition",
        "rulegate.diagnostics",
    }
    waiting = {
        "body",
        "columns",
        "explain",
        "gaps",
        "implication",
        "keys",
        "networks",
        "patterns",
        "subjects",
        "tabulate",
    }
    assert not ours & {f"rulegate.condition.{name}" for name in waiting}
    assert {name.partition(".")[0] for name in loaded} - {"rulegate"} <= sys.stdlib_module_names
    costly = {"asyncio", "difflib", "hashlib", "ipaddress", "json", "logging", "pathlib", "subprocess", "zoneinfo"}
    assert not costly & set(loaded)


def test_the_gateway_process_imports_no_mlflow():
    """It starts in milliseconds and stays small: MLflow lives in the processes behind it."""
    code = (
        "import sys, rulegate.server, rulegate.cli; "
        "print([m for m in sys.modules if m.split('.')[0] in ('mlflow', 'pandas', 'numpy', 'sklearn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
