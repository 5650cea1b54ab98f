"""Which models and registries a file may name: by its own list, and by that of whoever runs the gateway."""

from __future__ import annotations

import pytest

from rulegate.config import ConfigError, load_config
from rulegate.config.allowed import Globs
from rulegate.config.document import MAX_DIAGNOSTICS

FILE = """
registry_uri: sqlite:///mlflow.db
models: {allow: %s}
model_endpoints:
  - name: a
    routes:
      - {alias: one, model_uri: "models:/one/1"}
      - {alias: two, model_uri: "s3://bucket/two", model_request_condition: "request.method == 'POST'"}
"""


def faults(text: str, *allow: str) -> list[tuple[str, str, str]]:
    """The code, the place and the hint of each diagnostic."""
    try:
        load_config(text, allow=allow)
    except ConfigError as error:
        return [(d.code, d.source.text[d.span.start : d.span.end], d.hint or "") for d in error.diagnostics]
    return []


def test_without_a_list_any_model_may_be_named():
    assert faults(FILE % '["*"]') == []


def test_what_the_file_does_not_list_is_pointed_at():
    assert faults(FILE % '["models:/*", "runs:/*"]') == [
        ("RG322", '"s3://bucket/two"', "it lists `models:/*` and `runs:/*`")
    ]


def test_the_file_cannot_widen_what_the_operator_allows():
    found = faults(FILE % '["*"]', "models:/*", "sqlite:*")
    assert [(code, place) for code, place, _ in found] == [("RG322", '"s3://bucket/two"')]


def test_the_file_may_narrow_what_the_operator_allows():
    found = faults(FILE % '["s3://*"]', "*")
    assert [(code, place) for code, place, _ in found] == [("RG322", '"models:/one/1"')]


def test_who_bounds_the_models_bounds_the_registry_too():
    """Otherwise a file would bring a registry of its own, and `models:/…` would mean what it wants."""
    found = faults(FILE % '["*"]', "models:/*", "s3://*")
    assert [(code, place) for code, place, _ in found] == [("RG322", "sqlite:///mlflow.db")]


def test_no_number_of_warnings_hides_a_model_that_is_not_allowed():
    routes = "".join(f"      - {{alias: r{n}, model_uri: 'models:/m/1'}}\n" for n in range(2 * MAX_DIAGNOSTICS))
    text = f"model_endpoints:\n  - name: a\n    routes:\n{routes}      - {{alias: x, model_uri: 's3://b/m'}}\n"
    assert [(code, place) for code, place, _ in faults(text, "models:/*")] == [("RG322", "'s3://b/m'")]


@pytest.mark.parametrize(
    ("models", "code", "place"),
    [
        ("allow: []", "RG311", "[]"),
        ('allow: ""', "RG309", '""'),
        ("allow: models:/*", "RG309", "models:/*"),
        ('allow: [" "]', "RG311", '" "'),
        ("allow: [1]", "RG309", "1"),
        ("env: PATH", "RG309", "PATH"),
        ("env: [5]", "RG309", "5"),
        ('env: [""]', "RG311", '""'),
        ('env: ["*"]', "RG323", '"*"'),
        ("env: [A=b]", "RG323", "A=b"),
        ("env: [A*B]", "RG323", "A*B"),
        ("env: [1A]", "RG323", "1A"),
    ],
)
def test_a_list_that_is_none_is_pointed_at(models: str, code: str, place: str):
    text = f"models: {{{models}}}\nmodel_endpoints: [{{name: a, routes: [{{alias: b, model_uri: 'models:/c/1'}}]}}]\n"
    assert (code, place) in [(found, where) for found, where, _ in faults(text)]


def test_names_of_variables_and_beginnings_of_names_are_taken():
    text = "models: {env: [HF_HOME, 'HF_*', _x]}\nmodel_endpoints: [{name: a, routes: [{alias: b, model_uri: ./c}]}]\n"
    assert load_config(text).models.env == ("HF_HOME", "HF_*", "_x")


@pytest.mark.parametrize(
    ("uri", "glob", "expected"),
    [
        ("models:/a/1", "models:/*", True),
        ("models:/a/1", "models:/a/*", True),
        ("models:/ab/1", "models:/a/*", False),
        ("models:/A/1", "models:/a/*", False),
        ("models:/a/1", "models:/a", False),
        ("xmodels:/a/1", "models:/*", False),
        ("/srv/models/a", "/srv/models/*", True),
        ("/srv/models/../secret", "/srv/models/*", False),
        ("/srv/models/..", "/srv/models/*", False),
        ("/srv/models/a..b", "/srv/models/*", True),
        ("file:///srv/models/%2e%2E/secret", "file:///srv/models/*", False),
        ("s3://bucket/%252e%252e/other", "s3://bucket/*", False),
        ("../models/a", "*", True),
        ("../models/a", "../*", False),
        ("s3://bucket-1/m", "s3://bucket-[12]/*", True),
        ("s3://bucket-3/m", "s3://bucket-[12]/*", False),
    ],
)
def test_a_glob_matches_the_whole_uri_and_none_that_climbs(uri: str, glob: str, expected: bool):
    assert Globs([glob]).match(uri) is expected


@pytest.mark.parametrize(("count", "codes"), [(1000, set()), (1001, {"RG310"})])
def test_a_thousand_globs_can_be_listed(count: int, codes: set[str]):
    globs = ", ".join(f"'models:/m{n}/*'" for n in range(count))
    endpoints = "[{name: a, routes: [{alias: b, model_uri: models:/m7/1}]}]"
    text = f"models: {{allow: [{globs}]}}\nmodel_endpoints: {endpoints}\n"
    assert {code for code, _, _ in faults(text)} == codes
