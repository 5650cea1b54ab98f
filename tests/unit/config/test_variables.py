"""Variables of the environment stand for values of the file, as their keys take them, and are shown nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.condition import Request
from rulegate.config import Config, ConfigError, load_config, shown_text, variables
from rulegate.config.settings import FileSettings
from rulegate.diagnostics import render_all
from tests.unit.test_documentation import keys

ROUTES = "\nmodel_endpoints: [{name: a, routes: [{alias: b, model_uri: ./c}]}]\n"


def loaded(head: str, **variables: str) -> Config:
    return load_config(head + ROUTES, variables=variables)


def codes(text: str, **variables: str) -> list[str]:
    try:
        return [found.code for found in load_config(text, variables=variables).warnings]
    except ConfigError as error:
        return [found.code for found in error.diagnostics]


@pytest.mark.parametrize(
    ("written", "variables", "value"),
    [
        ("${HOST}", {"HOST": "h"}, "h"),
        ("a${HOST}b${HOST}", {"HOST": "h"}, "ahbh"),
        ("${HOST:-d}", {"HOST": "h"}, "h"),
        ("${HOST:-d}", {"HOST": ""}, "d"),
        ("${HOST:-d}", {}, "d"),
        ("x${HOST:-}y", {}, "xy"),
        ("x${HOST}y", {"HOST": ""}, "xy"),
        ("$${HOST}", {"HOST": "h"}, "${HOST}"),
        ("$$${HOST}", {"HOST": "h"}, "$${HOST}"),
        ("$HOST", {"HOST": "h"}, "$HOST"),
        ("$$", {}, "$$"),
        ("${HOST}", {"HOST": "${OTHER}", "OTHER": "o"}, "${OTHER}"),
        ("${HOST}", {"HOST": "'\": [&x"}, "'\": [&x"),
        ("${HOST}", {"HOST": "5"}, "5"),
        ("${HOST}", {"HOST": "on"}, "on"),
    ],
)
@pytest.mark.parametrize("quote", ['"{}"', "'{}'", "{}"])
def test_a_text_has_what_the_variable_has_whatever_it_looks_like(
    written: str, variables: dict[str, str], value: str, quote: str
):
    assert loaded(f"server:\n  host: {quote.format(written)}\n", **variables).server.host == value


@pytest.mark.parametrize("quote", ['"{}"', "{}"])
def test_other_values_are_read_as_if_they_stood_there_plainly(quote: str):
    config = loaded(
        f"server:\n  port: {quote.format('${PORT}')}\n  max_body: {quote.format('${SIZE}MiB')}\n"
        f"models:\n  preload: {quote.format('${FLAG}')}\n  idle_timeout: {quote.format('${IDLE:-never}')}\n"
        f"  memory_limit: {quote.format('${SHARE}%')}\n  batching: {quote.format('${BATCHING}')}\n",
        PORT="5010", SIZE="3", FLAG="true", SHARE="12.5", BATCHING="off",
    )  # fmt: skip
    assert (config.server.port, config.server.max_body_bytes) == (5010, 3 * 1024**2)
    assert (config.models.preload, config.models.idle_timeout_s, config.models.batching) == (True, None, "off")


def test_numbers_weights_and_json_values_may_come_from_variables():
    text = """
external:
  - {name: risk, url: "http://${HOST}:8181", headers: {X-A: "${TOKEN}"}, default: {a: "${ONE}", b: ["${TEXT}"]}}
model_endpoints:
  - name: n
    routes:
      - alias: b
        model_request_condition: external['risk'] == 1
        targets: [{alias: x, model_uri: "${MODEL}", weight: "${WEIGHT}"}]
      - {alias: c, deny: {status: "${STATUS}", message: "no $${TEXT}"}}
"""
    environment = {
        "HOST": "risk", "TOKEN": "t", "ONE": "1", "TEXT": "no", "MODEL": "models:/m/1", "WEIGHT": "2.5",
        "STATUS": "451",
    }  # fmt: skip
    config = load_config(text, variables=environment)
    (service,), (endpoint,) = config.external, config.endpoints
    assert (service.url, dict(service.headers), service.default) == (
        "http://risk:8181", {"X-A": "t"}, {"a": 1, "b": [False]},
    )  # fmt: skip
    target, deny = endpoint.routes[0].targets[0], endpoint.routes[1].deny
    assert (target.model_uri, target.weight) == ("models:/m/1", 2.5)
    assert deny is not None
    assert (deny.status, deny.message) == (451, "no ${TEXT}")


def test_a_variable_is_never_put_into_a_key_or_an_expression():
    text = """
external:
  - {name: risk, url: "http://risk", input: {user: "'${X}'"}}
model_endpoints:
  - name: a
    routes:
      - {alias: b, model_uri: ./c, model_request_condition: "request.path == external['risk'] + '${X}'"}
      - {alias: d, targets: [{alias: e, model_uri: ./e}], sticky_on: "request.path + '${X}'"}
