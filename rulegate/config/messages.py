"""Everything that is said about a configuration: one constructor per diagnostic, one code per kind of fault."""

# ruff: noqa: D103  -- each constructor is the sentence that it returns

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rulegate.config.wording import did_you_mean, enumerate_names, shorten, suggest_name
from rulegate.diagnostics import Diagnostic, Severity, Source, Span

CODES = {
    "RG301": "the file cannot be read",
    "RG302": "the file is not text",
    "RG303": "the file is not YAML",
    "RG304": "a part of YAML that a configuration does without",
    "RG305": "the file is empty",
    "RG306": "a key stands twice in one mapping",
    "RG307": "no such key",
    "RG308": "a key is missing",
    "RG309": "a value of another type is expected",
    "RG310": "a number is out of its range",
    "RG311": "a list or a text is empty",
    "RG312": "not a duration",
    "RG313": "not a size",
    "RG314": "not a name",
    "RG315": "not a model URI",
    "RG317": "not one of the possible values",
    "RG318": "a name is taken",
    "RG319": "no endpoint has this name",
    "RG320": "a route can never be chosen",
    "RG321": "`on_error` without a condition",
    "RG322": "a model or a server that may not be used",
    "RG323": "not the name of an environment variable",
    "RG326": "not a share",
    "RG327": "a key means nothing here",
    "RG328": "a route does not say what answers, or says it twice",
    "RG329": "one model is given different settings",
    "RG330": "not the address of a server",
    "RG331": "not a header",
    "RG332": "not a token",
    "RG333": "not a message",
    "RG334": "no target gets a request",
    "RG335": "an environment variable that is not there",
    "RG336": "not a variable",
    "RG337": "a secret in the file",
    "RG338": "a refusal does not get all that it names",
    "RG339": "an endpoint leaves requests without an answer",
    "RG340": "a fallback leads nowhere",
    "RG341": "a refusal that can be switched off",
    "RG342": "a shadow of what answers anyway",
    "RG343": "a time limit that is never reached",
    "RG344": "names that differ in case alone",
    "RG345": "a decision service that nobody asks",
}
"""Every code of this package and its title; each has a page in the documentation."""

SILENT_CODES = frozenset({"RG330", "RG331", "RG332", "RG335", "RG336", "RG337"})
"""Those whose messages hold nothing of the value that they are about, but for a character that it cannot have."""

