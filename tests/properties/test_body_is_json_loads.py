"""Whatever the bytes are, a body has the value that the standard library gives it, or is refused."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from rulegate.condition import MalformedBodyError
from rulegate.condition.body import parse_body
from rulegate.condition.depth import MAX_JSON_DEPTH

# ---- texts of JSON, made by its syntax and not by a writer, which would leave the corners out ------------------------

spaces = st.text(alphabet=" \t\r\n", max_size=2)
digits = st.text(alphabet="0123456789", min_size=1, max_size=24)
whole = st.just("0") | st.builds(str.__add__, st.sampled_from("123456789"), digits | st.just(""))
exponents = st.builds(
    "".join, st.tuples(st.sampled_from("eE"), st.sampled_from(["", "+", "-"]), digits.map(lambda d: d[:3]))
)
numbers = st.one_of(
    st.builds("".join, st.tuples(st.sampled_from(["", "-"]), whole)),
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["", "-"]), whole, digits.map(lambda d: "." + d) | st.just(""), exponents | st.just("")
        ),
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from(["9" * 4300, "-" + "9" * 4300, "9007199254740993", "2.2250738585072011e-308", "4.9e-324", "1e23"]),
)
characters = st.one_of(
    st.characters(min_codepoint=0x20, exclude_characters='"\\', exclude_categories=()),
    st.sampled_from(
        [r"\"", r"\\", r"\/", r"\b", r"\f", r"\n", r"\r", r"\t", r"\ud83d\ude00", r"\uDe00\ud83D", "[", "{"]
    ),
    st.integers(0, 0xFFFF).map(r"\u{:04x}".format),
    st.integers(0, 0xFFFF).map(r"\u{:04X}".format),
)
texts = st.lists(characters, max_size=6).map(lambda parts: f'"{"".join(parts)}"')
scalars = numbers | texts | st.sampled_from(["true", "false", "null", "NaN", "Infinity", "-Infinity"])


def containers(inner):
    padded = st.builds("".join, st.tuples(spaces, inner, spaces))
    keys = st.builds("".join, st.tuples(spaces, st.sampled_from(['"a"', r'"\u0061"', '""']) | texts, spaces))
    members = st.builds("{}:{}".format, keys, padded)
    return st.one_of(
        st.builds("[{}]".format, st.lists(padded, max_size=4).map(",".join) | spaces),
        st.builds("{{{}}}".format, st.lists(members, max_size=4).map(",".join) | spaces),
    )


documents = st.builds("".join, st.tuples(spaces, st.recursive(scalars, containers, max_leaves=12), spaces))
encodings = st.sampled_from(
    ["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
bodies = st.builds(lambda text, encoding: text.encode(encoding, "surrogatepass"), documents, encodings)


def theirs(body):
    try:
        return repr(json.loads(body))
    except ValueError:
        return None


def ours(body):
    try:
        return repr(parse_body(body))
    except MalformedBodyError:
        return None


@given(bodies)
@example(b"-0")
@example(b"18446744073709551616")
@example(b"1e400")
@example(b"1\x00")
@example(b'"\xed\xa0\x80"')
def test_every_json_text_means_what_the_standard_library_says(body):
    """Types, signs of zero, the order of keys and the last bit of every float included."""
    assert ours(body) == theirs(body)


@given(st.one_of(st.floats(), st.floats(-1, 1), st.floats(width=32)), st.integers(1, 30))
def test_every_number_is_the_nearest_float(number, places):
    for text in (repr(number), f"{number:.{places}e}", f"{number:.{places}f}"):
        body = text.replace("inf", "Infinity").replace("nan", "NaN").encode()
        assert ours(body) == theirs(body)


@st.composite
def damaged(draw):
    """A body with a part of it replaced by other bytes, or by none, or broken off."""
    body = draw(bodies)
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 3)) | st.just(len(body)))
    piece = draw(
        st.binary(max_size=4) | st.sampled_from([b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"0", b"-", b"\x00"])
    )
    return body[:start] + piece + body[end:]


@given(damaged() | st.binary(max_size=12))
@example(b"\xef\xbb\xbf1")
@example(b"\xff\xfe1\x00")
@example(b"\x001")
@example(b"1\x001")
def test_damaged_bytes_are_refused_where_the_standard_library_refuses_them_and_never_read_otherwise(body):
    assert ours(body) == theirs(body)


@given(
    st.lists(
        st.sampled_from(["[{}]", '{{"a":{}}}', "[0,{}]", '{{"[":"{{",\n"b": {} }}', "[{},[]]"]),
        min_size=60,
        max_size=68,
    )
)
def test_a_body_is_refused_exactly_where_it_has_more_levels_than_the_bound(openings):
    text = '"[[[["'
    for opening in openings:
        text = opening.format(text)
    body = text.encode()
    # `[0,[]]` at the innermost place is as deep as its neighbour, a text, is not.
    levels = len(openings) + (openings[0] == "[{},[]]")
    assert ours(body) == (None if levels > MAX_JSON_DEPTH else theirs(body))
