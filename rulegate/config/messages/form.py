"""What is said about a file and its YAML, before anybody asks what it means."""

# ruff: noqa: D103  -- each constructor is the sentence that it returns

from __future__ import annotations

from rulegate.config.messages.codes import Fault
from rulegate.config.wording import shorten

# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def no_such_file() -> Fault:
    return Fault("RG301", "there is no such file", "name a configuration file that exists")


def is_directory() -> Fault:
    return Fault("RG301", "this is a directory, not a file", "name the configuration file in it")


def unreadable(reason: str) -> Fault:
    return Fault("RG301", f"the file cannot be read: {reason}", "check its path and its permissions")


def file_too_large(limit_mib: int) -> Fault:
    return Fault("RG301", f"the file is larger than {limit_mib} MiB", "is this the file that you mean?")


def not_utf8(byte: int) -> Fault:
    return Fault("RG302", f"the file is not UTF-8: the byte 0x{byte:02x} does not belong here", "save it as UTF-8")


def forbidden_character(char: str) -> Fault:
    return Fault(
        "RG302",
        f"the character U+{ord(char):04X} cannot stand in YAML",
        "remove it, or write it as an escape in double quotes",
    )


def empty_file() -> Fault:
    return Fault("RG305", "the configuration is empty", "a configuration lists its `model_endpoints`")


# ── YAML ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tab_in_indentation() -> Fault:
    return Fault("RG303", "a tab cannot indent YAML", "indent with spaces")


def cannot_begin(char: str) -> Fault:
    return Fault("RG303", f"text cannot begin with `{char}`", "put the text in quotes")


def unexpected_colon() -> Fault:
    return Fault(
        "RG303",
        "a `:` cannot stand here",
        "put a space after each key's colon, indent the keys of one mapping alike, and quote text that contains `: `",
    )


def unclosed_quote() -> Fault:
    return Fault("RG303", "the quote that opens here is never closed", "close it at the end of the text")


def unclosed_bracket(bracket: str) -> Fault:
    closing = {"[": "]", "{": "}"}.get(bracket, bracket)
    return Fault(
        "RG303",
        f"the `{bracket}` that opens here lacks a `,` or its `{closing}`",
        "close it, or put text that begins with it in quotes",
    )


def unquoted_variable(text: str) -> Fault:
    return Fault(
        "RG303",
        f"`{shorten(text)}` cannot stand between brackets without quotes",
        f'put the value in quotes: `"{shorten(text)}"`; a number stays a number',
    )


def unknown_escape() -> Fault:
    return Fault(
        "RG303",
        "double quotes hold a backslash escape that YAML does not know",
        r"write `\\` for a backslash, or use single quotes",
    )


def missing_colon() -> Fault:
    return Fault("RG303", "a `:` is missing after this", "write `key: value`, with a space after the colon")


def bad_indentation() -> Fault:
    return Fault(
        "RG303",
        "this line does not continue what stands above it",
        "indent the keys of one mapping, or the dashes of one list, alike",
    )


def not_yaml(problem: str) -> Fault:
    return Fault("RG303", f"this is not YAML: {problem}", "look for a quote, a bracket or a space that is missing here")


def missing_value() -> Fault:
    return Fault("RG303", "a value is missing here", "write one, or close the bracket that is open before this place")


def several_documents() -> Fault:
    return Fault("RG304", "a second document begins here", "keep one configuration in a file, without another `---`")


def anchor(name: str) -> Fault:
    return Fault(
        "RG304",
        f"the anchor `&{shorten(name)}` is not accepted",
        "remove it, and write out what it would repeat",
    )


def alias(name: str) -> Fault:
    return Fault(
        "RG304",
        f"the alias `*{shorten(name)}` is not accepted",
        "write the value out, or put text that begins with `*` in quotes",
    )


def tag(name: str) -> Fault:
    return Fault(
        "RG304", f"the tag `{shorten(name)}` is not accepted", "remove it, or put text that begins with `!` in quotes"
    )


def tag_directive() -> Fault:
    return Fault("RG304", "the directive `%TAG` is not accepted", "remove it: a configuration has no tags")


def merge_key() -> Fault:
    return Fault("RG304", "the merge key `<<` is not accepted", "write the keys out")


def too_deep(limit: int) -> Fault:
    return Fault(
        "RG304",
        f"the file nests deeper than {limit} levels",
        "no setting lies that deep: look for a bracket that is never closed",
    )


def too_many_keys(limit: int) -> Fault:
    return Fault("RG304", f"a mapping has more than {limit} keys", "is this the file that you mean?")


def too_many_nodes(limit: int) -> Fault:
    return Fault("RG304", f"the file has more than {limit} keys and values", "is this the file that you mean?")


def key_is_not_text() -> Fault:
    return Fault(
        "RG304", "a key must be text", "put it in quotes, if YAML takes it for a number, a truth value or nothing"
    )


def duplicate_key(key: str, first_line: int) -> Fault:
    return Fault("RG306", f"the key `{shorten(key)}` stands twice; first in line {first_line}", "keep one of them")
