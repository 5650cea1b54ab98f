"""What is said about keys and values, the variables in them and the secrets."""

# ruff: noqa: D103  -- each constructor is the sentence that it returns

from __future__ import annotations

from collections.abc import Iterable

from rulegate.config.messages.codes import CODES, Fault
from rulegate.config.wording import did_you_mean, enumerate_names, shorten, suggest_name
from rulegate.diagnostics import Severity

# ── keys and types ────────────────────────────────────────────────────────────────────────────────────────────────────


def unknown_key(key: str, owner: str, known: Iterable[str]) -> Fault:
    names = list(known)
    return Fault(
        "RG307",
        f"{owner} has no key `{shorten(key)}`",
        did_you_mean(key, names) or f"its keys are {enumerate_names(names)}",
    )


def missing_key(key: str, owner: str, example: str) -> Fault:
    return Fault("RG308", f"{owner} needs the key `{key}`", f"add `{example}`")


def wrong_type(expected: str, got: str, hint: str | None) -> Fault:
    return Fault("RG309", f"expected {expected}, got {got}", hint)


def out_of_range(number: int, low: int, high: int) -> Fault:
    return Fault("RG310", f"expected a number from {low} to {high}, got `{number}`")


def number_out_of_range(number: str, low: str, high: str) -> Fault:
    return Fault("RG310", f"expected a number from {low} to {high}, got `{shorten(number)}`")


def empty_list(of: str) -> Fault:
    return Fault("RG311", f"expected at least one {of}, got an empty list", "add one")


def too_many(of: str, count: int, limit: int) -> Fault:
    return Fault("RG310", f"expected at most {limit} {of}s, got {count}", "say it with fewer")


def empty_text(what: str) -> Fault:
    return Fault("RG311", f"expected {what}, got empty text", "give it a value")


# ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def no_duration(text: str) -> Fault:
    return Fault(
        "RG312", f"`{shorten(text)}` is not a duration", "write a number and a unit: `500ms`, `5s`, `15m` or `1h`"
    )


def duration_without_unit(text: str) -> Fault:
    return Fault(
        "RG312",
        f"the duration `{shorten(text)}` has no unit",
        f"write `{shorten(text)}s` for seconds; the units are `ms`, `s`, `m` and `h`",
    )


def duration_out_of_range(text: str, low: str, high: str) -> Fault:
    return Fault("RG312", f"expected a duration from {low} to {high}, got `{shorten(text)}`")


def no_size(text: str) -> Fault:
    return Fault(
        "RG313", f"`{shorten(text)}` is not a size", "write a whole number and a unit: `512KiB`, `10MiB` or `4GiB`"
    )


def size_without_unit(text: str) -> Fault:
    return Fault(
        "RG313",
        f"the size `{shorten(text)}` has no unit",
        f"write `{shorten(text)}B` for bytes; the units are `B`, `KiB`, `MiB` and `GiB`",
    )


def size_in_decimal_units(text: str, binary: str) -> Fault:
    return Fault("RG313", f"`{shorten(text)}` has a unit of 1000; sizes count in units of 1024", f"write `{binary}`")


def memory_share_out_of_range(text: str) -> Fault:
    return Fault("RG313", f"`{text}` is no share of the memory", "a share is more than `0%` and at most `100%`")


def no_share(text: str) -> Fault:
    return Fault("RG326", f"`{shorten(text)}` is not a share", "write a number and `%`: `10%`, `0.5%` or `100%`")


def share_without_percent(number: str) -> Fault:
    return Fault("RG326", f"the share `{shorten(number)}` has no unit", "write a number and `%`: `10%` is one in ten")


def share_out_of_range(text: str) -> Fault:
    return Fault("RG326", f"`{shorten(text)}` is no share", "a share is more than `0%` and at most `100%`")


def size_out_of_range(text: str, low: str, high: str) -> Fault:
    return Fault("RG313", f"expected a size from {low} to {high}, got `{shorten(text)}`")


def no_name(text: str, char: str) -> Fault:
    return Fault(
        "RG314",
        f"a name cannot contain `{shorten(char)}`",
        f"a name is letters, digits, `-` and `_`: for example `{suggest_name(text)}`",
    )


def name_too_long(limit: int) -> Fault:
    return Fault("RG314", f"a name has at most {limit} characters", "choose a shorter one")


def no_variable(text: str) -> Fault:
    return Fault(
        "RG323",
        f"`{shorten(text)}` is not the name of an environment variable",
        "a name is letters, digits and `_`; one that ends with `*` means all that begin so: `HF_*`",
    )


def no_choice(text: str, choices: Iterable[str]) -> Fault:
    names = list(choices)
    return Fault("RG317", f"expected {enumerate_names(names, 'or')}, got `{shorten(text)}`", did_you_mean(text, names))


# ── variables and secrets ─────────────────────────────────────────────────────────────────────────────────────────────


def variable_missing(name: str) -> Fault:
    shown = shorten(name)
    return Fault(
        "RG335",
        f"the environment has no variable `{shown}`",
        f"set it, or say what holds without it: `${{{shown}:-default}}`",
    )


def variable_is_not_text(name: str) -> Fault:
    return Fault("RG335", f"the variable `{shorten(name)}` holds bytes that are not UTF-8", "set it to text")


def no_variable_reference(text: str) -> Fault:
    return Fault(
        "RG336",
        f"`{shorten(text)}` names no variable",
        "write `${NAME}` or `${NAME:-default}`, or `$${` for a `${` that stands for itself",
    )


def variable_in_expression() -> Fault:
    return Fault(
        "RG336",
        "variables are not put into conditions and other expressions, so `${` stands for itself here",
        "write the value out: an expression must not depend on what a variable does to its quotes",
        Severity.WARNING,
    )


def variable_published(text: str) -> Fault:
    return Fault(
        "RG347",
        f"`{shorten(text)}` would be told to clients, whatever the variable holds",
        "write the value out; `$${` is a `${` that stands for itself",
    )


def filled_value(code: str, written: str, severity: Severity) -> Fault:
    return Fault(
        code,
        f"`{shorten(written)}` does not fit here, with its variables put in: {CODES[code]}",
        "look at what the environment has; values of variables are not shown",
        severity,
    )


def secret_value(code: str, severity: Severity) -> Fault:
    return Fault(code, f"a value does not fit here: {CODES[code]}", "it holds a secret, so it is not shown", severity)


def secret_in_file(variable: str) -> Fault:
    return Fault(
        "RG337",
        "a secret stands in the file, for everybody who may read it or its history",
        f"move it into a variable of the environment, and write `${{{shorten(variable)}}}`",
        Severity.WARNING,
    )
