"""A configuration becomes settings: defaults, units, conditions; and nothing that is wrong gets through."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from rulegate.condition import Request
from rulegate.config import Config, ConfigError, ModelSettings, ServerSettings, Share, load_config
from rulegate.config.load import MAX_FILE_BYTES
from rulegate.diagnostics import Severity

SMALLEST = """
model_endpoints:
  - name: sentiment
    routes:
      - alias: fast
        model_uri: models:/fast/production
"""

WHOLE = """
registry_uri: sqlite:///mlflow.db
default_endpoint: second
server:
  host: 0.0.0.0
  port: 0
  threads: 8
  max_body: 512KiB
  request_timeout: 500ms
models:
  memory_limit: 4GiB
  idle_timeout: never
  refresh_interval: 1m
  load_timeout: 15m
  preload: true
  replicas: 2
  cache_limit: 1TiB
model_endpoints:
  - name: first
    routes:
      - alias: accurate
        model_uri: models:/accurate@champion
        model_request_condition: |
          request.method == 'POST'
          and request.headers['X-Tier'] in ('gold', 'platinum')
        on_error: match
      - alias: fast
        model_uri: runs:/abc/model
  - name: second
    routes:
      - {alias: fast, model_uri: ./model}
"""


def diagnostics_of(text: str) -> list[tuple[str, str]]:
    """The code of each diagnostic and the text that it points at."""
    with pytest.raises(ConfigError) as caught:
        load_config(text)
    return [(d.code, d.source.text[d.span.start : d.span.end]) for d in caught.value.diagnostics]


def test_a_file_names_only_what_it_changes():
    config = load_config(SMALLEST)
    assert config.server == ServerSettings()
    assert config.models == ModelSettings()
    assert config.registry_uri is None
    assert config.default_endpoint == "sentiment"
    assert config.warnings == ()
    assert config.path is None
    (route,) = config.endpoints[0].routes
    assert (route.alias, route.model_uri, route.condition) == ("fast", "models:/fast/production", None)
    assert route.on_error is None


def test_the_defaults_are_those_of_the_documentation():
    server, models = ServerSettings(), ModelSettings()
    assert dataclasses.astuple(server) == ("127.0.0.1", 5000, 256, 10 * 1024**2, 60.0)
    assert models == ModelSettings(
        memory_limit=Share(0.7),
        idle_timeout_s=900.0,
        refresh_interval_s=10.0,
        load_timeout_s=120.0,
        preload=False,
        replicas=1,
        cache_limit_bytes=20 * 1024**3,
    )


def test_every_setting_reaches_its_field_in_the_unit_of_its_name():
    config = load_config(WHOLE)
    assert config.registry_uri == "sqlite:///mlflow.db"
    assert config.default_endpoint == "second"
    assert config.server == ServerSettings("0.0.0.0", 0, 8, 512 * 1024, 0.5)
    assert config.models == ModelSettings(
        memory_limit=4 * 1024**3,
        idle_timeout_s=None,
        refresh_interval_s=60.0,
        load_timeout_s=900.0,
        preload=True,
        replicas=2,
        cache_limit_bytes=1024**4,
    )
    assert [[route.alias for route in endpoint.routes] for endpoint in config.endpoints] == [
        ["accurate", "fast"],
        ["fast"],
    ]
    assert config.endpoints[0].routes[0].on_error == "match"


def test_conditions_come_compiled():
    route = load_config(WHOLE).endpoints[0].routes[0]
    assert route.condition is not None
    assert route.condition.matches(Request(headers={"x-tier": "gold"}))
    assert not route.condition.matches(Request(headers={"x-tier": "free"}))


def test_a_configuration_cannot_be_changed():
    config = load_config(SMALLEST)
    assert isinstance(config.endpoints, tuple)
    assert isinstance(config.endpoints[0].routes, tuple)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.server.port = 1  # type: ignore[misc]


def test_a_second_route_without_a_condition_is_a_warning_and_no_error():
    config = load_config(SMALLEST + "      - alias: accurate\n        model_uri: models:/accurate/1\n")
    assert len(config.endpoints[0].routes) == 2
    (warning,) = config.warnings
    assert (warning.code, warning.severity) == ("RG320", Severity.WARNING)
    assert warning.source.text[warning.span.start : warning.span.end] == "accurate"


def test_warnings_of_conditions_are_placed_in_the_file():
    condition = "        model_request_condition: \"request.headers.get('X-Tier')\"\n"
    (warning,) = (found for found in load_config(SMALLEST + condition).warnings if str(found.code) == "RG225")
    assert warning.severity is Severity.WARNING
    assert warning.source.position(warning.span.start).line == 7


@pytest.mark.parametrize(
    ("before", "after", "code", "place"),
    [
        ("name: sentiment", "name: 5", "RG309", "5"),
        ("name: sentiment", "name: [a]", "RG309", "[a]"),
        ("name: sentiment", "nam: sentiment", "RG307", "nam"),
        ("alias: fast", "alias: no", "RG309", "no"),
        ("alias: fast", "alias: 1.5", "RG309", "1.5"),
        ("alias: fast", "alias: 0x1F", "RG309", "0x1F"),
        ("alias: fast", "alias: 12:30", "RG309", "12:30"),
        ("alias: fast", "alias:", "RG309", ""),
        ("alias: fast", "alias: a b", "RG314", "a b"),
        ("models:/fast/production", "models:/fast", "RG315", "models:/fast"),
        ("models:/fast/production", "1", "RG309", "1"),
    ],
)
def test_a_wrong_value_is_pointed_at_and_nothing_else(before: str, after: str, code: str, place: str):
    assert (code, place) in diagnostics_of(SMALLEST.replace(before, after))


@pytest.mark.parametrize(
    ("setting", "code", "place"),
    [
        ('server: {port: "5000"}', "RG309", '"5000"'),
        ("server: {port: 5000.0}", "RG309", "5000.0"),
        ("server: {port: true}", "RG309", "true"),
        ("server: {port: -1}", "RG310", "-1"),
        ("server: {port: 65536}", "RG310", "65536"),
        ("server: {port: 99999999999999999999999}", "RG309", "99999999999999999999999"),
        ("server: {threads: 0}", "RG310", "0"),
        ("server: {host: 127}", "RG309", "127"),
        ('server: {host: ""}', "RG311", '""'),
        ("server: {max_body_bytes: 5}", "RG307", "max_body_bytes"),
        ("server: {request_timeout: 60}", "RG312", "60"),
        ("server: {max_body: 10MB}", "RG313", "10MB"),
        ("server: []", "RG309", "[]"),
        ("models: {preload: 1}", "RG309", "1"),
        ('models: {preload: "false"}', "RG309", '"false"'),
        ("models: {memory_limits: 70%}", "RG307", "memory_limits"),
        ("models: {memory_limit: 120%}", "RG313", "120%"),
        ("models: {idle_timeout: 5}", "RG312", "5"),
        ("models: {replicas: 0}", "RG310", "0"),
        ("models: {environment: venv}", "RG317", "venv"),
        ("models: {environment: 1}", "RG317", "1"),
        ("models: {environment: []}", "RG309", "[]"),
        ("registry_uri: null", "RG309", "null"),
        ("registry_uri: 5", "RG309", "5"),
        ("default_endpoint: sentimental", "RG319", "sentimental"),
        ("externals: []", "RG307", "externals"),
        ("server: {port: 1, port: 2}", "RG306", "port"),
        ("server: &a {}", "RG304", "&a"),
        ("server: !!map {}", "RG304", "!!map"),
        ("server: {<<: {}}", "RG304", "<<"),
        ("1: one", "RG304", "1"),
    ],
)
def test_a_wrong_setting_is_the_only_thing_reported(setting: str, code: str, place: str):
    assert diagnostics_of(f"{setting}\n{SMALLEST}") == [(code, place)]


def test_everything_that_is_wrong_is_reported_at_once_in_the_order_of_the_file():
    text = (
        SMALLEST.replace("fast/production", "fast").replace("sentiment", "a b")
        + "        on_error: maybe\nsrever: {}\n"
    )
    text += "models: {preload: 5}\n"
    assert [code for code, _ in diagnostics_of(text)] == ["RG314", "RG315", "RG321", "RG317", "RG307", "RG309"]


def test_faults_of_one_place_do_not_hide_faults_between_places():
    text = f"default_endpoint: nobody\nserver: 5\n{SMALLEST}"
    assert [code for code, _ in diagnostics_of(text)] == ["RG319", "RG309"]


def test_a_fault_inside_a_condition_is_pointed_at_inside_the_file():
    condition = """        model_request_condition: >-
          request.method == 'POST'
          and request.method.foo('a')
