"""Every name, attribute, method, function and limit of the condition language, in one table that all stages read."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

MAX_LENGTH: Final = 4096
"""Code points in the text of a condition."""
MAX_OPEN_BRACKETS: Final = 64
"""Brackets that may be open at one place."""
MAX_DEPTH: Final = 64
"""Levels of the tree, the root being the first."""
MAX_NODES: Final = 512
"""Nodes of the tree; a collection of constants counts as one."""
MAX_TEXT_LENGTH: Final = 2048
"""Code points in a text literal, escapes decoded."""
MAX_CHAIN: Final = 8
"""Comparators in one chained comparison."""
MAX_COLLECTION: Final = 1024
"""Elements in one list, tuple or set."""
MAX_INTEGER_DIGITS: Final = 18
"""Digits of an integer literal."""
MAX_GENERATORS: Final = 4
"""Generators in one condition."""
MAX_GENERATOR_DEPTH: Final = 2
"""Generators that may be nested, the outermost being the first."""
MAX_BUCKETS: Final = 1_000_000
"""The second argument of ``bucket``."""
MAX_ROUND_DIGITS: Final = 15
"""The second argument of ``round``."""
MAX_PATTERN_LENGTH: Final = 256
"""Code points in a regular expression."""
MAX_WIDE_PLACES: Final = 256
"""Classes and dots in a regular expression, each as often as it is counted: ``[a-z]{3}`` has three."""
MAX_SUM_LENGTH: Final = 65_536
"""Code points in a text that ``+`` makes."""
MAX_PRODUCT: Final = 2**63
"""The magnitude of an integer that ``*`` makes."""
MAX_INT_TEXT: Final = 32
"""Code points of a text that ``int`` reads."""
MAX_FLOAT_TEXT: Final = 64
"""Code points of a text that ``float`` reads."""
MAX_SHORT_SLICE: Final = 64
"""Elements of a slice that is made without a charge."""
CONDITION_BUDGET: Final = 30_000_000
"""What one evaluation of a condition may cost, in nanoseconds of an ordinary processor, as estimated."""
REQUEST_BUDGET: Final = 90_000_000
"""What all conditions together may cost for one request, in the same unit."""
SHARED_BUDGET: Final = 1_000_000
"""What the parts that conditions share may cost for one request, in the same unit; beyond, each evaluates its own."""
MAX_DIAGNOSTICS: Final = 20
"""Diagnostics that are reported of one condition."""


class Kind(enum.Flag):
    """What a value can be; several flags together where it can be one of several."""

    NONE = enum.auto()
    BOOL = enum.auto()
    INT = enum.auto()
    FLOAT = enum.auto()
    TEXT = enum.auto()
    LIST = enum.auto()
    TUPLE = enum.auto()
    SET = enum.auto()
    DICT = enum.auto()
    HEADERS = enum.auto()
    """One of the request's mappings from text to text: headers, args, cookies."""
    VIEW = enum.auto()
    """What ``keys``, ``values`` and ``items`` give: something to loop over or to look into."""
    WRONG = enum.auto()
    """A part that cannot be at all; what is built on it is not diagnosed again."""

    NUMBER = BOOL | INT | FLOAT
    INDEX = BOOL | INT
    JSON = NONE | BOOL | INT | FLOAT | TEXT | LIST | DICT
    ANY = JSON | TUPLE | SET
    UNKNOWN = ANY | HEADERS | VIEW | WRONG


KIND_WORDS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.NONE: "None",
        Kind.BOOL: "true or false",
        Kind.INT: "a number",
        Kind.FLOAT: "a number",
        Kind.TEXT: "text",
        Kind.LIST: "a list",
        Kind.TUPLE: "a tuple",
        Kind.SET: "a set",
        Kind.DICT: "an object",
        Kind.HEADERS: "a mapping",
        Kind.VIEW: "keys, values or items",
    }
)
"""What people call each kind."""


def kind_of(value: object) -> Kind:
    """The kind of a value that a condition can hold.

    Raises:
        KeyError: If the value is of a type that no condition can hold.
    """
    return _KIND_OF_TYPE[type(value)]


_KIND_OF_TYPE: Final[Mapping[type, Kind]] = MappingProxyType(
    {
        type(None): Kind.NONE,
        bool: Kind.BOOL,
        int: Kind.INT,
        float: Kind.FLOAT,
        str: Kind.TEXT,
        list: Kind.LIST,
        tuple: Kind.TUPLE,
        set: Kind.SET,
        dict: Kind.DICT,
    }
)


