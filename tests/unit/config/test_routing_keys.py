"""The keys of targets, shadows, refusals, fallbacks, remote servers, decision services and the admin port."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from rulegate.condition import Request
from rulegate.config import (
    NEVER,
    NO_DEFAULT,
    AdminSettings,
    BatchingSettings,
    Config,
    ConfigError,
    DenySettings,
    ExternalSettings,
    ModelOverrides,
    ModelSettings,
    RemoteSettings,
    ShadowSettings,
    Share,
    TargetSettings,
    load_config,
)
from rulegate.config.web_values import check_header_name, check_token
from rulegate.diagnostics import Severity

WHOLE = """
admin: {host: 0.0.0.0, port: 5001, token: a-token-that-nobody-can-guess}
models: {replicas: 3, idle_timeout: 1h}
remote: {headers: [X-Tenant], connect_timeout: 500ms, max_answer: 1MiB}
external:
  - name: risk
    url: https://policies:8181/v1/data/routing/risk?pretty=false
    input: {user: "request.headers.get('X-User-Id')", n: "len(request.path)"}
    headers: {Authorization: "Bearer x"}
    timeout: 20ms
    cache: 30s
    default: {tier: none, score: 0.5, small: 1e-6, text: "1e-6", list: [1, null, true]}
  - {name: plain, url: "http://localhost"}
model_endpoints:
  - name: router
    routes:
      - alias: experiment
        model_request_condition: request.path == '/a'
        targets:
          - {alias: stable, model_uri: "models:/s@champion", weight: 95, idle_timeout: never, load_timeout: 10m}
          - {alias: canary, model_uri: "http://canary:5000", weight: 0.5}
          - {alias: idle, model_uri: ./idle, weight: 0, batching: {max_size: 2}, environment: uv, preload: true}
        sticky_on: "[request.headers['X-User-Id'], len(request.path)]"
        shadow: {alias: next, model_uri: "models:/s@next", sample: 12.5%, tolerance: 1e-3}
        fallback: [fast, in-turn]
        timeout: 5s
      - alias: in-turn
        model_request_condition: request.path == '/b'
        targets: [{alias: a, model_uri: ./idle}]
        balance: least_busy
      - {alias: blocked, model_request_condition: request.path == '/c', on_error: match, deny: {}}
      - alias: gone
        model_request_condition: request.path == '/d'
        on_error: match
        deny: {status: 410, message: gone}
      - {alias: fast, model_uri: "models:/fast/1", replicas: 2, refresh_interval: never}
"""


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(WHOLE)


def test_a_route_with_one_model_has_one_target_that_is_named_as_the_route(config: Config):
    route = config.endpoints[0].routes[-1]
    assert route.all_targets == (
        TargetSettings(alias="fast", model_uri="models:/fast/1", replicas=2, refresh_interval_s=NEVER),
    )
    assert route.targets == ()
    assert (route.balance, route.sticky_on, route.deny, route.shadow, route.fallback, route.timeout_s) == (
        "weighted", None, None, None, (), None,
    )  # fmt: skip


def test_targets_have_their_weights_and_what_they_say_of_their_models(config: Config):
    route, in_turn, *_ = config.endpoints[0].routes
    assert (
        route.all_targets
        == route.targets
        == (
            TargetSettings(
                alias="stable", model_uri="models:/s@champion", weight=95, idle_timeout_s=NEVER, load_timeout_s=600.0
            ),
            TargetSettings(alias="canary", model_uri="http://canary:5000", weight=0.5),
            TargetSettings(
                alias="idle",
                model_uri="./idle",
                weight=0,
                batching=BatchingSettings(max_size=2),
                environment="uv",
                preload=True,
            ),
        )
    )
    assert [in_turn.balance, in_turn.targets[0].weight] == ["least_busy", 1.0]


def test_the_rest_of_a_route(config: Config):
    route, _, blocked, gone, _ = config.endpoints[0].routes
    assert route.shadow == ShadowSettings(alias="next", model_uri="models:/s@next", sample=Share(0.125), tolerance=1e-3)
    assert (route.fallback, route.timeout_s) == (("fast", "in-turn"), 5.0)
    assert route.sticky_on is not None
    assert route.sticky_on.value(Request(path="/a", headers={"x-user-id": "u"})) == ["u", 2]
    assert blocked.all_targets == ()
    assert (blocked.deny, gone.deny) == (DenySettings(), DenySettings(status=410, message="gone"))
    assert DenySettings() == DenySettings(status=403, message="denied")


def test_decision_services(config: Config):
    risk, plain = config.external
    assert plain == ExternalSettings(name="plain", url="http://localhost")
    assert (plain.timeout_s, plain.cache_s, plain.default) == (0.05, None, NO_DEFAULT)
    assert (risk.timeout_s, risk.cache_s, dict(risk.headers)) == (0.02, 30.0, {"Authorization": "Bearer x"})
    assert risk.default == {"tier": "none", "score": 0.5, "small": 1e-6, "text": "1e-6", "list": [1, None, True]}
    request = Request(path="/a", headers={"x-user-id": "u"})
    assert {name: expression.value(request) for name, expression in risk.input.items()} == {"user": "u", "n": 2}


def test_a_default_of_null_is_a_default():
    text = WHOLE.replace('"http://localhost"}', '"http://localhost", default: null}')
    assert load_config(text).external[1].default is None


def test_the_admin_port_and_remote_servers(config: Config):
    assert config.admin == AdminSettings(host="0.0.0.0", port=5001, token="a-token-that-nobody-can-guess")
    assert config.remote == RemoteSettings(headers=("X-Tenant",), connect_timeout_s=0.5, max_answer_bytes=1024**2)
    smallest = load_config("model_endpoints: [{name: a, routes: [{alias: b, model_uri: ./c}]}]\n")
    assert (smallest.admin, smallest.external) == (None, ())
    assert smallest.remote == RemoteSettings(headers=(), connect_timeout_s=1.0, max_answer_bytes=100 * 1024**2)


def test_no_secret_is_shown_by_a_representation(config: Config):
    assert "a-token-that-nobody-can-guess" not in repr(config.admin)
    assert "Bearer" not in repr(dataclasses.replace(config.external[1], headers={"Authorization": "Bearer x"}))


def test_what_holds_for_each_model_is_what_its_target_says_and_else_what_models_says(config: Config):
    models = ModelSettings(replicas=3, idle_timeout_s=3600.0)
    assert config.models == models
    assert config.settings_by_model() == {
        "models:/s@champion": dataclasses.replace(models, idle_timeout_s=None, load_timeout_s=600.0),
        "http://canary:5000": models,
        "./idle": dataclasses.replace(models, batching=BatchingSettings(max_size=2), environment="uv", preload=True),
        "models:/s@next": models,
        "models:/fast/1": dataclasses.replace(models, replicas=2, refresh_interval_s=None),
    }


def test_a_later_route_may_say_what_holds_for_an_earlier_ones_model():
    text = """
