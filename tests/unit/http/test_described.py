"""A request that is described is read as the same request is that comes by HTTP."""

from __future__ import annotations

import pytest

from rulegate.condition import EvaluationError, Request, compile_condition
from rulegate.http.described import NoRequest, environ_of
from rulegate.http.incoming import condition_request


def described(*headers: tuple[str, str], query: str = "", path: str = "/invocations") -> Request:
    environ = environ_of(method="POST", path=path, query=query, headers=headers, remote_addr="127.0.0.1", body=b"{}")
    return condition_request(environ, b"{}")


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (["a"], "a"),
        ([" a b\t"], "a b"),
        (["a\tb"], "a\tb"),
        (["a", "b"], "a,b"),
        (["\xe9"], ""),
        (["a\u20ac"], ""),
        (["\ud800"], ""),
        (["a", "\xe9"], "a,"),
    ],
)
def test_a_header_is_what_the_server_hands_on(sent, received):
    assert described(*(("X-A", value) for value in sent)).headers["x-a"] == received


def test_cookies_of_several_headers_are_all_there():
    cookies = described(("Cookie", "a=1"), ("cookie", "b=2")).cookies
    assert (cookies["a"], cookies["b"]) == ("1", "2")


def test_of_cookies_and_arguments_of_one_name_the_first_is_read():
    request = described(("Cookie", "a=1; a=2"), ("Cookie", "a=3"), query="a=1&a=2")
    assert (request.cookies["a"], request.args["a"]) == ("1", "1")


@pytest.mark.parametrize(
    ("headers", "is_denied"),
    [(["evil"], True), (["evil", "acme"], True), (["acme", "evil"], True), ([], True), (["acme"], False)],
)
def test_a_condition_that_says_what_is_allowed_is_not_passed_by_a_header_that_is_sent_twice(headers, is_denied):
    condition = compile_condition("request.headers['X-Tenant'] not in ('acme', 'globex')")
    request = described(*(("X-Tenant", value) for value in headers))
    try:
        is_true = condition.value(request)
    except EvaluationError:
        is_true = True  # as `on_error: match` says
    assert is_true is is_denied


@pytest.mark.parametrize("query", ["q=%C3%A9", "q=\xe9"])
def test_a_query_may_be_escaped_or_not(query):
    assert described(query=query).args["q"] == "\xe9"


@pytest.mark.parametrize(
    ("described", "part"),
    [
        ({"method": "GET /"}, "method"),
        ({"method": "G\x1bT"}, "method"),
        ({"method": ""}, "method"),
        ({"path": "invocations"}, "path"),
        ({"path": ""}, "path"),
        ({"remote_addr": "zz"}, "remote_addr"),
        ({"remote_addr": "10.0.0.1:80"}, "remote_addr"),
        ({"headers": [("X A", "a")]}, "headers"),
        ({"headers": [("", "a")]}, "headers"),
        ({"headers": [("X-A\n", "a")]}, "headers"),
        ({"headers": [("X-A", "a\r\nX-B: b")]}, "headers"),
        ({"headers": [("X-A", "a\x00")]}, "headers"),
    ],
)
def test_what_no_request_can_have_is_refused_in_one_line(described, part):
    request = {"method": "POST", "path": "/", "query": "", "headers": [], "remote_addr": "::1", "body": None}
    with pytest.raises(NoRequest) as caught:
        environ_of(**(request | described))
    assert caught.value.part == part
    assert str(caught.value).isprintable()


def test_of_several_content_types_the_first_is_read():
    assert described(("Content-Type", "text/csv"), ("content-type", "text/plain")).content_type == "text/csv"


def test_half_a_surrogate_pair_is_no_character():
    request = described(path="/\ud800", query="q=\ud800")
    assert set(request.path[1:]) == set(request.args["q"]) == {"\ufffd"}
