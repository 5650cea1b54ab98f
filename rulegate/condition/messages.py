"""Every diagnostic of the condition language: its code, its message and its hint, one constructor each."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable

from rulegate.condition import vocabulary
from rulegate.diagnostics import Diagnostic, Severity, Source, Span


class Code(enum.StrEnum):
    """The registry of codes: RG1xx is about the text, RG2xx about its meaning; a code is never used again."""

    EMPTY = "RG101"
    TOO_LONG = "RG102"
    TOO_MANY_OPEN_BRACKETS = "RG103"
    STRAY_CHARACTER = "RG104"
    CURLY_QUOTE = "RG105"
    ODD_SPACE = "RG106"
    MISSING_QUOTE = "RG107"
    MISSING_BRACKET = "RG108"
    STRAY_BRACKET = "RG109"
    BAD_NUMBER = "RG110"
    BAD_ESCAPE = "RG111"
    HIDDEN_CHARACTER = "RG112"
    LITERAL_PREFIX = "RG113"
    TRIPLE_QUOTES = "RG114"
    ASSIGNMENT = "RG115"
    FOREIGN_OPERATOR = "RG116"
    NO_SUCH_OPERATOR = "RG117"
    NO_SUCH_WORD = "RG118"
    COMMENT = "RG119"
    NON_ASCII_NAME = "RG120"
    UNDERSCORE_NAME = "RG121"
    KEYWORD_ARGUMENT = "RG122"
    SLICE = "RG123"
    DICT_DISPLAY = "RG124"
    ENDS_EARLY = "RG125"
    ADJACENT_TEXTS = "RG126"
    MISSING_OPERATOR = "RG127"
    BARE_TUPLE = "RG128"
    UNEXPECTED = "RG129"
    UNKNOWN_NAME = "RG201"
    UNKNOWN_ATTRIBUTE = "RG202"
    UNKNOWN_METHOD = "RG203"
    ATTRIBUTE_OF_JSON = "RG204"
    NOT_CALLABLE = "RG205"
    NOT_CALLED = "RG206"
    WRONG_ARITY = "RG207"
    WRONG_ARGUMENT = "RG208"
    WRONG_OWNER = "RG209"
    REFUSED_METHOD = "RG210"
    UNORDERED = "RG211"
    NOT_A_CONTAINER = "RG212"
    IS_NOT_NONE = "RG213"
    NOT_SUBSCRIPTABLE = "RG214"
    WRONG_INDEX = "RG215"
    NOT_A_VALUE = "RG216"
    NOT_A_NUMBER = "RG217"
    NOT_CONSTANT_SET = "RG218"
    TOO_DEEP = "RG219"
    TOO_MANY_NODES = "RG220"
    TEXT_TOO_LONG = "RG221"
    CHAIN_TOO_LONG = "RG222"
    COLLECTION_TOO_LARGE = "RG223"
    ALWAYS_THE_SAME = "RG224"
    NEVER_A_BOOL = "RG225"
    NEVER_EQUAL = "RG226"


_SIMILAR = 0.7
"""How alike two names must be (0 to 1) before one is suggested for the other."""


def _did_you_mean(name: str, known: Iterable[str], otherwise: str | None) -> str | None:
    close = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
    return f"did you mean `{close[0]}`?" if close else otherwise


def _choice(noun: str, names: Iterable[str]) -> str:
    listed = ", ".join(f"`{name}`" for name in sorted(names))
    return f"the {noun}s are {listed}" if "," in listed else f"the only {noun} is {listed}"


# ---- the text ------------------------------------------------------------------------------------------------------


def empty(source: Source, span: Span) -> Diagnostic:
    """A condition without any token."""
    return Diagnostic(
        Code.EMPTY,
        "the condition is empty",
        source,
        span,
        "write one, or leave the condition out to match every request",
    )


def too_long(source: Source, span: Span) -> Diagnostic:
    """More code points than a condition may have."""
    return Diagnostic(
        Code.TOO_LONG,
        f"a condition has at most {vocabulary.MAX_LENGTH} characters, this one has {len(source.text)}",
        source,
        span,
        "split it over several routes",
    )


def too_many_open_brackets(source: Source, span: Span) -> Diagnostic:
    """A bracket that opens inside too many others."""
    return Diagnostic(
        Code.TOO_MANY_OPEN_BRACKETS,
        f"at most {vocabulary.MAX_OPEN_BRACKETS} brackets may be open at one place",
        source,
        span,
        "remove brackets that change nothing",
    )


def stray_character(source: Source, span: Span) -> Diagnostic:
    """A character that begins nothing."""
    char = source.text[span.start : span.end]
    return Diagnostic(
        Code.STRAY_CHARACTER, f"`{char}` means nothing in a condition", source, span, "remove it, or put it into quotes"
    )


def line_continuation(source: Source, span: Span) -> Diagnostic:
    r"""A backslash outside a literal."""
    return Diagnostic(
        Code.STRAY_CHARACTER,
        "a backslash means nothing outside quotes",
        source,
        span,
        "remove it: a condition may simply go on in the next line",
    )


def curly_quote(source: Source, span: Span) -> Diagnostic:
    """A typographic quote where a literal should begin."""
    char = source.text[span.start : span.end]
    return Diagnostic(
        Code.CURLY_QUOTE, f"`{char}` is a typographic quote", source, span, "write straight quotes: `'` or `\"`"
    )


def odd_space(source: Source, span: Span, name: str) -> Diagnostic:
    """White space other than a space or a line end."""
    return Diagnostic(Code.ODD_SPACE, f"{name} instead of a space", source, span, "replace it by a plain space")


def hidden_between(source: Source, span: Span, name: str) -> Diagnostic:
    """A character outside a literal that cannot be seen."""
    return Diagnostic(Code.ODD_SPACE, f"{name}, which cannot be seen", source, span, "remove it")


def missing_quote(source: Source, span: Span) -> Diagnostic:
    """A literal without an end."""
    quote = source.text[span.start : span.end][-1]
    return Diagnostic(
        Code.MISSING_QUOTE,
        "the text that begins here has no end",
        source,
        span,
        f"close it with `{quote}` in the same line; write a quote inside it as `\\{quote}`",
    )


def missing_bracket(source: Source, span: Span, closing: str) -> Diagnostic:
    """A bracket that is never closed."""
    opening = source.text[span.start : span.end]
    return Diagnostic(
        Code.MISSING_BRACKET, f"`{opening}` is never closed", source, span, f"add the missing `{closing}`"
    )


def stray_bracket(source: Source, span: Span) -> Diagnostic:
    """A closing bracket where none is open."""
    bracket = source.text[span.start : span.end]
    return Diagnostic(
        Code.STRAY_BRACKET, f"`{bracket}` closes nothing", source, span, "remove it, or add the bracket that it closes"
    )


def wrong_bracket(source: Source, span: Span, opening: str, closing: str) -> Diagnostic:
    """A closing bracket of another shape than the open one."""
    bracket = source.text[span.start : span.end]
    return Diagnostic(
        Code.STRAY_BRACKET,
        f"expected `{closing}`, got `{bracket}`",
        source,
        span,
        f"close `{opening}` with `{closing}`",
    )


def bad_number(source: Source, span: Span) -> Diagnostic:
    """Something that begins with a digit and is no number of the language."""
    return Diagnostic(
        Code.BAD_NUMBER,
        f"`{source.text[span.start : span.end]}` is not a number",
        source,
        span,
        "write a decimal number with the digits 0 to 9, such as `18`, `0.25` or `1e-3`, without leading zeros",
    )


def integer_too_large(source: Source, span: Span) -> Diagnostic:
    """An integer literal with too many digits."""
    return Diagnostic(
        Code.BAD_NUMBER,
        f"an integer has at most {vocabulary.MAX_INTEGER_DIGITS} digits",
        source,
        span,
        "write it as a decimal, such as `1e20`, if it need not be exact",
    )


def infinite_number(source: Source, span: Span) -> Diagnostic:
    """A decimal that no floating point number can hold."""
    return Diagnostic(Code.BAD_NUMBER, "this number is infinite", source, span, "write one below 1.8e308")


def bad_escape(source: Source, span: Span) -> Diagnostic:
    """An escape that the language does not have."""
    return Diagnostic(
        Code.BAD_ESCAPE,
        f"`{source.text[span.start : span.end]}` is not an escape",
        source,
        span,
        r"the escapes are \n \t \r \\ \' \" \xNN \uNNNN \UNNNNNNNN; write a backslash as `\\`, or `r` before the quote",
    )


def null_escape(source: Source, span: Span) -> Diagnostic:
    """An escape for the character NUL or for one that does not exist."""
    return Diagnostic(
        Code.BAD_ESCAPE,
        f"`{source.text[span.start : span.end]}` stands for no character that a text may hold",
        source,
        span,
        "text holds the characters from 1 to 0x10FFFF",
    )


def hidden_character(source: Source, span: Span) -> Diagnostic:
    """A control, direction or zero-width character inside a literal."""
    char = ord(source.text[span.start])
    escape = (
        "\\t"
        if char == 9
        else f"\\x{char:02x}"
        if char < 0x100
        else f"\\u{char:04x}"
        if char < 0x10000
        else f"\\U{char:08x}"
    )
    hint = "remove it" if char == 0 else f"write it as `{escape}`"
    return Diagnostic(Code.HIDDEN_CHARACTER, "a character that cannot be seen must be an escape", source, span, hint)


def literal_prefix(source: Source, span: Span) -> Diagnostic:
    """Letters before a quote other than ``r``."""
    prefix = source.text[span.start : span.end]
    hint = "only `r` may stand before a quote"
    if "f" in prefix.lower() and len(prefix) <= 2:
        hint = "there is no formatting: compare the parts one by one"
    elif "b" in prefix.lower() and len(prefix) <= 2:
        hint = "values of a request are text: remove the `b`"
    return Diagnostic(Code.LITERAL_PREFIX, f"`{prefix}` cannot stand before a quote", source, span, hint)


def triple_quotes(source: Source, span: Span) -> Diagnostic:
    """A literal in three quotes."""
    return Diagnostic(
        Code.TRIPLE_QUOTES,
        "a text has one quote on each side",
        source,
        span,
        "write one quote, and a line feed as `\\n`",
    )


def assignment(source: Source, span: Span) -> Diagnostic:
    """A single equals sign."""
    return Diagnostic(Code.ASSIGNMENT, "`=` assigns, and a condition only compares", source, span, "did you mean `==`?")


def named_assignment(source: Source, span: Span) -> Diagnostic:
    """The operator ``:=``."""
    return Diagnostic(
        Code.ASSIGNMENT, "`:=` assigns, and a condition only compares", source, span, "repeat the expression instead"
    )


def foreign_operator(source: Source, span: Span, python: str) -> Diagnostic:
    """An operator of another language for which Python has its own."""
    operator = source.text[span.start : span.end]
    return Diagnostic(
        Code.FOREIGN_OPERATOR, f"`{operator}` is not an operator here", source, span, f"did you mean `{python}`?"
    )


def no_such_operator(source: Source, span: Span, hint: str) -> Diagnostic:
    """An operator of Python that the language leaves out."""
    operator = source.text[span.start : span.end]
    return Diagnostic(Code.NO_SUCH_OPERATOR, f"a condition has no `{operator}`", source, span, hint)


def no_such_word(source: Source, span: Span, hint: str) -> Diagnostic:
    """A keyword of Python that the language leaves out."""
    word = source.text[span.start : span.end]
    return Diagnostic(Code.NO_SUCH_WORD, f"a condition has no `{word}`", source, span, hint)


def comment(source: Source, span: Span) -> Diagnostic:
    """A number sign outside a literal."""
    return Diagnostic(
        Code.COMMENT,
        "a condition has no comments",
        source,
        span,
        "put the comment into the configuration file, above the condition",
    )


def non_ascii_name(source: Source, span: Span) -> Diagnostic:
    """A name with letters beyond ASCII."""
    return Diagnostic(
        Code.NON_ASCII_NAME,
        f"`{source.text[span.start : span.end]}` has letters that no name has",
        source,
        span,
        "names are written in the letters a to z; other letters belong into quotes",
    )


def underscore_name(source: Source, span: Span) -> Diagnostic:
    """A name that begins with an underscore."""
    return Diagnostic(
        Code.UNDERSCORE_NAME,
        f"`{source.text[span.start : span.end]}` is not available: no name begins with `_`",
        source,
        span,
        "values of the request are read by key, as in `request.json['key']`",
    )


def keyword_argument(source: Source, span: Span) -> Diagnostic:
    """An argument with a name."""
    return Diagnostic(
        Code.KEYWORD_ARGUMENT, "arguments are given by place, not by name", source, span, "remove the name and the `=`"
    )


def slice_(source: Source, span: Span) -> Diagnostic:
    """A colon in square brackets."""
    return Diagnostic(
        Code.SLICE, "a condition has no slices", source, span, "use `startswith` or `endswith`, or read one element"
    )


def dict_display(source: Source, span: Span) -> Diagnostic:
    """A dictionary in curly brackets."""
    return Diagnostic(
        Code.DICT_DISPLAY, "a condition has no objects in `{}`", source, span, "read and compare the values one by one"
    )


def stray_colon(source: Source, span: Span) -> Diagnostic:
    """A colon outside brackets."""
    return Diagnostic(Code.STRAY_CHARACTER, "`:` means nothing here", source, span, "remove it")


def ends_early(source: Source, span: Span) -> Diagnostic:
    """The end of the text where a value should stand."""
    return Diagnostic(
        Code.ENDS_EARLY, "expected a value, but the condition ends here", source, span, "write what is missing"
    )


def adjacent_texts(source: Source, span: Span) -> Diagnostic:
    """Two text literals side by side."""
    return Diagnostic(
        Code.ADJACENT_TEXTS,
        "two texts stand side by side",
        source,
        span,
        "write them as one text, or a comma or an operator between them",
    )


def missing_operator(source: Source, span: Span) -> Diagnostic:
    """Two values side by side."""
    return Diagnostic(
        Code.MISSING_OPERATOR,
        f"expected an operator before `{source.text[span.start : span.end]}`",
        source,
        span,
        "write `and`, `or` or a comparison between the two values",
    )


def bare_tuple(source: Source, span: Span) -> Diagnostic:
    """A comma outside brackets."""
    return Diagnostic(
        Code.BARE_TUPLE,
        "`,` stands outside brackets",
        source,
        span,
        "put the values into brackets, or remove the comma",
    )


def unexpected(source: Source, span: Span) -> Diagnostic:
    """A token where a value should stand."""
    return Diagnostic(
        Code.UNEXPECTED,
        f"expected a value, got `{source.text[span.start : span.end]}`",
        source,
        span,
        "write a value, such as `request.json['key']` or `'text'`, before it",
    )


# ---- the meaning ---------------------------------------------------------------------------------------------------


def unknown_name(source: Source, span: Span, name: str) -> Diagnostic:
    """A name that stands for nothing."""
    known = (vocabulary.REQUEST, *vocabulary.FUNCTIONS)
    hint = _did_you_mean(name, known, f"a condition reads `{vocabulary.REQUEST}`; text needs quotes: `'{name}'`")
    return Diagnostic(Code.UNKNOWN_NAME, f"`{name}` is not known", source, span, hint)


def unknown_function(source: Source, span: Span, name: str) -> Diagnostic:
    """A call of a function that does not exist."""
    hint = _did_you_mean(name, vocabulary.FUNCTIONS, _choice("function", vocabulary.FUNCTIONS))
    return Diagnostic(Code.UNKNOWN_NAME, f"`{name}` is not a function", source, span, hint)


def unknown_attribute(source: Source, span: Span, name: str) -> Diagnostic:
    """An attribute that ``request`` does not have."""
    known = vocabulary.REQUEST_ATTRIBUTES
    hint = _did_you_mean(name, known, _choice("attribute", known))
    return Diagnostic(Code.UNKNOWN_ATTRIBUTE, f"`request` has no `{name}`", source, span, hint)


def unknown_method(source: Source, span: Span, name: str, kind: vocabulary.Kind) -> Diagnostic:
    """A method that no value, or no value of this kind, has."""
    known = [method for method, signature in vocabulary.METHODS.items() if signature.owner & kind]
    close = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
    # Of a value of the body anything may be meant; whoever nearly wrote a method of text meant text.
    meant = vocabulary.METHODS[close[0]].owner & kind if close else kind
    owner = "any value" if vocabulary.Kind.JSON in meant else vocabulary.describe(meant)
    if close:
        hint = f"did you mean `{close[0]}`?"
    elif not known:
        hint = "compare the value as it is"
    elif meant & vocabulary.Kind.TEXT:
        hint = "text has Python's methods that only look at it, such as `startswith`, `lower`, `split` and `find`"
    else:
        hint = _choice("method", known)
    return Diagnostic(Code.UNKNOWN_METHOD, f"`{name}` is not a method of {owner}", source, span, hint)


def attribute_of_json(source: Source, span: Span, name: str) -> Diagnostic:
    """A key of a JSON object written as an attribute."""
    hint = _did_you_mean(name, vocabulary.METHODS, None)
    return Diagnostic(
        Code.ATTRIBUTE_OF_JSON,
        f"`{name}` is written as an attribute, but values are read by key",
        source,
        span,
        f"write `['{name}']` instead of `.{name}`" + (f", or {hint}" if hint else ""),
    )


def not_callable(source: Source, span: Span, what: str) -> Diagnostic:
    """A call of something that is a value."""
    return Diagnostic(
        Code.NOT_CALLABLE, f"{what} is a value and cannot be called", source, span, "remove the brackets after it"
    )


def not_called(source: Source, span: Span, name: str, signature: vocabulary.Signature) -> Diagnostic:
    """A function or method without its call."""
    call = f"{name}(…)" if signature.required else f"{name}()"
    return Diagnostic(Code.NOT_CALLED, f"`{name}` is not called", source, span, f"write `{call}`")


def wrong_arity(source: Source, span: Span, name: str, *, fewest: int, most: int, got: int) -> Diagnostic:
    """Too few or too many arguments."""
    expected = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    noun = "argument" if most == 1 and fewest == most else "arguments"
    hint = "remove what is too much" if got > most else "write what is missing"
    if most == 0:
        expected = "no"
    return Diagnostic(Code.WRONG_ARITY, f"`{name}` takes {expected} {noun}, got {got}", source, span, hint)


def wrong_argument(
    source: Source, span: Span, name: str, expected: vocabulary.Kind, got: vocabulary.Kind
) -> Diagnostic:
    """An argument of a kind that can never fit."""
    return Diagnostic(
        Code.WRONG_ARGUMENT,
        f"`{name}` expects {vocabulary.describe(expected)} here, got {vocabulary.describe(got)}",
        source,
        span,
        f"write a value that can be {vocabulary.describe(expected)}",
    )


def wrong_owner(source: Source, span: Span, name: str, expected: vocabulary.Kind, got: vocabulary.Kind) -> Diagnostic:
    """A method of another kind of value."""
    return Diagnostic(
        Code.WRONG_OWNER,
        f"`{name}` is a method of {vocabulary.describe(expected)}, and this is {vocabulary.describe(got)}",
        source,
        span,
        f"call it on a value that can be {vocabulary.describe(expected)}",
    )


def refused_method(source: Source, span: Span, name: str) -> Diagnostic:
    """A method of Python that the language leaves out."""
    return Diagnostic(
        Code.REFUSED_METHOD, f"`{name}` is not available in a condition", source, span, vocabulary.REFUSED_METHODS[name]
    )


def unordered(source: Source, span: Span, operator: str, left: vocabulary.Kind, right: vocabulary.Kind) -> Diagnostic:
    """Two kinds of value of which neither is the greater."""
    return Diagnostic(
        Code.UNORDERED,
        f"`{operator}` cannot compare {vocabulary.describe(left)} with {vocabulary.describe(right)}",
        source,
        span,
        "compare numbers with numbers and text with text",
    )


def not_a_container(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """A value in which nothing can be."""
    return Diagnostic(
        Code.NOT_A_CONTAINER,
        f"nothing is `in` {vocabulary.describe(kind)}",
        source,
        span,
        "write a list, a text or an object after `in`, or compare with `==`",
    )


def never_in(source: Source, span: Span, left: vocabulary.Kind, right: vocabulary.Kind) -> Diagnostic:
    """A value that can never be in such a container."""
    return Diagnostic(
        Code.NOT_A_CONTAINER,
        f"{vocabulary.describe(left)} is never `in` {vocabulary.describe(right)}",
        source,
        span,
        "in text there is text, and the keys of headers and objects are text",
    )


def is_not_none(source: Source, span: Span) -> Diagnostic:
    """``is`` with something else than ``None``."""
    return Diagnostic(Code.IS_NOT_NONE, "`is` compares with `None` only", source, span, "write `==` or `!=`")


def never_none(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """``is None`` on a value that is never ``None``."""
    return Diagnostic(
        Code.IS_NOT_NONE, f"{vocabulary.describe(kind)} is never `None`", source, span, "remove the comparison"
    )


def not_subscriptable(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """A value without elements."""
    return Diagnostic(
        Code.NOT_SUBSCRIPTABLE,
        f"{vocabulary.describe(kind)} has no elements to read",
        source,
        span,
        "only text, lists, objects and the request's mappings are read with `[…]`",
    )


def wrong_index(source: Source, span: Span, owner: vocabulary.Kind, got: vocabulary.Kind) -> Diagnostic:
    """A key of a kind that the value does not have."""
    by_key = vocabulary.Kind.DICT | vocabulary.Kind.HEADERS
    wanted = vocabulary.Kind.TEXT if owner & by_key else vocabulary.Kind(0)
    if owner & (vocabulary.Kind.TEXT | vocabulary.Kind.LIST | vocabulary.Kind.TUPLE):
        wanted |= vocabulary.Kind.INT
    return Diagnostic(
        Code.WRONG_INDEX,
        f"expected {vocabulary.describe(wanted)} in the brackets, got {vocabulary.describe(got)}",
        source,
        span,
        "objects and headers are read by a key that is text, lists and text by a whole number counted from 0",
    )


def not_a_value(source: Source, span: Span, text: str, hint: str) -> Diagnostic:
    """The request or one of its mappings where a value should stand."""
    return Diagnostic(Code.NOT_A_VALUE, f"`{text}` is not a value by itself", source, span, hint)


def not_a_number(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """A minus before something that is never a number."""
    return Diagnostic(
        Code.NOT_A_NUMBER, f"`-` expects a number, got {vocabulary.describe(kind)}", source, span, "remove the `-`"
    )


def not_constant_set(source: Source, span: Span) -> Diagnostic:
    """An element of a set that is not a constant, or a list."""
    return Diagnostic(
        Code.NOT_CONSTANT_SET,
        "a set holds constants only: numbers, text, `True`, `False`, `None` and tuples of them",
        source,
        span,
        "write a list: `[…]`",
    )


def too_deep(source: Source, span: Span) -> Diagnostic:
    """A tree with too many levels."""
    return Diagnostic(
        Code.TOO_DEEP,
        f"expressions are nested more than {vocabulary.MAX_DEPTH} levels deep here",
        source,
        span,
        "split the condition over several routes",
    )


def too_many_nodes(source: Source, span: Span, count: int) -> Diagnostic:
    """A tree with too many nodes."""
    return Diagnostic(
        Code.TOO_MANY_NODES,
        f"a condition has at most {vocabulary.MAX_NODES} parts, this one has {count}",
        source,
        span,
        "compare with a list of constants, which counts as one part, or split it over several routes",
    )


def text_too_long(source: Source, span: Span, length: int) -> Diagnostic:
    """A literal with too many characters."""
    return Diagnostic(
        Code.TEXT_TOO_LONG,
        f"a text has at most {vocabulary.MAX_TEXT_LENGTH} characters, this one has {length}",
        source,
        span,
        "compare a part of it, as with `startswith`",
    )


def chain_too_long(source: Source, span: Span, count: int) -> Diagnostic:
    """A chained comparison with too many operators."""
    return Diagnostic(
        Code.CHAIN_TOO_LONG,
        f"one comparison has at most {vocabulary.MAX_CHAIN} operators, this one has {count}",
        source,
        span,
        "join several comparisons with `and`",
    )


def collection_too_large(source: Source, span: Span, count: int) -> Diagnostic:
    """A list, tuple or set with too many elements."""
    return Diagnostic(
        Code.COLLECTION_TOO_LARGE,
        f"a collection has at most {vocabulary.MAX_COLLECTION} elements, this one has {count}",
        source,
        span,
        "split it over several routes",
    )


def always_true(source: Source, span: Span, culprit: str | None) -> Diagnostic:
    """A condition that every request matches; ``culprit`` is a text after ``or`` that alone is true."""
    hint = "leave the condition out if every request is meant"
    if culprit is not None:
        hint = f"`or {culprit}` alone is true: compare with several values by `in ['…', {culprit}]`"
    return Diagnostic(Code.ALWAYS_THE_SAME, "this is always true", source, span, hint, Severity.WARNING)


def always_false(source: Source, span: Span) -> Diagnostic:
    """A condition that no request matches."""
    hint = "compare a value of the request"
    return Diagnostic(Code.ALWAYS_THE_SAME, "this is always false", source, span, hint, Severity.WARNING)


def never_a_bool(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """A condition whose value is used for its truth but is never true or false itself."""
    return Diagnostic(
        Code.NEVER_A_BOOL,
        f"this is {vocabulary.describe(kind)}, never true or false; it matches unless it is empty, zero or None",
        source,
        span,
        "compare it, as in `… == 'x'` or `len(…) > 0`",
        Severity.WARNING,
    )


def never_equal(source: Source, span: Span, left: vocabulary.Kind, right: vocabulary.Kind) -> Diagnostic:
    """Two kinds of value that are never equal."""
    return Diagnostic(
        Code.NEVER_EQUAL,
        f"{vocabulary.describe(left)} never equals {vocabulary.describe(right)}",
        source,
        span,
        "compare values of one kind",
        Severity.WARNING,
    )