model_endpoints:
  - name: a
    routes:
      - {alias: b, model_uri: ./m, model_request_condition: request.path == '/b', shadow: {alias: c, model_uri: ./n}}
      - {alias: d, model_uri: ./m, replicas: 2}
      - {alias: e, model_uri: ./n, preload: true, model_request_condition: request.path == '/e'}
"""
    held = load_config(text).settings_by_model()
    assert held == {"./m": ModelSettings(replicas=2), "./n": ModelSettings(preload=True)}


def test_every_override_is_a_setting_of_models_too():
    names = {field.name for field in dataclasses.fields(ModelOverrides)}
    assert names < {field.name for field in dataclasses.fields(ModelSettings)}
    assert ModelOverrides().overrides == {}
    assert pickle.loads(pickle.dumps(ModelOverrides(replicas=2))) == ModelOverrides(replicas=2)


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "Accept-Encoding", "a b", "a:", "é", ""]
)
def test_headers_that_cannot_be_sent_on_are_refused(name: str):
    with pytest.raises(ValueError, match="header"):
        check_header_name(name)


@pytest.mark.parametrize("token", ["short", "x" * 15, "with a blank in the middle", "é" * 20])
def test_tokens_that_can_be_guessed_or_cannot_be_sent_are_refused(token: str):
    with pytest.raises(ValueError, match="token") as caught:
        check_token(token)
    assert token not in str(caught.value)


ONE_ROUTE = "\nmodel_endpoints: [{{name: a, routes: [{{alias: b, {}}}]}}]\n"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("targets: [{alias: a, model_uri: 's3://b/m'}]", ["RG322"]),
        ("model_uri: 'models:/a/1', shadow: {alias: a, model_uri: 's3://b/m'}", ["RG322"]),
        ("model_uri: 'models:/a/1', shadow: {alias: a, model_uri: 'models:/b/1'}", []),
        ("model_uri: 'http://elsewhere'", ["RG322"]),
    ],
)
def test_the_operators_rule_holds_for_targets_shadows_and_servers(keys: str, found: list[str]):
    assert codes(ONE_ROUTE.format(keys), ("models:/*",)) == found


def test_the_operators_rule_holds_for_decision_services():
    services, _, _ = WHOLE.partition("model_endpoints:")
    text = services + ONE_ROUTE.format("model_uri: ./m")
    assert codes(text, ("./*", "https://policies:8181/*")) == ["RG322"]
    assert codes(text, ("./*", "https://policies:8181/*", "http://localhost")) == []


def codes(text: str, allow: tuple[str, ...]) -> list[str]:
    """The codes of the errors."""
    try:
        load_config(text, allow=allow)
    except ConfigError as error:
        return [str(found.code) for found in error.diagnostics if found.severity is Severity.ERROR]
    return []
