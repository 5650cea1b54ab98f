"""Texts, conditions and requests as the laws of the condition language need them: strategies, and how to compare."""

import string
from functools import partial

from hypothesis import strategies as st

from rulegate.condition import EvaluationError, compile_condition
from rulegate.condition import vocabulary as v
from rulegate.condition.nodes import (
    Arithmetic,
    Attribute,
    Binary,
    Bracket,
    Call,
    Comparator,
    Compare,
    Conditional,
    Connective,
    Constant,
    Display,
    Generator,
    Junction,
    Keyword,
    Name,
    Negative,
    Not,
    Slice,
    Subscript,
)
from rulegate.condition.unparse import unparse
from rulegate.diagnostics import Span

NOWHERE = Span(0, 0)
NOW = "2025-03-12T20:15:00+00:00"
SERVICES = frozenset({"risk", "fraud"})
compiled = partial(compile_condition, external=SERVICES)

# ---- texts -----------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *(
        "request",
        ".json",
        ".headers",
        "['a']",
        "[0]",
        "()",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        " ",
        "\n",
        "\t",
    ),
    *(
        "and",
        "or",
        "not",
        "in",
        "is",
        "None",
        "True",
        "lambda",
        "if",
        "else",
        "for",
        "yield",
        "=",
        "==",
        "!=",
        "<",
        ">",
    ),
    *(":=", "&&", "||", "!", "===", "**", "//", "+", "-", "%", "@", "#", "\\", "'", '"', "'''", "'a'", '"b"', "r'\\d'"),
    *("f'{x}'", "b'a'", "__class__", "_x", "0", "007", "1e999", "0x1f", "1_0", "1.5", "9" * 19, "‘", "”", "\u00a0"),
    *(
        "\u200b",
        "\u202e",
        "\x00",
        "\ud800",
        "é",
        "１",
        "len",
        ".get",
        ".startswith",
        ".format",
        "'\\u12'",
        "'\\x00'",
        ";",
    ),
    *(
        " for x in ",
        " if ",
        " else ",
        "any(",
        "sum(",
        "x",
        "re.",
        "search(",
        "external",
        "['risk']",
        "salt=",
        "bucket(",
        "ip_in(",
        ".items()",
    ),
]
texts = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=string.printable, max_size=60),
    st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join),
    st.lists(st.sampled_from(FRAGMENTS), max_size=24).map(" ".join),
)


# ---- conditions ------------------------------------------------------------------------------------------------------

words = st.text(alphabet="aAbB1 -ßé", max_size=4)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.floats(allow_nan=True, width=32), words, st.just("Domain a")
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
bodies = st.fixed_dictionaries({"a": json_values, "b": st.lists(json_values, max_size=3), "c": words})
token_texts = st.text(alphabet="abc1,-", max_size=4)
requests = st.fixed_dictionaries(
    {
        "json": bodies,
        "headers": st.dictionaries(st.sampled_from(["X-A", "x-b", "X-Tier"]), token_texts, max_size=3),
        "args": st.dictionaries(st.sampled_from(["a", "b"]), token_texts, max_size=2),
        "method": st.sampled_from(["GET", "POST"]),
        "path": st.sampled_from(["/invocations", "/a/b"]),
        "external": st.dictionaries(st.sampled_from(sorted(SERVICES)), json_values, max_size=2),
    }
)


def constant(value):
    if isinstance(value, int | float) and not isinstance(value, bool) and str(value).startswith("-"):
        return Negative(NOWHERE, constant(-value))
    return Constant(NOWHERE, value)


def attribute(value, name):
    return Attribute(NOWHERE, value, name, NOWHERE)


def of_request(name):
    return attribute(Name(NOWHERE, "request"), name)


def call(name, *arguments):
    return Call(NOWHERE, Name(NOWHERE, name), arguments)