_MODEL_URIS = "write `models:/name/production`, `models:/name/3`, `models:/name/latest` or `models:/name@alias`"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong and what to do about it, before it is known where."""

    code: str
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR

    def at(self, source: Source, span: Span) -> Diagnostic:
        """The fault at its place in a file."""
        return Diagnostic(self.code, self.message, source, span, self.hint, self.severity)


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


def key_is_not_text() -> Fault:
    return Fault(
        "RG304", "a key must be text", "put it in quotes, if YAML takes it for a number, a truth value or nothing"
    )


def duplicate_key(key: str, first_line: int) -> Fault:
    return Fault("RG306", f"the key `{shorten(key)}` stands twice; first in line {first_line}", "keep one of them")


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


def conda_environment() -> Fault:
    return Fault(
        "RG317",
        "environments are not made with conda yet",
        "write `uv` or `virtualenv`, which install what pip can of a model's requirements",
    )


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


# ── model URIs ────────────────────────────────────────────────────────────────────────────────────────────────────────


def model_uri_with_blanks() -> Fault:
    return Fault("RG315", "a model URI has no white space around it and nothing that cannot be printed", "remove it")


def unknown_scheme(scheme: str, nearest: str | None) -> Fault:
    hint = f"did you mean `{shorten(nearest)}`?" if nearest else _MODEL_URIS
    return Fault("RG315", f"`{shorten(scheme)}:` is not a kind of model URI", hint)


def misplaced_slash(rest: str) -> Fault:
    return Fault("RG315", "exactly one slash follows `models:`", f"did you mean `models:/{shorten(rest)}`?")


def model_uri_without_name() -> Fault:
    return Fault("RG315", "this `models:` URI names no model", _MODEL_URIS)


def model_uri_without_path(scheme: str) -> Fault:
    return Fault("RG315", f"this `{shorten(scheme)}:` URI names no model", "add the path of the model's folder")


def model_uri_too_long() -> Fault:
    return Fault("RG315", "a `models:` URI ends with the version, the stage or the alias", _MODEL_URIS)


def model_alias_missing(model: str) -> Fault:
    return Fault("RG315", "the alias after `@` is missing", f"write, for example, `models:/{shorten(model)}@champion`")


def model_version_missing(model: str) -> Fault:
    shown = shorten(model)
    return Fault(
        "RG315",
        f"`models:/{shown}` does not say which version of the model",
        f"write `models:/{shown}/latest`, `models:/{shown}/1` or `models:/{shown}@alias`",
    )


def no_version_or_stage(model: str, suffix: str, words: Iterable[str]) -> Fault:
    hint = did_you_mean(suffix, words) or f"an alias is written `models:/{shorten(model)}@{shorten(suffix)}`"
    return Fault("RG315", f"`{shorten(suffix)}` is neither a version nor a stage", hint)


def incomplete_run_uri() -> Fault:
    return Fault("RG315", "a `runs:` URI names a run and a path in it", "write it as `runs:/<run id>/<path>`")


def model_not_listed(uri: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"`{shorten(uri)}` is not a model that `models.allow` lists",
        f"it lists {enumerate_names(globs)}",
    )


def model_not_allowed(uri: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"the model `{shorten(uri)}` is not allowed where this gateway runs",
        f"whoever runs it allows {enumerate_names(globs)}",
    )


def registry_not_allowed(uri: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"the registry `{shorten(uri)}` is not allowed where this gateway runs",
        f"remove `registry_uri`: whoever runs the gateway sets the registry, and allows {enumerate_names(globs)}",
    )


def service_not_allowed(url: str, globs: Iterable[str]) -> Fault:
    return Fault(
        "RG322",
        f"the decision service `{shorten(url)}` is not allowed where this gateway runs",
        f"whoever runs it allows {enumerate_names(globs)}",
    )


# ── addresses, headers and what else travels over HTTP ────────────────────────────────────────────────────────────────


def address_with(char: str) -> Fault:
    return Fault("RG330", f"the address of a server cannot contain `{shorten(char)}`", "remove it, or escape it by `%`")


def address_without_scheme() -> Fault:
    return Fault("RG330", "the address of a server begins with `http://` or `https://`", "add it")


def address_without_host_or_port() -> Fault:
    return Fault("RG330", "this address names no server", "write it as `http://host:8080/path`")


def address_with_password() -> Fault:
    return Fault(
        "RG330",
        "an address of a server cannot hold a user or a password, which would reach logs and answers",
        "pass them on in a header: name it in `remote.headers`, or in `headers` of a decision service",
    )


def no_header_name(char: str) -> Fault:
    return Fault(
        "RG331",
        f"the name of a header cannot contain `{shorten(char)}`",
        "a name is letters, digits, `-` and `_`, without the colon",
    )


def header_of_the_connection(name: str) -> Fault:
    return Fault(
        "RG331",
        f"the header `{shorten(name)}` belongs to a single connection and cannot be sent on",
        "remove it: whoever sends a request writes it anew",
    )


def no_header_value() -> Fault:
    return Fault(
        "RG331",
        "the value of a header is printable text of Latin-1 in one line, without white space around it",
        "remove what does not belong there, or encode it",
    )


def no_token(shortest: int) -> Fault:
    return Fault(
        "RG332",
        f"a token is at least {shortest} characters of ASCII, without white space",
        "make one with `openssl rand -hex 32`, and keep it out of the file: `${RULEGATE_ADMIN_TOKEN}`",
    )


def no_message(longest: int) -> Fault:
    return Fault(
        "RG333", f"a message is one line of at most {longest} printable characters", "write it in one short line"
    )


# ── what must fit together ────────────────────────────────────────────────────────────────────────────────────────────


def no_answer() -> Fault:
    return Fault(
        "RG328",
        "a route needs one of the keys `model_uri`, `targets` and `deny`",
        "add `model_uri: models:/name/production`",
    )


def several_answers(key: str, first: str) -> Fault:
    return Fault(
        "RG328",
        f"a route has one of `model_uri`, `targets` and `deny`, but this one has `{first}` and `{key}`",
        "keep one of them",
    )


def meaningless_without(key: str, needed: str) -> Fault:
    return Fault("RG327", f"`{key}` means nothing on a route without `{needed}`", f"remove it, or add `{needed}`")


def meaningless_beside(key: str, other: str, hint: str) -> Fault:
    return Fault("RG327", f"`{key}` means nothing beside `{other}`", hint)


def meaningless_for_remote(key: str) -> Fault:
    return Fault(
        "RG327",
        f"`{key}` means nothing for a model of another server",
        "remove it: whoever runs that server decides how it holds its models",
    )


def no_weight() -> Fault:
    return Fault(
        "RG334",
        "every target of this route has the weight 0, so that none gets a request",
        "give one of them a weight, or remove the route",
    )


def settings_differ(first_line: int) -> Fault:
    return Fault(
        "RG329",
        f"this model has other settings in line {first_line}, but a gateway holds it once",
        "say the same in both places, or nothing",
    )


def name_taken(kind: str, name: str, first_line: int) -> Fault:
    return Fault(
        "RG318", f"the {kind} `{shorten(name)}` is taken: it stands in line {first_line} already", "choose another"
    )


def unknown_default_endpoint(name: str, names: Iterable[str]) -> Fault:
    known = list(dict.fromkeys(names))
    others = f"{'the endpoints are' if len(known) > 1 else 'the only endpoint is'} {enumerate_names(known)}"
    return Fault("RG319", f"no endpoint is named `{shorten(name)}`", did_you_mean(name, known) or others)


def never_chosen(first: str) -> Fault:
    return Fault(
        "RG320",
        f"this route can never be chosen: without a condition, `{shorten(first)}` answers first",
        "give it a `model_request_condition`, or remove it",
        Severity.WARNING,
    )


def never_reached(first: str, *, is_certain: bool) -> Fault:
    why = "is true for every request" if is_certain else "is true whenever its own is"
    return Fault(
        "RG320",
        f"this route can never be chosen: the condition of `{shorten(first)}` comes first and {why}",
        f"list it before `{shorten(first)}`, change one of the conditions, or remove it",
        Severity.WARNING,
    )


def never_true() -> Fault:
    return Fault(
        "RG320",
        "this route can never be chosen: its condition asks one value to be two different ones",
        "join the parts by `or`, or correct one of them",
        Severity.WARNING,
    )


def partly_refused(first: str, *, first_denies: bool) -> Fault:
    how = "refuses" if first_denies else "answers"
    return Fault(
        "RG338",
        f"this refusal does not get all that it names: for some of it, `{shorten(first)}` comes first and {how}",
        "name each value in one refusal only" if first_denies else f"list the refusal before `{shorten(first)}`",
        Severity.WARNING,
    )


def no_default(endpoint: str) -> Fault:
    return Fault(
        "RG339",
        f"requests for which no condition of `{shorten(endpoint)}` is true are answered with 404",
        "add a route without a condition; one with `deny: {status: 404}` says that this is meant",
        Severity.WARNING,
    )


def unknown_fallback(name: str, routes: Iterable[str]) -> Fault:
    others = list(routes)
    known = f"its other routes are {enumerate_names(others)}" if others else "it has no other route"
    return Fault(
        "RG340", f"the endpoint has no route `{shorten(name)}` to fall back to", did_you_mean(name, others) or known
    )


def fallback_to_itself() -> Fault:
    return Fault("RG340", "a route cannot fall back to itself", "remove it, or name another route")


def repeated_fallback(name: str) -> Fault:
    return Fault("RG340", f"the fallback `{shorten(name)}` stands twice; it is tried once", "keep one of them")


def circular_fallback(names: Iterable[str]) -> Fault:
    way = " → ".join(f"`{shorten(name)}`" for name in names)
    return Fault("RG340", f"these fallbacks lead back to where they began: {way}", "remove one of them")


def undecided_refusal(gap: str) -> Fault:
    return Fault(
        "RG341",
        f"without `{shorten(gap)}` this condition errs, and a refusal must say what that means",
        "add `on_error: match` to refuse such requests too, or `on_error: no_match` to let them pass",
    )


def open_refusal(gap: str) -> Fault:
    return Fault(
        "RG341",
        f"who leaves out `{shorten(gap)}` is not refused: the condition errs, and `on_error: no_match` lets it pass",
        "write `on_error: match`, or a condition that does not err, with `.get(…)`",
        Severity.WARNING,
    )


def needless_shadow() -> Fault:
    return Fault(
        "RG342",
        "the shadow is the model that answers, so nothing is compared",
        "name another version of the model, or remove the shadow",
        Severity.WARNING,
    )


def limit_out_of_reach(limit: str, request_timeout: str) -> Fault:
    return Fault(
        "RG343",
        f"`{shorten(limit)}` is never reached: a request ends after {request_timeout}",
        "write a shorter one, or raise `server.request_timeout`",
        Severity.WARNING,
    )


def differ_in_case(name: str, other: str) -> Fault:
    return Fault(
        "RG344",
        f"`{shorten(name)}` and `{shorten(other)}` are two names that differ in case alone",
        "choose names that nobody mistakes for each other",
        Severity.WARNING,
    )


def unasked_service(name: str) -> Fault:
    return Fault(
        "RG345",
        f"no condition asks the decision service `{shorten(name)}`",
        f"read its answer, as in `external['{shorten(name)}']`, or remove it",
        Severity.WARNING,
    )


def on_error_without_condition() -> Fault:
    return Fault(
        "RG321",
        "`on_error` says what a condition's error means, but this route has no condition",
        "remove it, or add a `model_request_condition`",
    )
