"""A character of a value is traced back through quotes, escapes and folded lines to the place that its author sees."""

from __future__ import annotations

import pytest

from rulegate.config.document import read
from rulegate.config.tree import Mapping, Scalar
from rulegate.diagnostics import Source, Span

BLOCKS = {
    "plain": "c: aa MARK bb\n",
    "plain over two lines": "c: aa\n  MARK bb\n",
    "plain after an empty line": "c: aa\n\n  MARK bb\n",
    "single-quoted": "c: 'aa ''x'' MARK'\n",
    "single-quoted over two lines": "c: 'aa ''x''\n  MARK'\n",
    "double-quoted": 'c: "aa MARK"\n',
    "after every kind of escape": r'c: "\"\\\/\n\t\0\x41\u00e4\U0001F98A\N\_ MARK"' + "\n",
    "after an escaped line end": 'c: "aa\\\n   \\ bb MARK"\n',
    "literal": "c: |\n  aa\n  MARK\n",
    "literal with an indented line": "c: |\n  aa\n     MARK\n  bb\n",
    "literal after empty lines": "c: |\n\n\n  aa\n\n  MARK\n",
    "literal that keeps its end": "c: |+\n  aa\n  MARK\n\n\n",
    "literal that strips its end": "c: |-\n  aa\n  MARK\n\n\n",
    "literal with an indentation of its own": "c: |2\n    aa\n  MARK\n",
    "literal with a comment in its header": "c: |  # why\n  aa\n  MARK\n",
    "folded": "c: >\n  aa\n  bb MARK\n",
    "folded with an indented line": "c: >\n  aa\n    bb\n    cc\n  MARK\n",
    "folded after empty lines": "c: >-\n\n  aa\n\n\n  MARK\n",
    "lines of another system": "c: >\r\n  aa\r\n\r\n  bb MARK\r\n",
    "beyond the first plane": "c: |\n  🦊🦊\n  🦊 MARK\n",
}


def scalar(text: str) -> Scalar:
    tree, diagnostics = read(Source("c.yaml", f"a: ä\n{text}z: 1\n"))
    assert not diagnostics
    assert isinstance(tree, Mapping)
    node = tree.get("c")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize("text", BLOCKS.values(), ids=BLOCKS)
def test_a_word_is_found_in_the_file_however_it_is_written(text: str):
    node = scalar(text)
    start = node.text.index("MARK")
    place = node.excerpt().locate(Span(start, start + 4))
    assert node.source.text[place.start : place.end] == "MARK"


@pytest.mark.parametrize(
    "text", ["c: MARK\n", "c: 'MARK'\n", 'c: "MARK"\n', "c: 'a\n  MARK'\n", "c: |-\n  MARK\n", "c: >-\n  MARK\n"]
)
def test_the_end_of_a_value_is_where_its_last_character_ends(text: str):
    node = scalar(text)
    place = node.excerpt().locate(Span(len(node.text), len(node.text)))
    assert node.source.text[: place.start].endswith("MARK")


def test_an_escape_is_taken_as_a_whole():
    node = scalar('c: "a\\u00e4b"\n')
    place = node.excerpt().locate(Span(1, 2))
    assert node.source.text[place.start : place.end] == "\\u00e4"


def test_a_text_too_long_for_any_condition_is_placed_as_a_whole():
    node = scalar("c: '" + "a''" * 20_000 + "'\n")
    assert set(node.excerpt().offsets) == {node.span.start, node.span.end}
