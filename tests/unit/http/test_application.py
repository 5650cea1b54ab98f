"""The WSGI application without a server: paths, limits, headers, error bodies."""

from __future__ import annotations

import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from rulegate.config import load_config
from rulegate.gateway import Gateway
from rulegate.http import Application, Front
from rulegate.http.incoming import read_body
from rulegate.log import Lines

CONFIG = """
model_endpoints:
  - name: tenants
    routes:
      - {alias: acme, model_uri: "models:/m/1", model_request_condition: "request.headers['X-Tenant'] == 'acme'"}
      - {alias: cookie, model_uri: "models:/m/1", model_request_condition: "request.cookies['canary'] == '1'"}
      - {alias: query, model_uri: "models:/m/1", model_request_condition: "request.args['debug'] == 'yes'"}
      - {alias: path, model_uri: "models:/m/1", model_request_condition: "request.path != '/invocations'"}
      - {alias: rest, model_uri: "models:/m/1"}
"""


def nowhere() -> Lines:
    return Lines("json", os.open(os.devnull, os.O_WRONLY))


@pytest.fixture(scope="module")
def client() -> Client:
    """An application that decides and has no models, so that every prediction ends with RG502."""
    front = Front(Gateway(load_config(CONFIG)), max_body_bytes=100, request_timeout_s=1)
    application = Application(front, nowhere(), not_ready=dict)
    return Client(application, use_cookies=False)


@pytest.mark.parametrize(
    ("route", "path", "request_of"),
    [
        ("acme", "/invocations", {"headers": {"x-tenant": "acme"}}),
        ("cookie", "/invocations", {"headers": {"Cookie": "a=b; canary=1"}}),
        ("query", "/invocations", {"query_string": "debug=yes&debug=no"}),
        ("path", "/endpoints/tenants/invocations", {}),
        ("rest", "/invocations", {}),
    ],
)
def test_conditions_see_the_request(client, route, path, request_of):
    answer = client.post(path, data="{}", content_type="application/json", **request_of)
    assert answer.headers["x-rulegate-route"] == answer.headers["x-rulegate-target"] == route
    assert answer.headers["x-rulegate-endpoint"] == "tenants"
    assert (answer.status_code, answer.json["code"]) == (503, "RG502")


def test_head_is_answered_like_get_without_a_body(client):
    answer = client.head("/ping")
    assert (answer.status_code, answer.data) == (200, b"")


def test_an_endpoints_name_is_matched_whole(client):
    for path in ("/endpoints/tenants/invocations/x", "/endpoints//invocations", "/x/endpoints/tenants/invocations"):
        assert client.post(path, data="{}", content_type="application/json").status_code == 404


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/invocations/", "/invocations"),
        ("/ping//", "/ping"),
        ("/version/?a=b&c=d%20e", "/version?a=b&c=d%20e"),
        ("/endpoints/tenants/invocations/", "/endpoints/tenants/invocations"),
        ("/endpoints/%C3%A9%3F/invocations/", "/endpoints/%C3%A9%3F/invocations"),
    ],
)
def test_slashes_too_many_at_the_end_of_a_path_are_answered_by_the_path_without_them(client, asked, meant):
    for method in ("GET", "POST"):
        answer = client.open(asked, method=method)
        assert (answer.status_code, answer.headers["location"], answer.data) == (307, meant, b"")


@pytest.mark.parametrize("path", ["/", "//", "/nothing/", "//invocations/", "/docs/", "/endpoints/tenants/"])
def test_slashes_do_not_lead_to_what_is_not_there(client, path):
    assert client.post(path).status_code == 404


def test_readiness_names_what_is_missing():
    application = Application(
        Front(Gateway(load_config(CONFIG)), max_body_bytes=1, request_timeout_s=1),
        nowhere(),
        not_ready=lambda: {"models:/m/1": "it is being loaded"},
    )
    answer = Client(application).get("/ready")
    assert answer.status_code == 503
    assert answer.json == {"ready": False, "not_ready": {"models:/m/1": "it is being loaded"}}


