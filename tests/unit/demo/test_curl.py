"""The demo's curl commands paste into a shell and send what the demo's condition looks at."""

from __future__ import annotations

import json
import shlex

import pytest

from rulegate.demo import curl_commands


def body(command: str) -> dict:
    arguments = shlex.split(command)
    return json.loads(arguments[arguments.index("-d") + 1])


def test_only_the_second_text_begins_as_the_condition_asks():
    texts = [body(command)["dataframe_split"]["data"][0][0] for command in curl_commands("127.0.0.1", 5000)]
    assert [text.startswith("Domain specific text") for text in texts] == [False, True]


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:5001/invocations"), ("::1", "http://[::1]:5001/invocations")],
)
def test_each_is_one_shell_command_for_the_given_address(host, url):
    for command in curl_commands(host, 5001):
        assert "\n" not in command
        arguments = shlex.split(command)
        assert (arguments[0], arguments[-1]) == ("curl", url)
        assert "Content-Type: application/json" in arguments
