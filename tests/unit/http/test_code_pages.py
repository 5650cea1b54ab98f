"""The requests that the pages of codes show as bad are answered with these codes, and those shown as good are not."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from rulegate.admin.application import Admin
from rulegate.admin.asked import understand
from rulegate.admin.sources import Sources
from rulegate.answers import Breakers
from rulegate.config import load_config
from rulegate.gateway import Gateway
from rulegate.handover import Handover
from rulegate.http import Application, Front
from rulegate.http.errors import NotUnderstood
from rulegate.http.traffic import Traffic
from rulegate.live import Live
from rulegate.log import Lines
from rulegate.routing import Mishaps
from rulegate.serving.pool import ModelPool, PoolSettings
from rulegate.shadowing import Shadows

PAGES = Path(__file__).parents[3] / "docs" / "codes"
EXAMPLE = re.compile(r"^## (Bad|Good)\n\n```(sh|json)\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
TOKEN = "a-token-that-nobody-can-guess"
CONFIG = f"""
admin: {{port: 5001, token: {TOKEN}}}
model_endpoints:
  - name: sentiment-router
    routes:
      - alias: accurate
        model_request_condition: "request.is_json and request.json['inputs'][0] == 'a'"
        model_uri: models:/a/1
      - {{alias: fast, model_uri: "models:/a/2"}}
"""


def examples() -> Iterator[Any]:
    for page in sorted(PAGES.glob("RG4*.md")):
        for title, kind, text in EXAMPLE.findall(page.read_text(encoding="utf-8")):
            if kind == "sh":
                yield pytest.param(page.stem, title, text, id=f"{page.stem} {title}")


@pytest.fixture
def ports() -> Iterator[dict[int, Client]]:
    """A gateway without models, and its admin port."""
    config = load_config(CONFIG)
    front = Front(Gateway(config), max_body_bytes=1000, request_timeout_s=1.0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    traffic = Traffic()
    application = Application(front, Lines("json", nowhere), not_ready=dict, traffic=traffic)
    nothing: Any = None
    pool = ModelPool(nothing, nothing, PoolSettings())
    live = Live(config, lambda _: (), obstacle=lambda _: None, handover=Handover())
    shadows = Shadows(lambda copy: nothing, is_busy=lambda: False, random=lambda: 0.0)
    sources = Sources(live, application, pool, Breakers(), traffic, Mishaps(), shadows)
    yield {5000: Client(application), 5001: Client(Admin(sources, token=lambda: TOKEN))}
    pool.close()
    os.close(nowhere)


def send(ports: dict[int, Client], command: str) -> Any:
    """Sends what a command of curl would."""
    program, *words = shlex.split(command.replace("$RULEGATE_ADMIN_TOKEN", TOKEN))
    assert program == "curl"
    headers: dict[str, str] = {}
    method, data, url = "GET", None, ""
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d" | "--data-binary":
                data, method = words.pop(0).encode(), "POST" if method == "GET" else method
            case "-s":
                pass
            case url:
                pass
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", url).groups()
    client = ports[int(port)]
    return client.open(path, method=method, headers=headers, data=data)


@pytest.mark.parametrize(("code", "title", "command"), list(examples()))
def test_a_request_that_is_shown_is_answered_as_the_page_says(ports, code: str, title: str, command: str):
    answer = send(ports, command)
    found = answer.json.get("code") if answer.is_json else None
    assert (found == code) is (title == "Bad"), found
    if title == "Bad":
        page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
        assert f"\nAnswered with {answer.status_code} `{answer.json['error_code']}`" in page


def test_many_pages_show_requests():
    assert {example.values[0] for example in examples()} >= {"RG401", "RG402", "RG405", "RG406", "RG407"}


def test_the_descriptions_that_are_shown_are_one_and_none():
    shown = {title: text for title, _, text in EXAMPLE.findall((PAGES / "RG415.md").read_text(encoding="utf-8"))}
    with pytest.raises(NotUnderstood):
        understand(shown["Bad"].encode())
    assert understand(shown["Good"].encode()).endpoint == "sentiment"