"""
    ((_, place),) = diagnostics_of(SMALLEST + condition)
    assert place == "foo"


def test_a_path_is_read_and_a_text_with_a_line_feed_is_taken_as_it_is(tmp_path: Path):
    path = tmp_path / "gateway_config.yaml"
    path.write_text(SMALLEST, encoding="utf-8")
    assert load_config(path).path == path
    assert load_config(str(path)).path == path
    assert load_config(SMALLEST).path is None


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_a_byte_order_mark_of_other_systems_are_harmless(tmp_path: Path, line_end: str, mark: str):
    text = WHOLE.replace("port: 0", "port: -1")
    path = tmp_path / "c.yaml"
    path.write_bytes((mark + text.replace("\n", line_end)).encode())
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (diagnostic,) = caught.value.diagnostics
    place = diagnostic.source.position(diagnostic.span.start)
    assert (place.line, place.column) == (6, 9)


def test_a_file_that_cannot_be_read_is_a_diagnostic(tmp_path: Path):
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"name: caf\xe9\n")
    for path, code in [(tmp_path / "none.yaml", "RG301"), (tmp_path, "RG301"), (large, "RG301"), (binary, "RG302")]:
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == code
        assert diagnostic.source.name == str(path)
        assert diagnostic.hint


def test_bytes_that_are_not_utf8_are_pointed_at(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_bytes("a: ü\nb: caf".encode() + b"\xe9\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    (diagnostic,) = caught.value.diagnostics
    place = diagnostic.source.position(diagnostic.span.start)
    assert (place.line, place.column) == (2, 7)


def test_what_is_no_file_is_not_opened(tmp_path: Path):
    """To read a pipe may take for ever, and a device has no end."""
    pipe, device, circle = (tmp_path / name for name in ("pipe", "device", "circle"))
    os.mkfifo(pipe)
    device.symlink_to("/dev/zero")
    circle.symlink_to(circle)
    for path in (pipe, device, circle):
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert [str(diagnostic.code) for diagnostic in caught.value.diagnostics] == ["RG301"]


@pytest.mark.parametrize("name", ["", ".", "a\0b", "\ud800", "x" * 5_000])
def test_a_name_that_no_file_can_have_is_a_diagnostic_too(name: str):
    with pytest.raises(ConfigError):
        load_config(name)


def test_the_error_reads_as_people_see_it():
    with pytest.raises(ConfigError) as caught:
        load_config("sever: {}\n")
    assert str(caught.value).startswith("<text>:1:1: RG307 a configuration has no key `sever`\n  | sever: {}\n")


def test_a_large_configuration_is_no_trouble():
    """A thousand endpoints, each with an error, are all reported."""
    text = "model_endpoints:\n" + "".join(f"  - {{name: e{n}, routes: []}}\n" for n in range(1_000))
    assert len(diagnostics_of(text)) == 1_000


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_no_depth_of_nesting_is_too_deep_to_be_told(text: str):
    assert [code for code, _ in diagnostics_of(f"{text}\n")] == ["RG304"]


def test_settings_can_be_replaced_one_by_one():
    """What a command's options do: the file's settings, but for some of them."""
    config: Config = load_config(SMALLEST)
    moved = dataclasses.replace(config, server=dataclasses.replace(config.server, port=8080))
    assert (moved.server.port, moved.server.threads) == (8080, 256)


def test_a_file_with_more_keys_than_anybody_writes_is_not_read_to_its_end():
    text = "".join(f"key{number}: 1\n" for number in range(10_002))
    with pytest.raises(ConfigError) as caught:
        load_config(text)
    assert [found.code for found in caught.value.diagnostics] == ["RG304"]
    assert caught.value.diagnostics[0].source.position(caught.value.diagnostics[0].span.start).line == 10_001


def test_conditions_are_held_against_each_other_only_where_that_is_wanted():
    routes = "".join(
        f"      - {{alias: r{number}, model_uri: ./m, model_request_condition: request.path == '/a'}}\n"
        for number in range(2)
    )
    assert [found.code for found in load_config(SMALLEST + routes).warnings] == ["RG320"]
    assert load_config(SMALLEST + routes, thorough=False).warnings == ()
