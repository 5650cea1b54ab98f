"""Whatever stands in a configuration file, it loads or is answered with diagnostics that stand inside it."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
from hypothesis import given

from rulegate.config import ConfigError, load_config
from rulegate.diagnostics import Severity, render

ARTICLE = (Path(__file__).parents[2] / "examples" / "domain_condition.yaml").read_text(encoding="utf-8")

WORDS = """
model_endpoints name routes alias model_uri model_request_condition on_error server port default_endpoint models:/a/1
request.path : , - [ ] { } ' " | > ? &a *a << !!str --- ... # % @ \\ 5 true ~ é
"""
words = st.sampled_from([*WORDS.split(), " ", ": ", "- ", "\n", "\n  ", "\n    ", "\t"])
texts = st.one_of(st.text(), st.lists(words, max_size=30).map("".join)).map(lambda text: f"{text}\n")


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The article's file with one stretch of it replaced."""
    start = draw(st.integers(0, len(ARTICLE) - 1))
    end = draw(st.integers(start, min(len(ARTICLE), start + 12)))
    return ARTICLE[:start] + draw(st.one_of(st.text(max_size=5), words)) + ARTICLE[end:]


def diagnosed(path_or_text: str | Path) -> None:
    try:
        found = load_config(path_or_text).warnings
        assert all(diagnostic.severity is Severity.WARNING for diagnostic in found)
    except ConfigError as error:
        found = error.diagnostics
        assert any(diagnostic.severity is Severity.ERROR for diagnostic in found)
    for diagnostic in found:
        assert diagnostic.span.end <= len(diagnostic.source.text)
        assert "\n" not in diagnostic.message
        rows = render(diagnostic).split("\n")
        line = diagnostic.source.line(diagnostic.source.position(diagnostic.span.start).line)
        carets = [row for row in rows[2:] if row.startswith("  | ") and set(row[4:].strip()) == {"^"}]
        assert len(carets) == bool(line.strip(" "))
        assert len(rows) <= 4


@given(texts)
def test_any_text_loads_or_is_diagnosed(text: str) -> None:
    diagnosed(text)


@given(damaged())
def test_the_articles_file_with_a_slip_loads_or_is_diagnosed(text: str) -> None:
    diagnosed(text)


@given(st.binary(max_size=40))
def test_any_bytes_load_or_are_diagnosed(tmp_path_factory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "gateway_config.yaml"
    path.write_bytes(content)
    diagnosed(path)