"""
    config = load_config(text, variables={"X": "' or True or '"})
    assert [found.code for found in config.warnings if found.code == "RG336"] == ["RG336"] * 3
    condition, _ = (route.condition for route in config.endpoints[0].routes)
    assert condition is not None
    assert condition.matches(Request(path="a${X}", external={"risk": "a"}))
    assert codes(f"${{X}}: 5{ROUTES}", X="server") == ["RG307"]


def test_the_places_of_expressions_are_those_that_the_settings_have():
    """A new key for an expression must be kept from variables too."""
    expressions = {key for key in keys(FileSettings) if key.endswith(("condition", "sticky_on", "input"))}
    assert expressions == {
        "external[].input", *(f"model_endpoints[].routes[].{key}" for key in ("model_request_condition", "sticky_on")),
    }  # fmt: skip
    assert {"[].".join(place) for place in variables.EXPRESSIONS} == expressions


def test_no_variable_is_put_into_what_clients_are_told():
    text = """
model_endpoints:
  - name: "a${X}"
    routes:
      - alias: "b${X}"
        model_request_condition: request.path == '/a'
        targets: [{alias: "c${X}", model_uri: "models:/m${X}/1"}]
        shadow: {alias: "d${X:-e}", model_uri: "models:/m/2"}
      - {alias: f, deny: {status: "${STATUS}", message: "leak ${X} and ${GONE}"}}
"""
    with pytest.raises(ConfigError) as caught:
        load_config(text, variables={"X": "hunter2", "STATUS": "451"})
    assert [found.code for found in caught.value.diagnostics] == ["RG347"] * 6
    assert "hunter2" not in render_all(caught.value.diagnostics)


def test_the_places_that_clients_are_told_are_those_that_the_settings_have():
    told = {
        key
        for key in keys(FileSettings)
        if key.startswith("model_endpoints") and key.endswith((".name", ".alias", ".message"))
    }
    assert {place.replace("[]", "") for place in told} == {".".join(place) for place in variables.PUBLISHED}


@pytest.mark.parametrize(
    ("value", "code"),
    [("${GONE}", "RG335"), ("${BYTES}", "RG335"), ("${1}", "RG336"), ("${A", "RG336"), ("${A:-${B}}", "RG336")],
)
def test_what_cannot_be_put_in_is_told_once(value: str, code: str):
    assert codes(f'server: {{host: "{value}"}}{ROUTES}', BYTES="\udcff") == [code]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8).filter(lambda text: text.strip()))
def test_no_diagnostic_shows_the_value_of_a_variable(secret: str):
    secret = f"hunter2{secret}"
    text = """
registry_uri: "${S}"
default_endpoint: "${S}"
server: {port: "${S}", host: "x${S}", max_body: "${S}", request_timeout: "${S}"}
admin: {port: 1, token: "${S}"}
models: {preload: "${S}", batching: "${S}", environment: "${S}", allow: ["${S}"], env: ["${S}"]}
remote: {headers: ["${S}"]}
external: [{name: "${S}", url: "${S}", headers: {X-A: "${S}"}}, {name: "${S}", url: "http://a:${S}@b"}]
model_endpoints:
  - name: "${S}"
    routes:
      - {alias: "${S}", model_uri: "${S}", on_error: "${S}"}
      - {alias: "${S}", targets: [{alias: "${S}", model_uri: "models:/a/${S}", weight: "${S}"}], balance: "${S}"}
      - {alias: x, deny: {status: "${S}", message: "${S}"}, fallback: ["${S}"]}
  - {name: "${S}", routes: [{alias: "${S}", model_uri: "s3://x"}, {alias: "${S}", model_uri: "s3://y"}]}
"""
    with pytest.raises(ConfigError) as caught:
        load_config(text, variables={"S": secret})
    shown = render_all(caught.value.diagnostics)
    assert "hunter2" not in shown


def test_secrets_of_the_file_are_masked_in_every_line_and_in_the_text_that_is_shown():
    text = f"admin: {{port: 1, token: hunter2hunter2hunter2, x: 1}}\nregistry_uri: http://u:hunter2@h{ROUTES}"
    with pytest.raises(ConfigError) as caught:
        load_config(text)
    assert "hunter2" not in render_all(caught.value.diagnostics)
    config = load_config(text.replace(", x: 1", ""))
    assert config.admin is not None
    assert config.admin.token == "hunter2hunter2hunter2"
    assert "hunter2" not in render_all(config.warnings)
    assert shown_text(config) == config.text.replace("hunter2", "*******")


def test_by_itself_the_environment_of_the_process_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RULEGATE_TEST_HOST", "h")
    assert load_config("server: {host: '${RULEGATE_TEST_HOST}'}" + ROUTES).server.host == "h"
