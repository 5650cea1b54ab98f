"""What is said about a condition that cannot be meant so: RG2xx."""

from __future__ import annotations

from rulegate.condition import vocabulary
from rulegate.condition.messages.codes import Code
from rulegate.condition.messages.suggest import choice, closest, did_you_mean
from rulegate.diagnostics import Diagnostic, Severity, Source, Span


def unknown_name(source: Source, span: Span, name: str, *, has_services: bool) -> Diagnostic:
    """A name that stands for nothing; ``has_services`` says whether ``external`` may be meant."""
    if name in vocabulary.CLASSES or name == vocabulary.PATTERNS:
        known: tuple[str, ...] = ()
    else:
        known = (vocabulary.REQUEST, vocabulary.PATTERNS, *vocabulary.FUNCTIONS)
        known += (vocabulary.EXTERNAL,) if has_services else ()
    hint = did_you_mean(name, known, f"a condition reads `{vocabulary.REQUEST}`; text needs quotes: `'{name}'`")
    return Diagnostic(Code.UNKNOWN_NAME, f"`{name}` is not known", source, span, hint)


def unknown_function(source: Source, span: Span, name: str) -> Diagnostic:
    """A call of a function that does not exist."""
    hint = did_you_mean(name, vocabulary.FUNCTIONS, choice("function", vocabulary.FUNCTIONS))
    return Diagnostic(Code.UNKNOWN_NAME, f"`{name}` is not a function", source, span, hint)


def unknown_attribute(source: Source, span: Span, name: str) -> Diagnostic:
    """An attribute that ``request`` does not have."""
    known = vocabulary.REQUEST_ATTRIBUTES
    hint = did_you_mean(name, known, choice("attribute", known))
    return Diagnostic(Code.UNKNOWN_ATTRIBUTE, f"`request` has no `{name}`", source, span, hint)


def unknown_method(source: Source, span: Span, name: str, kind: vocabulary.Kind) -> Diagnostic:
    """A method that no value, or no value of this kind, has."""
    known = [method for method, signature in vocabulary.METHODS.items() if signature.owner & kind]
    close = closest(name, known)
    # Of a value of the body anything may be meant; whoever nearly wrote a method of text meant text.
    meant = vocabulary.METHODS[close].owner & kind if close else kind
    owner = "any value" if vocabulary.Kind.JSON in meant else vocabulary.describe(meant)
    if close:
        hint = f"did you mean `{close}`?"
    elif not known:
        hint = "compare the value as it is"
    elif meant & vocabulary.Kind.TEXT:
        hint = "text has Python's methods that only look at it, such as `startswith`, `lower`, `split` and `find`"
    else:
        hint = choice("method", known)
    return Diagnostic(Code.UNKNOWN_METHOD, f"`{name}` is not a method of {owner}", source, span, hint)


def attribute_of_json(source: Source, span: Span, name: str) -> Diagnostic:
    """A key of a JSON object written as an attribute."""
    hint = did_you_mean(name, vocabulary.METHODS, None)
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
    if most == vocabulary.MAX_NODES:
        expected = f"at least {fewest}"
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


def never_a_pair(source: Source, span: Span, left: vocabulary.Kind, owner: str) -> Diagnostic:
    """A value that is no pair where pairs are looked through."""
    return Diagnostic(
        Code.NOT_A_CONTAINER,
        f"{vocabulary.describe(left)} is never `in` items, which are pairs of a key and a value",
        source,
        span,
        f"ask for a key with `… in {owner}`, or for a value with `… in {owner}.values()`",
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


def always_the_same(source: Source, span: Span) -> Diagnostic:
    """An expression, used for its value, that reads nothing of any request."""
    hint = "read a value of the request, as in `request.headers['X-User-Id']`"
    message = "this is the same for every request"
    return Diagnostic(Code.ALWAYS_THE_SAME, message, source, span, hint, Severity.WARNING)


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


def unknown_pattern_function(source: Source, span: Span, name: str) -> Diagnostic:
    """A name after ``re.`` that is not one of its functions."""
    known = vocabulary.PATTERN_FUNCTIONS
    hint = did_you_mean(name, known, choice("function", known))
    return Diagnostic(Code.UNKNOWN_NAME, f"`re.{name}` is not a function", source, span, hint)


def unfit_operands(
    source: Source, span: Span, operator: str, left: vocabulary.Kind, right: vocabulary.Kind
) -> Diagnostic:
    """Two kinds of value that an operator cannot join."""
    hint = "`+` joins numbers or two texts" if operator == "+" else f"`{operator}` joins numbers"
    text, number = vocabulary.Kind.TEXT, vocabulary.Kind.NUMBER
    if operator == "+" and ((left in text and right in number) or (left in number and right in text)):
        hint = "write `str(…)` around the number, or `int(…)` around the text"
    elif operator == "%" and left in text:
        hint = "there is no formatting: compare the parts one by one"
    return Diagnostic(
        Code.UNFIT_OPERANDS,
        f"`{operator}` cannot join {vocabulary.describe(left)} with {vocabulary.describe(right)}",
        source,
        span,
        hint,
    )


def not_sliced(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """A slice of a value that has no order."""
    return Diagnostic(
        Code.NOT_SUBSCRIPTABLE,
        f"{vocabulary.describe(kind)} cannot be sliced",
        source,
        span,
        "only text and lists are sliced with `[…:…]`",
    )


def misplaced_generator(source: Source, span: Span, name: str) -> Diagnostic:
    """A generator as the argument of a function that takes none."""
    return Diagnostic(
        Code.GENERATOR_PLACE,
        f"`{name}` does not take a generator",
        source,
        span,
        "only `any`, `all`, `sum`, `min` and `max` do; to count, write `sum(1 for … if …)`",
    )


def not_iterable(source: Source, span: Span, kind: vocabulary.Kind) -> Diagnostic:
    """A value that a generator cannot run over."""
    return Diagnostic(
        Code.NOT_ITERABLE,
        f"`for` cannot run over {vocabulary.describe(kind)}",
        source,
        span,
        "write a list, a text or an object after `in`",
    )


def name_taken(source: Source, span: Span, name: str) -> Diagnostic:
    """A generator that binds a name of the language."""
    return Diagnostic(
        Code.NAME_TAKEN, f"`{name}` has a meaning of its own here", source, span, "choose another name after `for`"
    )
