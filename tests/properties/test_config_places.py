"""Every character of a value is found in the file that it was read from, however YAML writes it."""

from __future__ import annotations

import hypothesis.strategies as st
import yaml
from hypothesis import example, given

from rulegate.config.document import read
from rulegate.config.tree import Mapping, Scalar
from rulegate.diagnostics import Source, Span

# What conditions are made of: words, quotes, brackets, white space and line ends, and characters beyond ASCII.
pieces = st.sampled_from(
    ["request", ".json", "['a']", '"b"', " ", "  ", "\n", "\n\n", "\\", "'", "#", ": ", "é", "漢", "🦊", "\t", "x"]
)
values = st.lists(pieces, min_size=1, max_size=25).map("".join)
styles = st.sampled_from([None, "'", '"', "|", ">"])


def scalar_of(value: str, style: str | None, width: int, *, allow_unicode: bool, indent: int) -> Scalar:
    document = {"outer": [{"condition": value, "next": 1}]}
    text = yaml.dump(document, default_style=style, width=width, allow_unicode=allow_unicode, indent=indent)
    tree, diagnostics = read(Source("c.yaml", text.replace("!!int ", "")))
    assert not diagnostics
    assert isinstance(tree, Mapping)
    (item,) = tree.get("outer").items  # type: ignore[union-attr]
    return item.get("condition")


@given(values, styles, st.sampled_from([10, 20, 40, 1_000]), st.booleans(), st.integers(2, 5))
@example(" request request", ">", 10, False, 2)
def test_each_character_is_found_where_it_stands(value, style, width, allow_unicode, indent):
    scalar = scalar_of(value, style, width, allow_unicode=allow_unicode, indent=indent)
    text, offsets = scalar.source.text, scalar.excerpt().offsets
    # What YAML makes of the file, which is not always the value: folding loses some spaces at the begin of a line.
    assert scalar.text == yaml.safe_load(text)["outer"][0]["condition"]
    assert len(offsets) == len(scalar.text) + 1
    for char, offset in zip(scalar.text, offsets, strict=False):
        there = text[offset]
        assert there == char or there == "\\" or (char.isspace() and there.isspace()), (char, there)


@given(values, styles, st.sampled_from([10, 20, 40, 1_000]), st.booleans())
def test_places_run_forward_and_stay_in_the_scalar(value, style, width, allow_unicode):
    scalar = scalar_of(value, style, width, allow_unicode=allow_unicode, indent=2)
    offsets = list(scalar.excerpt().offsets)
    assert offsets == sorted(offsets)
    assert scalar.span.start <= offsets[0]
    assert offsets[-1] <= scalar.span.end


@given(
    st.text(max_size=30), st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20), st.integers(0, 20)
)
def test_a_scalar_that_cannot_be_followed_is_placed_as_a_whole(before, value, length):
    """Whatever stands in the file, the map has one place for each character, and none outside the scalar."""
    from rulegate.config.scalars import offsets_of

    text = before + "x" * length
    span = Span(len(before), len(text))
    for style in ("", "'", '"', "|", ">"):
        if length >= 2:
            offsets = offsets_of(text, span, style, value)
            assert len(offsets) == len(value) + 1
            assert all(span.start <= offset <= span.end for offset in offsets)
