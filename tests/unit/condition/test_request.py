"""The request that conditions see: Flask's names, lazy parts, and what a broken body does."""

import datetime as dt

import pytest

from rulegate.condition import EvaluationError, MalformedBodyError, Request, compile_condition

READS_JSON = compile_condition("request.json == 1 or True")
JSON = "application/json"


def value(text, **request):
    return compile_condition(text).value(Request(**request))


def test_header_names_are_read_in_any_case():
    headers = {"X-Tenant": "acme"}
    for name in ("X-Tenant", "x-tenant", "X-TENANT"):
        assert value(f"request.headers['{name}']", headers=headers) == "acme"
        assert value(f"request.headers.get('{name}')", headers=headers) == "acme"
        assert value(f"'{name}' in request.headers", headers=headers) is True
        assert value("request.headers[request.json]", headers=headers, json=name) == "acme"
        assert value("request.headers.get(request.json, 1)", headers=headers, json=name) == "acme"
        assert value("request.json in request.headers", headers=headers, json=name) is True
        assert value("request.json == 'X' or request.json in request.headers", headers=headers, json=name) is True


@pytest.mark.parametrize("mapping", ["headers", "args", "cookies"])
def test_a_missing_name_errs_unless_there_is_a_default(mapping):
    with pytest.raises(EvaluationError):
        value(f"request.{mapping}['a']")
    assert value(f"request.{mapping}.get('a')") is None
    assert value(f"request.{mapping}.get('a', 'b')") == "b"
    assert value(f"'a' not in request.{mapping}") is True
    assert value(f"len(request.{mapping})", **{mapping: {"a": "1", "b": "2"}}) == 2


@pytest.mark.parametrize("mapping", ["headers", "args", "cookies"])
@pytest.mark.parametrize("name", [0, None, True, ["a"], {}])
def test_a_name_that_is_not_text_errs_everywhere(mapping, name):
    for text in (f"request.{mapping}[request.json]", f"request.{mapping}.get(request.json)"):
        with pytest.raises(EvaluationError):
            value(text, json=name, **{mapping: {"0": "a"}})
    with pytest.raises(EvaluationError):
        value(f"request.json in request.{mapping}", json=name)


def test_lazy_parts_are_made_when_first_read_and_once():
    made = []

    def headers():
        made.append("headers")
        return {"a": "b"}

    request = Request(
        headers=headers, args=lambda: made.append("args") or {}, cookies=lambda: made.append("cookies") or {}
    )
    assert compile_condition("request.method == 'POST'").matches(request)
    assert made == []
    both = compile_condition("request.headers['a'] == 'b' and 'a' in request.headers and 'c' not in request.args")
    assert both.matches(request)
    assert both.matches(request)
    assert made == ["headers", "args"]


def test_the_body_is_parsed_once_and_only_if_it_is_read():
    request = Request.from_body(b'{"a": [1]}', content_type=JSON)
    first = compile_condition("request.json").value(request)
    assert compile_condition("request.get_json()").value(request) is first
    assert compile_condition("request.method == 'POST'").matches(Request.from_body(b"{", content_type=JSON))


@pytest.mark.parametrize("content_type", [None, "", "text/csv", "text/json", "application/jsonp", "application/x+json"])
def test_reading_a_body_that_does_not_say_it_is_json_errs(content_type):
    request = Request.from_body(b"1", content_type=content_type)
    assert READS_JSON.verdict(request) is None
    with pytest.raises(EvaluationError, match="content type"):
        READS_JSON.value(request)


@pytest.mark.parametrize(
    "content_type", [JSON, "Application/JSON", "application/json; charset=utf-8", " application/json ;a"]
)
def test_parameters_and_case_of_the_content_type_do_not_matter(content_type):
    assert READS_JSON.value(Request.from_body(b"1", content_type=content_type)) is True


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[1,]", b"{'a': 1}", b"nul", b"1 2", b'"\x01"', b"\xff", b'"\\x"', b"{1: 2}"),
        *(
            b"[" * 100_000,
            b"[" * 100_000 + b"]" * 100_000,
            b'{"a":' * 65 + b"1" + b"}" * 65,
            b"-",
            b"1" * 5000,
            b"[}" * 40,
        ),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_a_malformed_body_fails_the_request_and_is_never_quoted(body):
    request = Request.from_body(body, content_type=JSON)
    for evaluate in (READS_JSON.matches, READS_JSON.verdict, READS_JSON.value, READS_JSON.explain):
        with pytest.raises(MalformedBodyError) as caught:
            evaluate(request)
        assert str(caught.value).startswith("Ensure that input is a valid JSON formatted string. Error: '")
        assert len(str(caught.value)) < 160


@pytest.mark.parametrize("wrong", [object(), (1,), {1: 2}, [{"a": {1}}], b"a"])
def test_a_given_value_must_be_of_json_s_types(wrong):
    with pytest.raises(TypeError):
        Request(json=wrong)


def test_a_given_value_that_is_nested_too_deeply_errs():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert READS_JSON.verdict(Request(json=deep)) is None


def test_host_type_and_length_come_from_the_headers_unless_they_are_given():
    headers = {"host": "a.example:80", "content-type": "text/csv", "Content-Length": "12"}
    request = Request(headers=headers)
    assert (request.host, request.content_type, request.content_length) == ("a.example", "text/csv", 12)
    request = Request(headers=headers, host="b", content_type=JSON, content_length=3)
    assert (request.host, request.content_type, request.content_length) == ("b", JSON, 3)
    request = Request()
    assert (request.host, request.content_type, request.content_length) == ("", None, None)
    assert Request(json=None).content_type == JSON


@pytest.mark.parametrize("length", ["", "-1", "1_0", "x", "٣", "9" * 19])
def test_a_length_that_is_no_number_is_no_length(length):
    assert Request(headers={"Content-Length": length}).content_length is None


@pytest.mark.parametrize(
    ("content_type", "expected"), [(JSON, True), ("application/x+json; a=b", True), ("text/json", False), (None, False)]
)
def test_is_json_is_flasks(content_type, expected):
    assert value("request.is_json", content_type=content_type) is expected


def test_the_time_of_a_request_is_iso_text_or_a_datetime():
    now = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
    assert Request(now=now).now == Request(now="2026-01-02T03:04:00+00:00").now == now
    with pytest.raises(ValueError, match="isoformat"):
        Request(now="yesterday")


def test_a_malformed_body_is_parsed_once_however_many_conditions_read_it():
    request = Request.from_body(b"{", content_type=JSON)
    faults = []
    for _ in range(2):
        with pytest.raises(MalformedBodyError) as caught:
            _ = request.json
        faults.append(caught.value)
    assert faults[0] is faults[1]


def test_a_request_afresh_has_all_that_was_read_and_nothing_spent():
    request = Request.from_body(b"[1]", content_type=JSON)
    assert request.json == [1]
    request.meter.begin().charge(7)
    again = request.afresh()
    assert again.json is request.json
    assert (again.meter.spent, request.meter.spent) == (0, 7)
