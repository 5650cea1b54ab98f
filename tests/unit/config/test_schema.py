"""The JSON Schema takes every file that is accepted, and refuses those whose form is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from rulegate.cli.schema import schema_command
from rulegate.config import ConfigError, load_config
from rulegate.config.keys import all_keys
from rulegate.config.schema import schema

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests" / "golden" / "config").glob("*.yaml"))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^(?P<head>(?:## \w+[^#]*?)?)^```yaml\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
STRUCTURE = {"RG307", "RG308", "RG309", "RG310", "RG312", "RG313", "RG317", "RG326"}
"""Codes of what a schema can see: keys, types, and the forms of values."""
BEYOND = {"alias_is_a_date", "name_is_yaml_false", "duration_too_long", "size_too_large"}
"""Words that editors, by YAML 1.2, take for text; and bounds of what has a unit."""
NOT_YAML = {"RG302", "RG303", "RG304", "RG305", "RG306"}


class Loader(yaml.SafeLoader):
    """YAML as editors read it, whose version 1.2 has more numbers and fewer truth values, and no dates."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith((":bool", ":timestamp", ":int"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(true|false)$", re.IGNORECASE), list("tTfF"))
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789"))
Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][+-]?[0-9]+$"), list("-0123456789")
)


def faults(text: str) -> list[str]:
    found = Draft202012Validator(schema()).iter_errors(yaml.load(text, Loader))
    return [f"{error.json_path}: {error.message}" for error in found]


def codes(path: Path) -> set[str]:
    try:
        return {found.code for found in load_config(path).warnings}
    except ConfigError as error:
        return {found.code for found in error.diagnostics}


def test_it_is_a_schema_of_its_dialect_and_the_command_prints_it():
    Draft202012Validator.check_schema(schema())
    result = CliRunner().invoke(schema_command)
    assert (result.exit_code, json.loads(result.output)) == (0, schema())


def test_every_key_is_explained_and_no_other_is_taken():
    definitions = schema()["$defs"]
    for key in all_keys():
        owner = schema() if "." not in key.path and "[" not in key.path else definitions[key.owner.__name__]
        assert owner["additionalProperties"] is False
        assert len(owner["properties"][key.name]["description"]) > 10


def test_every_default_that_it_names_is_the_one_that_holds():
    """A file that spells them out means the same as one that does not."""
    tops: dict[str, Any] = {"model_endpoints": [{"name": "a", "routes": [{"alias": "b", "model_uri": "./c"}]}]}
    spelled = json.loads(json.dumps(tops))
    for key in all_keys():
        if key.value is not None and re.fullmatch(r"(server|models|remote)\.\w+", key.path):
            section, name = key.path.split(".")
            spelled.setdefault(section, {})[name] = key.value
    spelled_out, smallest = load_config(yaml.safe_dump(spelled)), load_config(yaml.safe_dump(tops))
    assert spelled["server"]["max_body"] == "10MiB"
    assert (spelled_out.server, spelled_out.models, spelled_out.remote) == (
        smallest.server, smallest.models, smallest.remote,
    )  # fmt: skip


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_it_takes_every_example(example: Path):
    assert faults(example.read_text(encoding="utf-8")) == []


def test_it_takes_every_configuration_of_the_documents():
    taken = 0
    for document in DOCUMENTS:
        for block in BLOCK.finditer(document.read_text(encoding="utf-8")):
            if "model_endpoints:" in block["text"] and not block["head"].startswith("## Bad"):
                assert faults(block["text"]) == [], f"{document}: {block['text']}"
                taken += 1
    assert taken > 30


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case.stem)
def test_it_refuses_what_is_wrong_in_its_structure(case: Path):
    found = codes(case)
    if found & NOT_YAML:
        pytest.skip("editors have no tree of it")
    text = case.read_text(encoding="utf-8")
    if found & STRUCTURE and not found & {"RG335", "RG336"}:
        assert bool(faults(text)) is (case.stem not in BEYOND)
    elif not found:
        assert faults(text) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.port", "70000"), ("server.port", "'5000'"), ("server.max_body", "10MB"), ("models.preload", "yes"),
        ("models.idle_timeout", "900"), ("models.batching", "on"), ("models.batching", "{max_sice: 3}"),
        ("models.memory_limit", "70"), ("remote.headers", "X-A"), ("models.allow", "[]"), ("server.host", "''"),
    ],
)  # fmt: skip
def test_it_refuses_values_of_another_form(key: str, value: str):
    section, name = key.split(".")
    routes = "model_endpoints: [{name: a, routes: [{alias: b, model_uri: ./c}]}]"
    assert faults(f"{section}: {{{name}: {value}}}\n{routes}")
    assert not faults(f"{section}: {{}}\n{routes}")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("server.port", "'${PORT}'"), ("server.max_body", "'${SIZE}MiB'"), ("models.preload", "'${FLAG:-true}'"),
        ("models.batching", "off"), ("models.batching", "'${B}'"), ("models.idle_timeout", "never"),
        ("models.memory_limit", "12.5%"), ("remote.headers", "['${H}']"), ("server.host", "'${HOST}'"),
    ],
)  # fmt: skip
def test_it_takes_variables_where_values_stand(key: str, value: str):
    section, name = key.split(".")
    assert not faults(f"{section}: {{{name}: {value}}}\nmodel_endpoints: [{{name: a, routes: [{{alias: b}}]}}]")
