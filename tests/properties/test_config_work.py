"""To check a file takes work in proportion to its length, whatever stands in it and however much of it is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from rulegate.config import ConfigError, document, load_config
from rulegate.config.document import MAX_DIAGNOSTICS
from rulegate.diagnostics import Diagnostic, render_all

ROUTE = "{{alias: r{n}, model_uri: 'models:/m/1'{more}}}"
SERVICE = "- {{name: s{n}, url: 'http://127.0.0.1/'}}\n"


def routes(count: int, more: Callable[[int], str] = lambda n: "") -> str:
    lines = "".join(f"  - {ROUTE.format(n=n, more=more(n))}\n" for n in range(count))
    return f"model_endpoints:\n- name: a\n  routes:\n{lines}"


def services(count: int) -> str:
    return "external:\n" + "".join(SERVICE.format(n=n) for n in range(count))


def condition(text: str) -> str:
    return f', model_request_condition: "{text}"'


FILES = {
    "unknown keys of many routes": lambda n: routes(n, lambda r: "".join(f", k{r}_{k}: 1" for k in range(5))),
    "unknown keys of one mapping": lambda n: "".join(f"k{k}: 1\n" for k in range(n)),
    "keys that stand twice": lambda n: "port: 1\n" * n,
    "names that are taken": lambda n: routes(n).replace("alias: r", "alias: a #"),
    "names that differ in case": lambda n: routes(n, lambda r: f", fallback: [{'Rr'[r % 2]}{r}]"),
    "fallbacks that are not there": lambda n: routes(n, lambda r: f", fallback: [x{r}]"),
    "fallbacks of one route that are not there": lambda n: routes(
        n, lambda r: f", fallback: [{', '.join(f'x{x}' for x in range(n))}]" if r == 0 else ""
    ),
    "a chain of fallbacks": lambda n: routes(n, lambda r: f", fallback: [r{min(r + 1, n - 1)}]"),
    "a circle of fallbacks": lambda n: routes(n, lambda r: f", fallback: [r{(r + 1) % n}]"),
    "many circles of fallbacks": lambda n: routes(n, lambda r: f", fallback: [r{(r + 1) % n}, r0, r{r // 2}]"),
    "models that are not listed": lambda n: (
        "models: {allow: [" + ", ".join(f"'*x{glob}*'" for glob in range(min(n, 1000))) + "]}\n" + routes(n)
    ),
    "too many globs": lambda n: "models: {allow: [" + "x, " * n + "]}\n" + routes(n),
    "services that are asked": lambda n: services(n) + routes(n, lambda r: condition(f"external['s{r}'] == 1")),
    "services that are not there": lambda n: services(n) + routes(n, lambda r: condition(f"external['x{r}'] == 1")),
    "conditions with a slip": lambda n: routes(n, lambda r: condition(f"reqest.headers['a{r}'] = 1")),
    "conditions that are always true": lambda n: routes(n, lambda r: condition("1 == 1")),
    "settings that differ": lambda n: routes(n, lambda r: f", replicas: {r % 64 + 1}"),
    "variables that are not there": lambda n: routes(n, lambda r: f", timeout: '${{X{r}}}'"),
    "variables of one value": lambda n: f"registry_uri: '{'${X}' * n}'\n",
    "passwords": lambda n: routes(n).replace("models:/m/1", "http://user:password@host"),
    "anchors in one line": lambda n: f"a: [{'&a,' * n}]\n",
}


def found(text: str) -> tuple[Diagnostic, ...]:
    try:
        return load_config(text, variables={}).warnings
    except ConfigError as error:
        return error.diagnostics


def calls(action: Callable[[], object]) -> int:
    """How many functions are called by an action, those in C included."""
    count = 0

    def counted(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_twice_the_file_takes_at_most_twice_the_work(file: Callable[[int], str]):
    few, many = file(400), file(800)
    for text in (few, many):
        found(text)  # what is made ready once
    assert calls(lambda: found(many)) <= 2.2 * calls(lambda: found(few))


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_however_much_is_wrong_what_is_said_has_a_bound(file: Callable[[int], str]):
    diagnostics = found(file(2000))
    assert len(diagnostics) <= MAX_DIAGNOSTICS
    assert all(len(diagnostic.message) + len(diagnostic.hint or "") < 1500 for diagnostic in diagnostics)
    assert len(render_all(diagnostics)) < 1000 * len(diagnostics) + 1


@pytest.mark.parametrize(
    "text",
    [
        "a: [\n" + "auth" * 1_000_000,
        "a: " + "eyJ-" * 1_000_000 + "\n",
        "".join(f"%TAG !{n}! x\n" for n in range(800_000)) + "---\na: b\n",
        "a: b\n...\n" + "".join(f"%TAG !{n}! x\n" for n in range(800_000)) + "---\na: b\n",
    ],
    ids=["words of secrets", "begins of tokens", "directives", "directives behind a document"],
)
def test_what_is_looked_through_in_one_go_is_looked_through_once(text: str):
    """Inside a regular expression or the YAML parser no call is counted, but otherwise this would not end for hours."""
    assert found(text)


def test_of_a_tag_or_an_anchor_only_the_begin_is_pointed_at():
    """A line may be full of them, without a space."""
    for sign in "!&":
        assert all(0 < one.span.end - one.span.start <= 100 for one in found(f"a: [{f'{sign}a,' * 1000}]\n")[:500])


def test_what_has_too_many_values_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(document, "MAX_NODES", 1000)
    (diagnostic,) = found(f"model_endpoints: [{'1, ' * 2000}\n")
    assert diagnostic.code == "RG304"
    assert "more than 1000 keys and values" in diagnostic.message
    assert diagnostic.source.position(diagnostic.span.start).column == len("model_endpoints: [") + 3 * 997 + 1
