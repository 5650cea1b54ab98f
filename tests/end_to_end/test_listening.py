"""A gateway listens where its file says, unless the command line says otherwise."""

from __future__ import annotations

import socket

import pytest
import requests

CONFIG = """
server: {{host: {host}, port: {port}}}
model_endpoints: [{{name: e, routes: [{{alias: only, model_uri: "models:/m/1"}}]}}]
"""


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.2", 0)) as free:
        return free.getsockname()[1]


@pytest.mark.parametrize("arguments", [(), ("--host", "127.0.0.3"), ("--port", "0")], ids=str)
def test_the_host_and_the_port_are_those_of_the_file_or_of_the_command_line(helpers, tmp_path, port, arguments):
    config = tmp_path / "gateway_config.yaml"
    config.write_text(CONFIG.format(host="127.0.0.2", port=port))
    environment = {"RULEGATE_CACHE": str(tmp_path / "cache")}
    gateway = helpers.GatewayProcess(config, tmp_path, tmp_path, environment=environment, arguments=arguments)
    try:
        host, _, heard = gateway.url.removeprefix("http://").partition(":")
        assert host == ("127.0.0.3" if "--host" in arguments else "127.0.0.2")
        assert (int(heard) == port) is ("--port" not in arguments)
        assert requests.get(f"{gateway.url}/ping", timeout=30).text == "\n"
    finally:
        assert gateway.stop() == 0