class Trickle(io.RawIOBase):
    """A body that arrives in pieces of the given sizes, then ends."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data, self._sizes = data, sizes

    def read(self, size: int = -1) -> bytes:
        assert size >= 0, "an unbounded read lets a client fill the memory"
        size = min(size, self._sizes.pop(0)) if self._sizes else size
        piece, self._data = self._data[:size], self._data[size:]
        return piece


@given(st.binary(max_size=64), st.lists(st.integers(1, 9), max_size=30), st.booleans())
def test_a_body_is_read_whole_however_it_arrives(data, sizes, announced):
    environ = EnvironBuilder(method="POST").get_environ()
    environ["wsgi.input"] = Trickle(data, sizes)
    environ["wsgi.input_terminated"] = True
    if announced:
        environ["CONTENT_LENGTH"] = str(len(data))
    else:
        environ.pop("CONTENT_LENGTH", None)
    assert read_body(environ, max_bytes=64) == data


@given(st.text())
def test_any_request_id_gives_a_sane_one(client, given_id):
    environ = EnvironBuilder(path="/invocations", method="POST", data=b"{}").get_environ()
    environ["HTTP_X_REQUEST_ID"] = given_id
    body, _, headers = run_wsgi_app(client.application, environ)
    returned = headers["x-request-id"]
    assert 0 < len(returned) <= 128
    assert returned.isascii()
    assert returned.isprintable()
    assert " " not in returned
    assert json.loads(b"".join(body))["request_id"] == returned


@given(path=st.text(), method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "BREW"]))
def test_any_path_and_method_gets_an_answer_of_ours(client, path, method):
    environ = EnvironBuilder(path="/", method=method).get_environ()
    environ["PATH_INFO"] = path.encode("utf-8", "surrogatepass").decode("latin-1")
    _, status, _ = run_wsgi_app(client.application, environ)
    assert status.split()[0] in {"200", "404", "405", "415"}


DENYING = """
model_endpoints:
  - name: e
    routes:
      - alias: teapot
        model_request_condition: "request.headers.get('X-As') == 'teapot'"
        deny: {status: 450, message: not here}
      - alias: default
        model_request_condition: "request.headers.get('X-As') == 'default'"
        deny: {}
      - {alias: rest, model_uri: "models:/m/1"}
"""


@pytest.mark.parametrize(
    ("which", "status_line", "error_code", "message"),
    [("teapot", "450 Denied", "BAD_REQUEST", "not here"), ("default", "403 Forbidden", "PERMISSION_DENIED", "denied")],
)
def test_a_route_that_denies_answers_in_mlflows_shape_and_is_logged(tmp_path, which, status_line, error_code, message):
    with (tmp_path / "log").open("w") as log:
        front = Front(Gateway(load_config(DENYING)), max_body_bytes=100, request_timeout_s=1)
        client = Client(Application(front, Lines("json", log.fileno()), not_ready=dict))
        answer = client.post("/invocations", data="what", content_type="text/html", headers={"X-As": which})
    assert (answer.status, answer.json["code"], answer.json["error_code"]) == (status_line, "RG412", error_code)
    assert answer.json["message"] == message
    names = {name: value for name, value in answer.headers.items() if name.startswith("x-rulegate")}
    assert names == {"x-rulegate-endpoint": "e", "x-rulegate-route": which}
    assert "retry-after" not in answer.headers
    line = json.loads((tmp_path / "log").read_text())
    assert (line["route"], line["status"], "target" in line) == (which, int(status_line[:3]), False)
    assert line["code"] == answer.json["code"]


def test_the_line_of_a_failed_request_has_the_code_of_its_answer(tmp_path):
    with (tmp_path / "log").open("w") as log:
        front = Front(Gateway(load_config(CONFIG)), max_body_bytes=100, request_timeout_s=1)
        client = Client(Application(front, Lines("json", log.fileno()), not_ready=dict))
        answers = [
            client.post("/invocations", data="{}", content_type="application/json"),
            client.post("/invocations", data="x" * 101, content_type="application/json"),
            client.post("/endpoints/unknown/invocations", data="{}", content_type="application/json"),
        ]
    codes = [json.loads(line)["code"] for line in (tmp_path / "log").read_text().splitlines()]
    assert codes == [answer.json["code"] for answer in answers] == ["RG502", "RG403", "RG407"]
