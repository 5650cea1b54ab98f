"""Over many routes, whatever their keys, their `on_error` and the request, the index decides as a plain scan."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable, Sequence

import hypothesis.strategies as st
from hypothesis import given, settings

from rulegate.condition import Condition, ConditionError, MalformedBodyError, Request, compile_condition
from rulegate.condition.compile import ERRED
from rulegate.condition.condition import reader
from rulegate.condition.keys import Key, Relation
from rulegate.condition.unparse import unparse
from rulegate.routing import ConditionFailed, Endpoint, NoRouteMatched, OnError, Route, Target, decide
from rulegate.routing.endpoint import MIN_INDEXED, entries
from rulegate.routing.index import RuleIndex, choose
from tests.properties.conditions import SERVICES, requests, trees

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
    "request.json == 1",
    "request.json in {1, 2, 'a'}",
    "request.json.startswith('a')",
    "request.json.get('v') == 'a'",
    "request.json.get('v', True) == 1",
    "request.json['v'].startswith('a')",
    "request.json['v'].startswith(('', 'x'))",
    "request.json['v'][-1] == 'a'",
    "request.json['v'][0]['w'] == 'a'",
    "request.json['v'] == 'a' or request.json['v'] == 1 or request.json['v'] in (None, 'b')",
    # Order: numbers with numbers, text with text, chains, both sides, several bounds, and constants of both kinds.
    "request.json['v'] < 1",
    "request.json['v'] <= 1.5",
    "0 < request.json['v']",
    "request.json['v'] >= True",
    "-1 <= request.json['v'] < 1",
    "request.json['v'] > 'a'",
    "request.json['v'] <= 'ab'",
    "request.json['v'] < 1 or request.json['v'] < 2",
    "request.json['v'] > 0 or request.json['v'] > 'a'",
    "request.headers['X-Tenant'] > 'a'",
    "request.headers.get('x-tenant', 'b') >= 'b'",
    "'a' <= request.headers['X-Tenant'] <= 'abc' == request.method",
    # Ends, and what is held.
    "request.json['v'].endswith('a')",
    "request.json['v'].endswith(('b', 'ab', ''))",
    "request.path.endswith('/invocations')",
    "request.headers['X-Tenant'].endswith('d') or request.headers['X-Tenant'].endswith(('bcd', 'z'))",
    "'a' in request.json['v']",
    "'w' in request.json['v']",
    "'a' in request.headers['X-Tenant']",
    "'a' in request.json.get('v', 'a')",
    "'a' in request.json['v'] or 'x' in request.json['v']",
    "'a' in request.json['v'].partition('b')",
    "'w' in request.json['v'].keys()",
    # Values that are computed: some cost, some err, some are no scalars.
    "len(request.json) == 1",
    "len(request.json) > 0",
    "len(request.json['v']) <= 1",
    "request.json['v'].lower() == 'a'",
    "request.json['v'].upper().startswith('A')",
    "request.json['v'] % 2 == 1",
    "request.json['v'] + request.json['w'] == 2",
    "request.json['v'] + request.json['w'] > 'aa'",
    "request.json['v'] * 0.5 < 1",
    "-request.json['v'] < 0",
    "request.json['v'][::-1] == 'ba'",
    "request.json['v'].split('b') == 'a'",
    "(request.json['v'], 1) in (1, 2)",
    "bucket(request.headers.get('X-Tenant'), 4) in (0, 1)",
    "bucket(request.json['v'], 4, salt='s') < 2",
    "(request.json['v'] if request.is_json else request.method) == 'a'",
    "max(request.json['v'], 0) > 0",
    "sum(x for x in request.json['v']) < 1",
    "now_weekday() >= 0",
    # Tests that are shared as a whole.
    "request.is_json",
    "not request.is_json",
    "request.method == 'POST' or request.is_json",
    "request.is_json and request.json['v'] == 'a' or request.method == 'GET'",
    "re.search('^a', request.json['v'])",
    "ip_in(request.remote_addr, '10.0.0.0/8')",
    "any(x == 'a' for x in request.json['v'])",
    "isinstance(request.json['v'], str)",
    "request.headers.get('X-Tenant') is not None",
    "request.json['v'] not in ('a', 1)",
    "request.json['v'] not in {'a', 1}",
    "request.json['v'] != 1",
    "request.json['v']",
    "not request.json['v']",
    "'x-tenant' in request.headers",
    "request.json['v'] == request.json['w']",
    "request.json['v'] == 1 or request.headers['X-Tenant'] == 'a'",
    "(request.method == 'POST' and request.json['v'] == 'a')",
)
compiled = functools.cache(compile_condition)

SUBJECTS = (
    "request.json['v']",
    "request.json['v']['w']",
    "request.json.get('v', 1)",
    "len(request.json['v'])",
    "request.json['v'] + request.json['w']",
    "request.json['v'].lower()",
    "request.json['v'][0]",
    "request.headers['X-Tenant']",
    "request.headers.get('X-Tenant', 'b').upper()",
    "request.headers.get('X-Tenant')",
    "bucket(request.headers.get('X-Tenant'), 10)",
    "request.path",
)
RELATIONS = ("{0} == {1}", "{0} != {1}", "{0} < {1}", "{0} <= {1}", "{1} < {0}", "{0} >= {1}", "{0} in ({1}, {2})")
OF_TEXT = ("{0}.startswith({1})", "{0}.startswith(({1}, {2}))", "{0}.endswith({1})", "{1} in {0}", "{1} not in {0}")
NUMBERS = ("0", "1", "-1", "0.5", "2", "1.0", "-0.0", "123456789012345678", "1e300")
TEXTS = ("'a'", "'ab'", "''", "'b'", "'A'", "'\\ud800'", "'z'", "'abcd'")
OTHERS = ("True", "False", "None")


def may_be_a_condition(text: str) -> bool:
    try:
        compiled(text)
    except ConditionError:
        return False
    return True


@st.composite
def dense_parts(draw: st.DrawFn, subjects: Sequence[str] = SUBJECTS) -> tuple[str, ...]:
    """Many parts about one or two subjects, each held against many constants in few ways."""
    some = draw(st.lists(st.sampled_from(subjects), min_size=1, max_size=2, unique=True))
    relations = draw(st.lists(st.sampled_from([*RELATIONS, *OF_TEXT]), min_size=1, max_size=3, unique=True))
    kinds = st.sampled_from([NUMBERS, TEXTS, (*NUMBERS, *TEXTS, *OTHERS)])
    made = []
    for relation in relations:
        constants = st.sampled_from(TEXTS if relation in OF_TEXT else draw(kinds))
        for one, other in draw(st.lists(st.tuples(constants, constants), min_size=1, max_size=12)):
            made.append(relation.format(draw(st.sampled_from(some)), one, other))
    return tuple(filter(may_be_a_condition, made))


@st.composite
def routes(draw: st.DrawFn) -> list[tuple[tuple[str, ...], OnError]]:
    """Many routes of few parts, as routes of one endpoint are: so that keys are shared and some requests match late."""
    some = draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True))
    parts = st.sampled_from([*some, *draw(st.just(()) | dense_parts())])
    on_error = st.sampled_from(draw(st.sampled_from([[OnError.NO_MATCH], [OnError.NO_MATCH, *OnError]])))
    pattern = draw(
        st.lists(st.tuples(st.lists(parts, min_size=1, max_size=3).map(tuple), on_error), min_size=1, max_size=24)
    )
    # One after the other, until there are enough for an index.
    return [pattern[number % len(pattern)] for number in range(MIN_INDEXED + 8)]


VALUES = (
    *(1, 1.0, True, "1", 0, -0.0, False, -1, None, float("nan"), float("inf"), -float("inf"), 10**30, -(10**400)),
    *(0.5, 2, 123456789012345678, 123456789012345677.0, 1e300, 3),
    *("a", "ab", "abcd", "", "x", "A", "ba", "\ud800", "a\ud800", [], ["a"], ["b", "ab", 1, [], "a"], [{"w": "a"}]),
    *({}, {"w": 1}, {"a": None}, {"w": "ab"}, [float("nan")]),
)
values = st.sampled_from(VALUES)
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


COMPARED = {
    Relation.LESS: operator.lt,
    Relation.LESS_EQUAL: operator.le,
    Relation.GREATER: operator.gt,
    Relation.GREATER_EQUAL: operator.ge,
    Relation.HOLDS: operator.contains,
}


def holds(key: Key, request: Request) -> bool | None:
    """Whether a key holds, None where that cannot be found out; by the plain reading of what a key says."""
    value = reader(key.subject)(request)
    constants = [*key.constants]
    if value is ERRED:
        return None
    match key.relation:
        case Relation.STARTS:
            return value.startswith(tuple(constants)) if isinstance(value, str) else None
        case Relation.ENDS:
            return value.endswith(tuple(constants)) if isinstance(value, str) else None
        case Relation.EQUALS:
            return None if isinstance(value, list | dict) else value in constants
        case Relation.TRUE:
            return bool(value)
    assert len(constants) == 1
    try:
        return COMPARED[key.relation](value, constants[0])
    except TypeError:
        return None


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
    keys = compiled(part).keys(errors_count=True)
    if keys and all(key.never_errs for key in keys) and keys == compiled(part).keys(errors_count=False):
        assert compiled(part).verdict(request) is not None


@given(trees, requests)
@settings(max_examples=400)
def test_of_any_condition_the_subjects_can_stand_alone_and_the_keys_hold(tree, given) -> None:
    try:
        condition = compile_condition(unparse(tree), external=SERVICES)
    except ConditionError:
        return
    request = Request(**given)
    for errors_count in (False, True):
        held = [holds(key, request) for key in condition.keys(errors_count=errors_count)]
        verdict = condition.verdict(request)
        assert not (verdict and not all(held))
        assert not (errors_count and verdict is None and False in held)


def exactly_those_are_candidates_that_should_be(parts: Sequence[str], on_error: OnError, request: Request) -> None:
    made = [Route(part, (Target("t", "models:/m/1"),), compiled(part), on_error) for part in parts for _ in range(4)]
    listed = entries([(route, compiled(route.alias)) for route in made])
    index, chosen = RuleIndex(listed), choose(listed)
    found = {id(route) for route, _ in index.candidates(request)}
    for entry, key in zip(listed, chosen, strict=True):
        assert key is not None
        held = holds(key, request)
        assert (id(entry.item[0]) in found) is (entry.errors_count if held is None else held), key


@given(dense_parts(), st.sampled_from(OnError), bodies, others)
@settings(max_examples=200)
def test_those_are_candidates_whose_key_holds_and_where_errors_count_those_whose_key_cannot_be_found_out(
    parts, on_error, body, other
) -> None:
    exactly_those_are_candidates_that_should_be(parts, on_error, Request(json=body, **other))


@given(dense_parts(("request.json",)), st.sampled_from(OnError))
@settings(max_examples=60)
def test_so_it_is_for_every_kind_of_value(parts, on_error) -> None:
    for value in VALUES:
        exactly_those_are_candidates_that_should_be(parts, on_error, Request(json=value))


@given(routes(), bodies, others, st.booleans())
@settings(max_examples=400)
def test_the_index_decides_as_a_plain_scan(listed, body, other, otherwise) -> None:
    many, request = endpoint(listed, otherwise=otherwise), Request(json=body, **other)
    assert decided(many, request) == scan(many.conditional, request, otherwise=otherwise)


@given(routes(), others, st.booleans())
@settings(max_examples=200)
def test_so_it_does_where_every_part_on_the_body_errs(listed, other, otherwise) -> None:
    many, request = endpoint(listed, otherwise=otherwise), Request(content_type="text/csv", **other)
    assert decided(many, request) == scan(many.conditional, request, otherwise=otherwise)


@given(routes(), others, st.booleans())
@settings(max_examples=400)
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
