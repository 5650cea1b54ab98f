"""Bodies are read exactly as the model process reads them, or refused; the bounds are exact and refusing is quick."""

import json
import time

import pytest

from rulegate.condition import MalformedBodyError
from rulegate.condition.body import parse_body
from rulegate.condition.depth import MAX_JSON_DEPTH

MEGABYTES_10 = 10 * 2**20
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


def filled(unit, *, before=b"", after=b""):
    """A body of 10 MiB: as often as it fits ``unit``, in brackets or quotes of its own."""
    return before + unit * ((MEGABYTES_10 - len(before) - len(after)) // len(unit)) + after


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}),
        (b"-0", 0),
        (b"18446744073709551616", 2**64),
        (b"-9223372036854775809", -(2**63) - 1),
        (b"1" * 4300, int("1" * 4300)),
        (b"1E400", float("inf")),
        (b"[Infinity, -Infinity]", [float("inf"), float("-inf")]),
        (rb'"\ud800"', "\ud800"),
        (rb'"\ud83d\ude00"', "😀"),
        (b'"\xed\xa0\x80"', "\ud800"),
        (b" \t\r\n1 ", 1),
    ],
    ids=lambda part: repr(part)[:16],
)
def test_the_corners_of_json_are_those_of_the_standard_library(body, value):
    assert repr(parse_body(body)) == repr(value) == repr(json.loads(body))


def test_zero_keeps_its_sign_where_it_is_a_float_and_nan_is_a_number():
    assert repr(parse_body(b"[-0.0, -0e1, NaN]")) == "[-0.0, -0.0, nan]"


def test_of_equal_keys_the_place_is_the_first_s_and_the_value_the_last_s():
    assert list(parse_body(b'{"a": 1, "b": 2, "a": 3}').items()) == [("a", 3), ("b", 2)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_that_the_standard_library_tells_apart_is_read(encoding):
    body = '{"Größe": ["😀", 1]}'.encode(encoding)
    assert parse_body(body) == {"Größe": ["😀", 1]} == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"[1,]", b"{'a': 1}", b"nul", b"1 2", b'"\x01"', b"\xff", b'"\\x"', b"{1: 2}", b"01", b"1."),
        *(
            b".5",
            b"+1",
            b"-",
            b"[}",
            b"nan",
            b"1\x00\x00",
            b"\xff\xfe1",
            b"\xff\xfe\x00\x00\x00\x00\x11\x00",
            b"\xef\xbb\xbf",
        ),
        *(
            b'"\\u12"',
            b"\xa01",
            b"// 1",
            b"[1 2]",
            b'{"a" 1}',
            b'{"a": 1,}',
            b'"a',
            b'"\xc0\x80"',
            b"\xef\xbb\xbf\xef\xbb\xbf1",
        ),
    ],
    ids=repr,
)
def test_what_is_not_json_is_refused_without_being_quoted(body):
    with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
        json.loads(body)
    with pytest.raises(MalformedBodyError) as caught:
        parse_body(body)
    assert str(caught.value).startswith("Ensure that input is a valid JSON formatted string. Error: '")
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"]}":', '[0,"[[",{"a":'])
def test_levels_are_counted_exactly_whatever_texts_hold(opening, encoding):
    kinds = opening.replace('"]}"', "").replace('"[["', "").translate(str.maketrans("", "", '0,":a'))
    closing = kinds[::-1].translate(str.maketrans("[{", "]}"))

    def nested(levels):
        times = levels // len(kinds)
        return opening * times + '"\\"[[{\\\\"' + closing * times

    def among_others(levels):
        return f"[{nested(levels - 1)},{','.join(['[]'] * 70)}]" if len(kinds) == 1 else nested(levels)

    accepted = among_others(MAX_JSON_DEPTH).encode(encoding)
    assert parse_body(accepted) == json.loads(accepted)
    with pytest.raises(MalformedBodyError, match="more than 64 levels"):
        parse_body(among_others(MAX_JSON_DEPTH + len(kinds)).encode(encoding))


@pytest.mark.parametrize("sign", [b"", b"-"])
@pytest.mark.parametrize("around", [b"%b", b'{"a": [%b]}'])
def test_an_integer_has_at_most_4300_digits(around, sign):
    accepted = around % (sign + b"9" * 4300)
    assert parse_body(accepted) == json.loads(accepted)
    with pytest.raises(MalformedBodyError, match="too many digits"):
        parse_body(around % (sign + b"9" * 4301))


def test_a_float_has_any_number_of_digits():
    for body in (b"0." + b"1" * 5000, b"1" * 300 + b"." + b"1" * 5000, b"1" * 5000 + b".0", b"1e" + b"9" * 5000):
        assert parse_body(body) == json.loads(body)


def test_a_text_full_of_brackets_has_no_levels():
    for body in (b'"' + b"[" * 1000 + b'"', b'["' + b"[{" * 1000 + b'"]'):
        assert parse_body(body) == json.loads(body)


HOSTILE = {
    "lists that never end": filled(b"["),
    "objects that never end": filled(b'{"a":'),
    "objects in lists that never end": filled(b'[{"":'),
    "backslashes": filled(b"\\", before=b'"'),
    "escaped quotes that never end": filled(b'\\"', before=b'"'),
    "quotes": filled(b'"'),
    "a text that never ends": filled(b"[", before=b'"'),
    "digits": filled(b"9"),
    "digits after a minus": filled(b"9", before=b"-"),
    "a float that breaks off": filled(b"0", before=b"1.", after=b"e"),
    "white space": filled(b" "),
    "closing brackets": filled(b"]"),
    "commas": filled(b",", before=b"["),
    "zeros": filled(b"0"),
    "NUL": filled(b"\x00"),
    "no UTF-8 at the end": filled(b"a", before=b'"', after=b'\xff"'),
    "half of UTF-16": filled(b"\x00[", after=b"\x00"),
    "UTF-32 lists that never end": "[".encode("utf-32") + filled(b"[\x00\x00\x00"),
    "byte order marks": filled(b"\xef\xbb\xbf"),
}


@pytest.fixture(scope="module")
def ordinary_s():
    """Processor time for reading 10 MiB of rows such as models are sent."""
    body = filled(b'{"a": 0.123456789, "b": "some text"},', before=b"[", after=b"0]")
    return min(processor_s(lambda: json.loads(body)) for _ in range(3))


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_refusing_10_mib_takes_about_as_long_as_reading_10_mib(body, ordinary_s):
    """At most thrice as long, the best of three: whatever the bytes are, the time is linear in their number."""
    assert min(processor_s(lambda: refused(body)) for _ in range(3)) < 3 * ordinary_s


def refused(body):
    with pytest.raises(MalformedBodyError):
        parse_body(body)


def processor_s(work):
    begin = time.thread_time()
    work()
    return time.thread_time() - begin


def test_a_body_that_repeats_one_key_is_one_value():
    body = filled(b'"a":1,', before=b"{", after=b'"a":2}')
    assert parse_body(body) == {"a": 2}


def test_refusing_does_not_depend_on_how_deep_the_caller_is():
    """A body within the bounds never meets the interpreter's own limit, one beyond it always meets one of the two."""

    def at_depth(frames, body):
        return parse_body(body) if frames == 0 else at_depth(frames - 1, body)

    assert at_depth(300, b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH)
    for levels in (MAX_JSON_DEPTH + 1, 700, 2000):
        with pytest.raises(MalformedBodyError, match="more than 64 levels"):
            at_depth(300, b"[" * levels + b"]" * levels)
