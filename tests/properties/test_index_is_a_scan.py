"""Over many routes, whatever their keys, their `on_error` and the request, the index decides as a plain scan."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import hypothesis.strategies as st
from hypothesis import given, settings

from rulegate.condition import Condition, MalformedBodyError, Request, compile_condition
from rulegate.condition.keys import ABSENT, Key, Relation, reader
from rulegate.routing import ConditionFailed, Endpoint, NoRouteMatched, OnError, Route, Target, decide
from rulegate.routing.endpoint import MIN_INDEXED

PARTS = (
    # Keys of headers, parameters, cookies and attributes; some err where the name is missing, some never.
    "request.headers['X-Tenant'] == 'a'",
    "request.headers['x-tenant'] == 'b'",
    "'a' == request.headers['X-TENANT']",
    "request.headers['X-Tenant'] in ('a', 'c')",
    "request.headers.get('X-Tenant') == 'a'",
    "request.headers.get('X-Tenant') is None",
    "request.headers.get('X-Tenant', 'b') in {'b', 'd'}",
    "request.headers['X-Tenant'].startswith(('a', 'ab', 'abc', 'b'))",
    "request.headers.get('X-Tenant', '').startswith('abc')",
    "request.args['page'] == '1'",
    "request.args.get('page', '1') == '1'",
    "request.cookies.get('beta') in ('1', 'true')",
    "request.method == 'POST'",
    "request.remote_addr.startswith('10.')",  # errs where the address is not known
    "request.path.startswith('/endpoints/')",
    "request.path == '/invocations' or request.path == '/'",
    # Keys of the body: equal values of different types, values without a hash, negative numbers, nothing at all.
    "request.json['v'] == 1",
    "request.json['v'] == 1.0",
    "request.json()['v'] == True",
    "request.json['v'] == '1'",
    "request.json['v'] == None",
    "request.json['v'] is None",
    "request.json['v'] == -0.0",
    "request.json['v'] == -1",
    "request.json['v'] in (0, 'a')",
    "request.json['v'] in {1, 'a'}",  # errs for a list
    "request.json['v'] in []",
    "request.json.get('v') == 'a'",
    "request.json.get('v', True) == 1",
    "request.json['v'].startswith('a')",
    "request.json['v'].startswith(('', 'x'))",
    "request.json['v'][-1] == 'a'",
    "request.json['v'][0]['w'] == 'a'",
    "request.json['v'] == 'a' or request.json['v'] == 1 or request.json['v'] in (None, 'b')",
    # No keys, some of which err.
    "request.json['v'] != 1",
    "request.json['v'] < 1",
    "request.json['v']",
    "not request.json['v']",
    "len(request.json) > 1",
    "request.headers['X-Tenant'] > 'a'",
    "'x-tenant' in request.headers",
    "request.json['v'] == request.json['w']",
    "request.json['v'] == 1 or request.headers['X-Tenant'] == 'a'",
    "'a' in request.headers['X-Tenant']",
    "(request.method == 'POST' and request.json['v'] == 'a')",
)
compiled = functools.cache(compile_condition)


@st.composite
def routes(draw: st.DrawFn) -> list[tuple[tuple[str, ...], OnError]]:
    """Many routes of few parts, as routes of one endpoint are: so that keys are shared and some requests match late."""
    parts = st.sampled_from(draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True)))
    on_error = st.sampled_from(draw(st.sampled_from([[OnError.NO_MATCH], [OnError.NO_MATCH, *OnError]])))
    pattern = draw(
        st.lists(st.tuples(st.lists(parts, min_size=1, max_size=3).map(tuple), on_error), min_size=1, max_size=12)
    )
    # One after the other, until there are enough for an index.
    return [pattern[number % len(pattern)] for number in range(MIN_INDEXED + 8)]


values = st.sampled_from(
    [
        *(1, 1.0, True, "1", 0, -0.0, False, -1, None, float("nan"), float("inf"), 10**30),
        *("a", "ab", "abcd", "", "x", "\ud800", [], ["a"], [{"w": "a"}], {}, {"w": 1}),
    ]
)
bodies = st.one_of(st.fixed_dictionaries({}, optional={"v": values, "w": values}), values)
others = st.fixed_dictionaries(
    {
        "method": st.sampled_from(["POST", "GET"]),
        "path": st.sampled_from(["/invocations", "/endpoints/a/invocations", "/"]),
        "headers": st.fixed_dictionaries({}, optional={"X-tenant": st.sampled_from(["a", "ab", "abcd", "b", "", "z"])}),
        "args": st.fixed_dictionaries({}, optional={"page": st.sampled_from(["1", "7"])}),
        "remote_addr": st.sampled_from([None, "10.0.0.1"]),
        "cookies": st.fixed_dictionaries({}, optional={"beta": st.sampled_from(["1", "0"])}),
    }
)


def endpoint(listed: list[tuple[tuple[str, ...], OnError]], *, otherwise: bool) -> Endpoint:
    made = [
        Route(str(number), (Target("t", "models:/m/1"),), compiled(" and ".join(parts)), on_error)
        for number, (parts, on_error) in enumerate(listed)
    ]
    return Endpoint("any", (*made, Route("otherwise", (Target("t", "models:/m/2"),))) if otherwise else tuple(made))


def scan(routes: Iterable[tuple[Route, Condition]], request: Request, *, otherwise: bool) -> str:
    """Who answers, or what fails, by trying one condition after the other."""
    try:
        for route, condition in routes:
            verdict = condition.verdict(request)
            if verdict is None and route.on_error is OnError.FAIL:
                return f"{route.alias} failed"
            if verdict or (verdict is None and route.on_error is OnError.MATCH):
                return route.alias
    except MalformedBodyError:
        return "malformed"
    return "otherwise" if otherwise else "nobody"


def decided(endpoint: Endpoint, request: Request) -> str:
    try:
        return decide(endpoint, request).route
    except NoRouteMatched:
        return "nobody"
    except ConditionFailed as failed:
        return f"{failed.route} failed"
    except MalformedBodyError:
        return "malformed"


def reads_malformed(condition: Condition, request: Request) -> bool:
    try:
        condition.verdict(request)
    except MalformedBodyError:
        return True
    return False


def holds(key: Key, request: Request) -> bool | None:
    """Whether a key holds, None where that cannot be found out; by the plain reading of what a key says."""
    value = reader(key.path)(request)
    if key.relation is Relation.STARTS:
        return value.startswith(tuple(key.constants)) if isinstance(value, str) else None
    return None if value is ABSENT or isinstance(value, list | dict) else value in list(key.constants)


@given(st.sampled_from(PARTS), bodies | st.none(), others, st.sampled_from(PARTS))
@settings(max_examples=800)
def test_keys_hold_wherever_a_condition_is_true_and_where_errors_count_also_where_it_errs(
    part, body, other, another
) -> None:
    request = Request(**other) if body is None else Request(json=body, **other)
    both = compiled(f"{part} and {another}")
    verdict = both.verdict(request)
    if verdict:
        assert all(holds(key, request) is True for key in both.keys(errors_count=False))
    if verdict is not False:
        assert all(holds(key, request) is not False for key in both.keys(errors_count=True))
    if " and " not in part and any(key.never_errs for key in compiled(part).keys(errors_count=True)):
        assert compiled(part).verdict(request) is not None


@given(routes(), bodies, others, st.booleans())
def test_the_index_decides_as_a_plain_scan(listed, body, other, otherwise) -> None:
    many, request = endpoint(listed, otherwise=otherwise), Request(json=body, **other)
    assert decided(many, request) == scan(many.conditional, request, otherwise=otherwise)


@given(routes(), others, st.booleans())
def test_so_it_does_where_every_part_on_the_body_errs(listed, other, otherwise) -> None:
    many, request = endpoint(listed, otherwise=otherwise), Request(content_type="text/csv", **other)
    assert decided(many, request) == scan(many.conditional, request, otherwise=otherwise)


@given(routes(), others, st.booleans())
def test_a_malformed_body_is_found_as_by_a_scan_but_where_no_condition_that_reads_it_can_match(
    listed, other, otherwise
) -> None:
    """What the scan decides without the body, the index decides too. Where the scan finds that the body is malformed,
    the index finds it, or decides as the scan does without the conditions that read the body; of each of those before
    its answer, a part that does not read the body is not true.
    """
    many = endpoint(listed, otherwise=otherwise)
    request = Request.from_body(b'{"v": ', content_type="application/json", **other)
    by_scan, by_index = scan(many.conditional, request, otherwise=otherwise), decided(many, request)
    if by_scan != "malformed" or by_index == "malformed":
        assert by_index == by_scan
        return
    readers = {route.alias for route, condition in many.conditional if reads_malformed(condition, request)}
    others = [(route, condition) for route, condition in many.conditional if route.alias not in readers]
    assert by_index == scan(others, request, otherwise=otherwise)
    for number, (parts, on_error) in enumerate(listed):
        if str(number) == by_index.removesuffix(" failed"):
            break
        if str(number) in readers:
            assert on_error is OnError.NO_MATCH
            assert any(
                not reads_malformed(compiled(part), request) and not compiled(part).matches(request) for part in parts
            )


@given(routes(), bodies, others)
def test_candidates_come_in_order_and_once(listed, body, other) -> None:
    many = endpoint(listed, otherwise=False)
    if many.index is not None:
        numbers = [int(route.alias) for route, _ in many.index.candidates(Request(json=body, **other))]
        assert numbers == sorted(set(numbers))
