"""What is said about a text that leaves the grammar: RG1xx."""

from __future__ import annotations

from rulegate.condition import vocabulary
from rulegate.condition.messages.codes import Code
from rulegate.diagnostics import Diagnostic, Source, Span


def empty(source: Source, span: Span) -> Diagnostic:
    """A condition without any token."""
    return Diagnostic(
        Code.EMPTY,
        "the condition is empty",
        source,
        span,
        "write one, or leave the condition out to match every request",
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


def misplaced_generator(source: Source, span: Span) -> Diagnostic:
    """``for`` anywhere but in a call with a generator as its sole argument, or a second ``for`` in it."""
    return Diagnostic(
        Code.GENERATOR_PLACE,
        "`for` stands only once in a call, behind its sole argument",
        source,
        span,
        "write `any(… for x in …)`, or `all`, `sum`, `min` or `max`; a loop in a loop is a call in a call",
    )


def missing_else(source: Source, span: Span) -> Diagnostic:
    """A conditional expression without its second half."""
    return Diagnostic(Code.ENDS_EARLY, "expected `else`", source, span, "write `a if test else b`, or only the test")


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


def lonely_not(source: Source, span: Span) -> Diagnostic:
    """``not`` between two values."""
    return Diagnostic(Code.UNEXPECTED, "`not` compares nothing", source, span, "did you mean `not in` or `!=`?")
