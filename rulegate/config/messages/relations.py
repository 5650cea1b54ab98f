"""What is said about values that do not fit together, or that have no effect beside each other."""

# ruff: noqa: D103  -- each constructor is the sentence that it returns

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rulegate.config.messages.codes import Fault
from rulegate.config.wording import did_you_mean, enumerate_names, shorten
from rulegate.diagnostics import Severity


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


def unknown_fallback(name: str, others: Sequence[str] | None) -> Fault:
    """Of a route's name; without ``others`` to name, none is suggested."""
    match others:
        case None:
            hint = "name another route of the endpoint"
        case []:
            hint = "it has no other route"
        case _:
            hint = did_you_mean(name, others) or f"its other routes are {enumerate_names(others)}"
    return Fault("RG340", f"the endpoint has no route `{shorten(name)}` to fall back to", hint)


def fallback_to_itself() -> Fault:
    return Fault("RG340", "a route cannot fall back to itself", "remove it, or name another route")


def repeated_fallback(name: str) -> Fault:
    return Fault("RG340", f"the fallback `{shorten(name)}` stands twice; it is tried once", "keep one of them")


def circular_fallback(names: Sequence[str], length: int) -> Fault:
    """Of a circle of ``length`` routes, of which ``names`` are the first."""
    way = " → ".join(f"`{shorten(name)}`" for name in names)
    way += f" → {length - len(names)} more" if length > len(names) else ""
    way += f" → `{shorten(names[0])}`"
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


def loose_sticky(gap: str) -> Fault:
    return Fault(
        "RG346",
        f"without `{shorten(gap)}` this expression errs, and the request gets any target",
        "write `.get(…)` if such requests need not stick, or test for it in the route's condition",
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
