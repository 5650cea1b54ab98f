"""The documents name all that exists, nothing that does not, and lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import pytest
from pydantic.fields import FieldInfo

from rulegate.config import load_config
from rulegate.config.settings import FileSettings
from rulegate.http.errors import CODES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
HTTP = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
HEADER = re.compile(r"x-rulegate-[a-z-]+|x-request-id|retry-after")

SMALLEST = """
model_endpoints:
  - name: sentiment-router
    routes:
      - alias: accurate
        model_uri: models:/sentiment-model-accurate/production
        model_request_condition: "request.headers['X-Tier'] == 'gold'"
      - alias: fast
        model_uri: models:/sentiment-model-fast/production
"""


def keys(settings: type, prefix: str = "") -> Iterator[str]:
    """Every key of the file, as a path: `server.port`, `model_endpoints[].name`."""
    for name, hint in get_type_hints(settings, include_extras=True).items():
        if name.startswith("_"):
            continue
        extras = getattr(hint, "__metadata__", ())
        aliases = [extra.alias for extra in extras if isinstance(extra, FieldInfo) and extra.alias]
        key = prefix + (aliases[0] if aliases else name)
        yield key
        for inner, path in mappings(hint, key):
            yield from keys(inner, f"{path}.")


def mappings(hint: object, path: str) -> Iterator[tuple[type, str]]:
    """The mappings with keys of their own that a value may be or hold, and where they are in it."""
    if is_mapping(hint):
        yield hint, path
    elif hasattr(hint, "__metadata__"):
        yield from mappings(get_args(hint)[0], path)
    else:
        for argument in get_args(hint):
            yield from mappings(argument, f"{path}[]" if get_origin(hint) is tuple else path)


def is_mapping(hint: object) -> bool:
    """Whether a value of the type is a mapping in the file; other dataclasses are read from one word."""
    return is_dataclass(hint) and hasattr(hint, "__pydantic_config__")


def test_every_key_of_the_configuration_has_one_row_and_every_row_its_key():
    rows = re.findall(r"^\| `([a-z_.\[\]]+)` \|", CONFIGURATION, re.MULTILINE)
    assert sorted(rows) == sorted(keys(FileSettings))


def test_the_defaults_spelled_out_mean_the_same_as_the_smallest_file():
    written = re.search(r"^```yaml\n(.*?)^```", CONFIGURATION, re.MULTILINE | re.DOTALL)
    spelled_out, smallest = load_config(written[1]), load_config(SMALLEST)
    assert not spelled_out.warnings
    assert shown(replace(spelled_out, text="")) == shown(replace(smallest, text=""))


def shown(config) -> object:
    """The configuration with its conditions as texts, which compare by what they say."""
    endpoints = [
        (
            endpoint.name,
            [
                replace(
                    route, condition=route.condition and route.condition.text, on_error=route.on_error or "no_match"
                )
                for route in endpoint.routes
            ],
        )
        for endpoint in config.endpoints
    ]
    return [
        endpoints,
        *(getattr(config, field.name) for field in fields(config) if field.compare and field.name != "endpoints"),
    ]


def test_two_files_show_every_key_that_can_be_there():
    """One spells out the defaults, one has all that has none."""
    defaults, others = re.findall(r"^```yaml\n(.*?)^```", CONFIGURATION, re.MULTILINE | re.DOTALL)[:2]
    assert load_config(others, variables={"RULEGATE_ADMIN_TOKEN": "a-token-that-nobody-can-guess"}).endpoints
    names = set(re.findall(r"(?:^[ -]*|[{,] *)([a-z_]+): ?", f"{defaults}{others}", re.MULTILINE)) - {"user"}
    assert names == {re.split(r"[.\]]+", key)[-1] for key in keys(FileSettings)}


def test_every_header_that_an_answer_can_carry_has_a_row():
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "rulegate" / "http").glob("*.py"))
    rows = re.findall(rf"^\| `({HEADER.pattern})` \|", HTTP, re.MULTILINE)
    assert sorted(rows) == sorted({name for source in sources for name in HEADER.findall(source)})


def test_every_code_of_a_failed_request_has_a_row_and_every_row_its_code():
    rows = re.findall(r"^\| .* \| \[(RG\d+)\]\(codes/\1\.md\) \|$", HTTP, re.MULTILINE)
    assert sorted(rows) == sorted(CODES)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_something_that_is_there(document: Path):
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", prose):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), target


def test_the_number_of_a_decision_is_given_once():
    numbers = [int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))