constants = st.one_of(
    st.sampled_from(["a", "b", "c", "Domain", "", "-", "'\"\\\n", "\u2028\x01"]),
    st.integers(-3, 12),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.sampled_from([True, False, None]),
    words,
).map(constant)
header_names = st.sampled_from(["X-A", "x-a", "X-B", "X-TIER", "Nope"]).map(constant)
keys = st.sampled_from(["a", "b", "c", 0, 1, -1]).map(constant)
mappings = st.sampled_from(["headers", "args"]).map(of_request)
json_bodies = st.sampled_from(
    [of_request("json"), Call(NOWHERE, of_request("json"), ()), Call(NOWHERE, of_request("get_json"), ())]
)
answers = st.sampled_from(sorted(SERVICES)).map(
    lambda name: Subscript(NOWHERE, Name(NOWHERE, "external"), constant(name))
)
paths = st.recursive(
    json_bodies | json_bodies | answers,
    lambda inner: st.builds(Subscript, st.just(NOWHERE), inner, keys),
    max_leaves=4,
)
leaves = st.one_of(
    paths,
    constants,
    st.sampled_from(["method", "path", "host", "remote_addr", "content_type", "content_length", "is_json"]).map(
        of_request
    ),
    st.builds(Subscript, st.just(NOWHERE), mappings, header_names),
    st.builds(
        lambda owner, name, default: Call(NOWHERE, attribute(owner, "get"), (name, *default)),
        mappings,
        header_names,
        st.lists(constants, max_size=1),
    ),
    st.builds(lambda owner: Call(NOWHERE, Name(NOWHERE, "len"), (owner,)), st.just(of_request("args"))),
    st.builds(
        lambda name, sign, owner: Compare(NOWHERE, (name, owner), (sign,)),
        header_names,
        st.sampled_from([Comparator.IN, Comparator.NOT_IN]),
        mappings,
    ),
)
VARIABLES = ["x", "y", "k"]
functions = sorted(
    v.FUNCTIONS.keys() - {"isinstance", "round", "bucket", "ip_in", "now_time", "now_date", "now_weekday"}
)
LOOPS = ["any", "all", "sum", "min", "max"]
# Of these Python's engine and RE2 say the same for the texts that are generated.
patterns = st.sampled_from(["a", "^a", "[ab]+", "(?i)DOMAIN", "b{2}|B", "^[^-]*-", "a.b"]).map(constant)
networks = st.one_of(
    st.sampled_from(["10.0.0.0/8", "10.1.2.3", "::/0"]).map(constant),
    st.just(Display(NOWHERE, Bracket.LIST, (constant("192.168.0.0/16"), constant("10.1.0.0/16")))),
)
classes = st.lists(st.sampled_from(sorted(v.CLASSES)), min_size=1, max_size=3).map(
    lambda names: (
        Name(NOWHERE, names[0])
        if len(names) == 1
        else Display(NOWHERE, Bracket.TUPLE, tuple(Name(NOWHERE, name) for name in names))
    )
)
clocks = st.builds(
    lambda name, zone: call(name, *zone),
    st.sampled_from(["now_time", "now_date", "now_weekday"]),
    st.lists(st.sampled_from(["UTC", "America/New_York"]).map(constant), max_size=1),
)
salts = st.lists(st.sampled_from(["", "a"]).map(lambda salt: Keyword(NOWHERE, "salt", constant(salt))), max_size=1)
targets = st.one_of(
    st.sampled_from(VARIABLES).map(lambda name: Name(NOWHERE, name)),
    st.lists(st.sampled_from(VARIABLES), min_size=1, max_size=2).map(
        lambda names: Display(NOWHERE, Bracket.TUPLE, tuple(Name(NOWHERE, name) for name in names))
    ),
)
equalities = [sign for sign in Comparator if sign not in {Comparator.IS, Comparator.IS_NOT}]


