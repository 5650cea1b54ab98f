"""Every error that a request can end with has its answer, and every code its page."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from mlflow.exceptions import ERROR_CODE_TO_HTTP_STATUS

import rulegate
from rulegate.http.errors import CODES, UNEXPECTED, failure_of, message_of
from rulegate.routing import Attempt, NoRouteMatched, Outcome
from rulegate.serving import errors as serving

PAGES = Path(__file__).parents[3] / "docs" / "codes"


def test_codes_and_pages_are_the_same():
    assert {page.stem for page in PAGES.glob("RG[45]*.md")} == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_the_title_the_status_and_what_to_do(code):
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert re.match(rf"# {code}: [a-z].*[^.]\n\nAnswered with [45]\d\d `", text)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Bad", "Good", "Why"]


def concrete(root: type[Exception]) -> list[type[Exception]]:
    return [root, *(found for derived in root.__subclasses__() for found in concrete(derived))]


def test_no_serving_error_is_unexpected():
    for kind in concrete(serving.ServingError):
        if kind in {serving.ServingError, serving.ModelUnavailable}:  # never raised themselves
            continue
        arguments = {"error_code": "BAD_REQUEST"} if issubclass(kind, serving.PredictionFailed) else {}
        arguments |= {"status": 400} if kind is serving.RemoteRefused else {}
        assert failure_of(kind("x", **arguments)) is not UNEXPECTED, kind


def test_what_is_worth_another_try_says_so():
    for kind in concrete(serving.ModelUnavailable)[1:]:
        failure = failure_of(kind("x"))
        assert (failure.status, failure.retry) == (503, True)


@pytest.mark.parametrize(("error_code", "status"), [*ERROR_CODE_TO_HTTP_STATUS.items(), ("QUOTA_EXCEEDED", 500)])
def test_mlflows_error_codes_have_mlflows_statuses(error_code, status):
    failure = failure_of(serving.PredictionFailed("x", error_code=error_code))
    assert (failure.status, failure.error_code) == (status, error_code)


def test_what_another_server_refuses_is_refused_as_it_did():
    failure = failure_of(serving.RemoteRefused("x", error_code="UNHEARD_OF", status=413))
    assert (failure.status, failure.error_code, failure.code) == (413, "UNHEARD_OF", "RG514")


def test_an_unexpected_error_tells_the_client_nothing():
    error = RuntimeError("/etc/secret")
    assert failure_of(error) == UNEXPECTED
    assert "secret" not in message_of(error)


def test_a_request_without_a_route_is_told_what_was_tried():
    tried = (Attempt("gold", Outcome.NOT_MATCHED), Attempt("silver", Outcome.ERRED, "there is no key"))
    message = message_of(NoRouteMatched("tiers", tried))
    assert "`tiers`" in message
    assert "`gold` did not match" in message
    assert message.endswith("`silver` erred: there is no key")
    assert message_of(NoRouteMatched("tiers", tried, more=7)).endswith("; and 7 more")


def test_statuses_live_in_http_alone():
    """Nothing below the floor of HTTP defines or names a status."""
    for module in pkgutil.walk_packages(rulegate.__path__, "rulegate."):
        if re.match(r"rulegate\.(serving|routing|condition|config|gateway|diagnostics)", module.name):
            if module.name.startswith("rulegate.serving.mlflow"):  # imports MLflow, which takes seconds
                continue
            source = inspect.getsource(importlib.import_module(module.name))
            assert not re.search(r"\bstatus_code\b|HTTPStatus", source), module.name
