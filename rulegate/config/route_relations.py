"""What must fit together inside a route: one answer, keys that mean something beside each other, names of targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rulegate.config.faults import keys_of
from rulegate.config.messages import Fault, relations
from rulegate.config.model_settings import ModelOverrides
from rulegate.config.model_uri import is_remote
from rulegate.config.tree import Mapping, Scalar, mappings, plain, text_of
from rulegate.config.values import number_of
from rulegate.diagnostics import Diagnostic, Source

_OVERRIDES: Final = keys_of(ModelOverrides)
_ANSWERS: Final = ("model_uri", "targets", "deny")
_OF_SEVERAL: Final = ("balance", "sticky_on")
_OF_MODELS: Final = ("shadow", "fallback", "timeout")


def relate_route(route: Mapping, source: Source) -> Iterator[Diagnostic]:
    """Every fault between the keys of one route of a tree."""
    answers = [key for key in route.entries if key in _ANSWERS]
    if not answers:
        span = next((key.span for key, _ in route.entries.values()), route.span)
        yield relations.no_answer().at(source, span)
    for key in answers[1:]:
        yield _at_key(route, key, relations.several_answers(key, answers[0]), source)
    if len(answers) == 1:
        yield from _meaningless(route, answers[0], source)
    targets = mappings(route, "targets")
    for target in targets:
        yield from _of_remote(target, source)
    if targets and all(_weighs_nothing(target) for target in targets):
        yield _at_key(route, "targets", relations.no_weight(), source)


def target_names(route: Mapping) -> Iterator[Scalar]:
    """The names of a route's targets, and of its shadow, which are one room."""
    shadow = route.get("shadow")
    for target in (*mappings(route, "targets"), *([shadow] if isinstance(shadow, Mapping) else [])):
        if name := text_of(target, "alias"):
            yield name


def _meaningless(route: Mapping, answer: str, source: Source) -> Iterator[Diagnostic]:
    match answer:
        case "deny":
            for key in (*_OF_SEVERAL, *_OF_MODELS, *_OVERRIDES):
                yield from _at(route, key, relations.meaningless_beside(key, "deny", "remove it"), source)
        case "model_uri":
            for key in _OF_SEVERAL:
                yield from _at(route, key, relations.meaningless_without(key, "targets"), source)
            yield from _of_remote(route, source)
        case "targets":
            for key in _OVERRIDES:
                hint = "say it of each target that it is meant for"
                yield from _at(route, key, relations.meaningless_beside(key, "targets", hint), source)
            balance = text_of(route, "balance")
            if balance and balance.text in {"round_robin", "least_busy"}:
                fault = relations.meaningless_beside(
                    "sticky_on", f"balance: {balance.text}", "remove it, or write `balance: weighted`"
                )
                yield from _at(route, "sticky_on", fault, source)


def _of_remote(owner: Mapping, source: Source) -> Iterator[Diagnostic]:
    uri = text_of(owner, "model_uri")
    if uri and is_remote(uri.text):
        for key in _OVERRIDES:
            yield from _at(owner, key, relations.meaningless_for_remote(key), source)


def _weighs_nothing(target: Mapping) -> bool:
    weight = target.get("weight")
    return isinstance(weight, Scalar) and number_of(plain(weight)) == 0


def _at(owner: Mapping, key: str, fault: Fault, source: Source) -> Iterator[Diagnostic]:
    if key in owner.entries:
        yield _at_key(owner, key, fault, source)


def _at_key(owner: Mapping, key: str, fault: Fault, source: Source) -> Diagnostic:
    return fault.at(source, owner.entries[key][0].span)