def compound(inner):
    at = st.just(NOWHERE)
    bound = st.none() | keys | inner
    views = st.builds(
        lambda owner, name: Call(NOWHERE, attribute(owner, name), ()),
        paths | mappings | inner,
        st.sampled_from(["keys", "values", "items"]),
    )
    looped = st.sampled_from(VARIABLES).map(lambda name: Name(NOWHERE, name))
    elements = st.one_of(looped, inner, st.builds(Compare, at, st.tuples(looped, inner), st.just((Comparator.EQUAL,))))
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Subscript, at, inner, keys | inner),
        st.builds(
            lambda owner, name, arguments: Call(NOWHERE, attribute(owner, name), tuple(arguments)),
            paths | inner,
            st.sampled_from(sorted(v.METHODS)),
            st.lists(constants | inner, max_size=2),
        ),
        st.builds(Subscript, at, paths | inner, st.builds(Slice, at, bound, bound, bound)),
        st.builds(lambda name, values: call(name, *values), st.sampled_from(functions), several | st.tuples(inner)),
        st.builds(call, st.sampled_from(functions), inner | views),
        st.builds(lambda value, wanted: call("isinstance", value, wanted), inner, classes),
        st.builds(lambda value, digits: call("round", value, constant(digits)), inner, st.integers(0, 15)),
        st.builds(lambda value, salt: call("bucket", value, constant(10), *salt), inner, salts),
        st.builds(lambda value, wanted: call("ip_in", value, wanted), inner, networks),
        st.builds(
            lambda name, pattern, text: Call(NOWHERE, attribute(Name(NOWHERE, "re"), name), (pattern, text)),
            st.sampled_from(sorted(v.PATTERN_FUNCTIONS)),
            patterns,
            inner,
        ),
        clocks,
        st.builds(
            lambda name, element, target, iterable, conditions: call(
                name, Generator(NOWHERE, element, target, iterable, tuple(conditions))
            ),
            st.sampled_from(LOOPS),
            elements,
            targets,
            paths | views | inner,
            st.lists(elements, max_size=1),
        ),
        st.builds(Binary, at, st.sampled_from(Arithmetic), inner, inner),
        st.builds(Conditional, at, inner, inner, inner),
        st.builds(Compare, at, st.tuples(inner, views), st.just((Comparator.IN,))),
        st.builds(Negative, at, inner),
        st.builds(Not, at, inner),
        several.flatmap(
            lambda operands: st.tuples(*[st.sampled_from(equalities)] * (len(operands) - 1)).map(
                lambda signs: Compare(NOWHERE, operands, signs)
            )
        ),
        st.builds(
            lambda value, sign: Compare(NOWHERE, (value, constant(None)), (sign,)),
            inner,
            st.sampled_from([Comparator.IS, Comparator.IS_NOT]),
        ),
        st.builds(Junction, at, st.sampled_from(Connective), several),
        st.builds(Display, at, st.sampled_from([Bracket.LIST, Bracket.TUPLE]), st.lists(inner, max_size=3).map(tuple)),
        st.builds(Display, at, st.just(Bracket.SET), st.lists(constants, min_size=1, max_size=3).map(tuple)),
    )


trees = st.recursive(leaves, compound, max_leaves=8)


@st.composite
def mutated(draw):
    """The text of a condition with a part of it replaced by something else, or by nothing."""
    text = unparse(draw(trees))
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.integers(0, 3)))
    return text[:start] + draw(st.sampled_from(["", *FRAGMENTS])) + text[end:]


# ---- what comes of them ---------------------------------------------------------------------------------------------


def outcome(compute):
    """What a computation gives, told apart by type, or that it errs; NaN equals itself here."""
    try:
        value = compute()
    except EvaluationError:
        return "erred"
    return shown(value)


def erred():
    raise EvaluationError("", NOWHERE, "")


def shown(value):
    if isinstance(value, set):
        return f"set of {sorted(map(shown, value))}"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__} of {[shown(element) for element in value]}"
    return repr(value)