def describe(kind: Kind) -> str:
    """``text``, ``a number or None``: the kinds in words, for messages."""
    if Kind.JSON in kind:
        return "any value"
    if ITERABLE & ~Kind.TEXT in kind:
        return "a list, text or an object" if kind & Kind.TEXT else "a list or an object"
    if Kind.INDEX in kind:
        kind &= ~Kind.BOOL
    *words, last = dict.fromkeys(KIND_WORDS[part] for part in kind)
    return f"{', '.join(words)} or {last}" if words else last


REQUEST: Final = "request"
"""The one name that stands for a value."""
EXTERNAL: Final = "external"
"""The name before the name of a decision service in brackets."""
PATTERNS: Final = "re"
"""The name before the functions of regular expressions."""


@dataclass(frozen=True, slots=True)
class RequestAttribute:
    """An attribute of ``request``.

    ``reads`` is the attribute of `Request` that holds the value: ``json`` and ``get_json()`` read the same.
    """

    kind: Kind
    reads: str
    bare: bool = True
    """May be written without a call."""
    called: bool = False
    """May be written with an empty call."""


REQUEST_ATTRIBUTES: Final[Mapping[str, RequestAttribute]] = MappingProxyType(
    {
        "json": RequestAttribute(Kind.JSON, "json", called=True),
        "get_json": RequestAttribute(Kind.JSON, "json", bare=False, called=True),
        "headers": RequestAttribute(Kind.HEADERS, "headers"),
        "method": RequestAttribute(Kind.TEXT, "method"),
        "path": RequestAttribute(Kind.TEXT, "path"),
        "args": RequestAttribute(Kind.HEADERS, "args"),
        "cookies": RequestAttribute(Kind.HEADERS, "cookies"),
        "host": RequestAttribute(Kind.TEXT, "host"),
        "remote_addr": RequestAttribute(Kind.TEXT | Kind.NONE, "remote_addr"),
        "content_type": RequestAttribute(Kind.TEXT | Kind.NONE, "content_type"),
        "content_length": RequestAttribute(Kind.INT | Kind.NONE, "content_length"),
        "is_json": RequestAttribute(Kind.BOOL, "is_json"),
    }
)


class Literal(enum.Enum):
    """An argument that the author must write out, because it is read when the condition is compiled."""

    PATTERN = "a regular expression in quotes"
    NETWORKS = "a network in quotes, such as `'10.0.0.0/8'`, or a list of them"
    ZONE = "a time zone in quotes, such as `'Europe/Berlin'`"
    CLASSES = "`str`, `int`, `float`, `bool`, `list`, `dict` or a tuple of them"
    DIGITS = "a whole number from 0 to 15"
    BUCKETS = "a whole number from 1 to 1000000"
    SALT = "text in quotes"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function or method takes and gives: what each parameter accepts, how many are required, the result."""

    result: Kind
    parameters: tuple[Kind | Literal, ...] = ()
    required: int = 0
    owner: Kind = Kind.ANY
    """The kinds of value that have the method."""
    keyword: str | None = None
    """The name of the last parameter, if it may be given by name."""
    repeated: bool = False
    """Whether the last parameter takes any number of arguments."""
    loops: bool = False
    """Whether a generator may be the sole argument."""


_BOUND: Final = Kind.INDEX | Kind.NONE
_AFFIX: Final = Signature(Kind.BOOL, (Kind.TEXT | Kind.TUPLE, _BOUND, _BOUND), 1, Kind.TEXT)
_CASE: Final = Signature(Kind.TEXT, owner=Kind.TEXT)
_STRIP: Final = Signature(Kind.TEXT, (Kind.TEXT | Kind.NONE,), owner=Kind.TEXT)
_SPLIT: Final = Signature(Kind.LIST, (Kind.TEXT | Kind.NONE, Kind.INDEX), owner=Kind.TEXT)
_PARTITION: Final = Signature(Kind.TUPLE, (Kind.TEXT,), 1, Kind.TEXT)
_REMOVE: Final = Signature(Kind.TEXT, (Kind.TEXT,), 1, Kind.TEXT)
_SEARCH: Final = Signature(Kind.INT, (Kind.TEXT, _BOUND, _BOUND), 1, Kind.TEXT)
_IS: Final = Signature(Kind.BOOL, owner=Kind.TEXT)

METHODS: Final[Mapping[str, Signature]] = MappingProxyType(
    {
        "startswith": _AFFIX,
        "endswith": _AFFIX,
        "lower": _CASE,
        "upper": _CASE,
        "casefold": _CASE,
        "strip": _STRIP,
        "lstrip": _STRIP,
        "rstrip": _STRIP,
        "split": _SPLIT,
        "rsplit": _SPLIT,
        "splitlines": Signature(Kind.LIST, (Kind.INDEX,), owner=Kind.TEXT),
        "partition": _PARTITION,
        "rpartition": _PARTITION,
        "removeprefix": _REMOVE,
        "removesuffix": _REMOVE,
        "count": _SEARCH,
        "find": _SEARCH,
        "isdigit": _IS,
        "isalpha": _IS,
        "isalnum": _IS,
        "isdecimal": _IS,
        "isnumeric": _IS,
        "isspace": _IS,
        "isupper": _IS,
        "islower": _IS,
        "isascii": _IS,
        "get": Signature(Kind.ANY, (Kind.ANY, Kind.ANY), 1, Kind.DICT | Kind.HEADERS),
        "keys": Signature(Kind.VIEW, owner=Kind.DICT | Kind.HEADERS),
        "values": Signature(Kind.VIEW, owner=Kind.DICT | Kind.HEADERS),
        "items": Signature(Kind.VIEW, owner=Kind.DICT | Kind.HEADERS),
    }
)

REFUSED_METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "replace": "compare the text as it is, or with `removeprefix`, `split` or `partition`",
        "join": "compare the parts one by one",
        "format": "compare the parts one by one",
        "format_map": "compare the parts one by one",
        "encode": "compare text with text",
        "translate": "compare the text as it is, or with `lower`",
        "ljust": "compare `len(…)`",
        "rjust": "compare `len(…)`",
        "center": "compare `len(…)`",
        "zfill": "compare `len(…)`",
        "expandtabs": "use `split`",
    }
)
"""Methods of text that the language leaves out, most since their result can be far larger than their input."""

_SIZED: Final = Kind.TEXT | Kind.LIST | Kind.TUPLE | Kind.SET | Kind.DICT | Kind.VIEW
ITERABLE: Final = _SIZED
"""What a generator can run over."""
_TRUTH: Final = Signature(Kind.BOOL, (ITERABLE,), 1, loops=True)
_EXTREME: Final = Signature(Kind.ANY, (Kind.ANY | Kind.VIEW, Kind.ANY), 1, repeated=True, loops=True)
_CLOCK: Final = (Literal.ZONE,)
_SCALAR: Final = Kind.NONE | Kind.NUMBER | Kind.TEXT

FUNCTIONS: Final[Mapping[str, Signature]] = MappingProxyType(
    {
        "len": Signature(Kind.INT, (_SIZED | Kind.HEADERS,), 1),
        "any": _TRUTH,
        "all": _TRUTH,
        "sum": Signature(Kind.INT | Kind.FLOAT, (ITERABLE & ~Kind.TEXT,), 1, loops=True),
        "min": _EXTREME,
        "max": _EXTREME,
        "abs": Signature(Kind.INT | Kind.FLOAT, (Kind.NUMBER,), 1),
        "round": Signature(Kind.INT | Kind.FLOAT, (Kind.NUMBER, Literal.DIGITS), 1),
        "int": Signature(Kind.INT, (Kind.NUMBER | Kind.TEXT,), 1),
        "float": Signature(Kind.FLOAT, (Kind.NUMBER | Kind.TEXT,), 1),
        "str": Signature(Kind.TEXT, (Kind.ANY,), 1),
        "bool": Signature(Kind.BOOL, (Kind.ANY,), 1),
        "isinstance": Signature(Kind.BOOL, (Kind.ANY, Literal.CLASSES), 2),
        "ip_in": Signature(Kind.BOOL, (Kind.TEXT, Literal.NETWORKS), 2),
        "bucket": Signature(Kind.INT, (_SCALAR, Literal.BUCKETS, Literal.SALT), 2, keyword="salt"),
        "now_time": Signature(Kind.TEXT, _CLOCK),
        "now_date": Signature(Kind.TEXT, _CLOCK),
        "now_weekday": Signature(Kind.INT, _CLOCK),
    }
)

_MATCH: Final = Signature(Kind.BOOL, (Literal.PATTERN, Kind.TEXT), 2)
PATTERN_FUNCTIONS: Final[Mapping[str, Signature]] = MappingProxyType(
    {"search": _MATCH, "match": _MATCH, "fullmatch": _MATCH}
)
"""The functions that are written after ``re.``."""

CLASSES: Final[Mapping[str, type]] = MappingProxyType(
    {"str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}
)
"""What ``isinstance`` can ask for."""

RESERVED: Final = frozenset({REQUEST, EXTERNAL, PATTERNS, *FUNCTIONS, *CLASSES})
"""Names that a generator cannot bind."""
