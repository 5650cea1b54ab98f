"""What the pool promises, with real processes: memory, idleness, batches, overload, and versions that move."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest


def test_an_idle_model_leaves_memory_and_comes_back(start, registry, helpers):
    config = helpers.one_endpoint_a_model(
        registry["uri"], {"obedient": "models:/obedient/1"}, "models: {idle_timeout: 500ms}"
    )
    gateway = start(config)
    (pid,) = gateway.command("pid").json()["predictions"]
    helpers.wait_until(lambda: not helpers.alive(pid))
    again = gateway.command("pid")
    assert again.status_code == 200
    assert again.json()["predictions"] != [pid]


def test_the_memory_limit_holds_and_no_request_fails(start, registry, helpers):
    """Three models share memory for about one and a half."""
    models = {"obedient": "models:/obedient/1", "stage": "models:/versioned/1", "other": "models:/versioned/2"}
    config = helpers.one_endpoint_a_model(registry["uri"], models, "models: {memory_limit: 40MiB}")
    gateway = start(config)
    for _ in range(3):
        assert gateway.command("echo:x").status_code == 200
        for endpoint in ("stage", "other"):
            answer = gateway.text("x", endpoint)
            assert answer.status_code == 200, answer.text
    unloaded = [line["event"] for line in gateway.log() if "is unloaded" in line["event"]]
    assert unloaded, "all three fitted, so nothing was shown"
    # main, worker, warm parent, registry and no more models than fit
    helpers.wait_until(lambda: len(gateway.processes()) <= 4 + 2)


def test_the_least_busy_process_of_a_model_is_taken(start, registry, helpers, tmp_path):
    """Whichever of the two is busy."""
    config = helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}, "models: {replicas: 2}")
    gateway = start(config)
    both = set()
    for turn in range(4):
        folder = tmp_path / str(turn)
        folder.mkdir()
        with ThreadPoolExecutor(1) as threads:
            in_flight = threads.submit(gateway.command, f"await:{folder}")
            helpers.wait_until((folder / "begun").exists)
            free = {gateway.command("pid").json()["predictions"][0] for _ in range(4)}
            (folder / "go").touch()
            (busy,) = in_flight.result().json()["predictions"]
        assert len(free) == 1
        assert busy not in free
        both |= {busy, *free}
    assert len(both) == 2


@pytest.fixture(scope="module")
def rows_gateway(start, registry, helpers):
    return start(helpers.one_endpoint_a_model(registry["uri"], {"rows": "models:/rows/1"}))


def ask(gateway, *rows):
    body = {"dataframe_split": {"columns": ["a", "b"], "data": [list(row) for row in rows]}}
    return gateway.post(body, "/endpoints/rows/invocations")


def test_merged_requests_get_the_answers_that_they_would_have_got_alone(rows_gateway):
    requests = [[(float(i % 64), i % 7)] * (1 + i % 3) for i in range(200)]
    alone = [ask(rows_gateway, *rows).json() for rows in requests[:30]]
    with ThreadPoolExecutor(32) as threads:
        together = list(threads.map(lambda rows: ask(rows_gateway, *rows), requests))
    assert {answer.status_code for answer in together} == {200}
    assert [answer.json() for answer in together[:30]] == alone
    for rows, answer in zip(requests, together, strict=True):
        assert len(answer.json()["predictions"]) == len(rows)


def test_what_a_models_flavor_imports_is_there_for_the_next_model(rows_gateway, helpers):
    """The process that models are forked from has it; the model that needed it first told what that was."""
    helpers.wait_until(lambda: ask(rows_gateway, (1.0, 1)).status_code == 200)
    (worker,) = helpers.children(rows_gateway.process.pid)
    (parent,) = helpers.children(worker)
    helpers.wait_until(lambda: "/sklearn/" in Path(f"/proc/{parent}/maps").read_text())


def test_a_bad_request_among_many_fails_alone(rows_gateway):
    """Of every kind: other types in a column, another column, no JSON; each answer is that of its own request."""
    good = {"dataframe_split": {"columns": ["a", "b"], "data": [[3.0, 3]]}}
    bad = [
        {"dataframe_split": {"columns": ["a", "b"], "data": [["x", 3]]}},
        {"dataframe_split": {"columns": ["a"], "data": [[3.0]]}},
        {"dataframe_split": {"columns": ["a", "b"], "data": [[3.0, 2.5]]}},
        "{",
    ]
    path = "/endpoints/rows/invocations"
    alone = [rows_gateway.post(body, path) for body in bad]
    expected = rows_gateway.post(good, path).json()
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda i: rows_gateway.post(bad[i % 4] if i % 5 == 0 else good, path), range(200)))
    for i, answer in enumerate(answers):
        if i % 5 == 0:
            assert answer.status_code == alone[i % 4].status_code
            if answer.status_code != 200:
                assert answer.json()["message"] == alone[i % 4].json()["message"]
        else:
            assert answer.json() == expected


def test_a_stuck_model_leaves_the_others_their_share(start, registry, helpers, tmp_path):
    """More requests than the gateway has threads wait for one model; another answers as before."""
    config = helpers.one_endpoint_a_model(
        registry["uri"],
        {"obedient": "models:/obedient/1", "versioned": "models:/versioned/1"},
        "server: {threads: 16}",
    )
    gateway = start(config)
    assert gateway.text("x", "versioned").status_code == 200
    gateway.command("echo:warm")
    with ThreadPoolExecutor(32) as threads:
        stuck = [threads.submit(gateway.command, f"await:{tmp_path}") for _ in range(32)]
        # Half of the threads wait; whatever more came was refused at once.
        helpers.wait_until(lambda: sum(call.done() for call in stuck) == 24)
        assert {call.result().status_code for call in stuck if call.done()} == {503}
        refused = next(call.result() for call in stuck if call.done())
        assert refused.json()["code"] == "RG508"
        assert refused.headers["retry-after"].isdigit()
        for _ in range(5):
            assert gateway.text("x", "versioned").json() == {"predictions": [1]}
        (tmp_path / "go").touch()
        assert sum(call.result().status_code == 200 for call in stuck) == 8


def test_connections_that_idle_keep_nobody_out(start, registry, helpers):
    config = helpers.one_endpoint_a_model(registry["uri"], {"m": "models:/versioned/1"}, "server: {threads: 2}")
    gateway = start(config)
    host, port = gateway.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as held:
        for _ in range(100):
            connection = http.client.HTTPConnection(host, int(port), timeout=helpers.PATIENCE_S)
            held.callback(connection.close)
            connection.request("GET", "/ping")
            assert connection.getresponse().read() == b"\n"


def test_connections_leave_models_the_files_that_they_need(start, registry, helpers):
    """However few the system allows, and however many clients there are; those beyond wait to be connected."""
    models = {"known": "models:/versioned/1", "cold": "models:/versioned/2"}
    gateway = start(
        helpers.one_endpoint_a_model(registry["uri"], models), launcher=("prlimit", "--nofile=256:256", "--")
    )
    assert gateway.text("x", "known").status_code == 200
    host, port = gateway.url.removeprefix("http://").split(":")
    body = json.dumps({"dataframe_split": {"columns": ["text"], "data": [["x"]]}})
    with contextlib.ExitStack() as held:
        honest = http.client.HTTPConnection(host, int(port), timeout=helpers.PATIENCE_S)
        held.callback(honest.close)
        honest.request("GET", "/ping")
        assert honest.getresponse().read() == b"\n"
        for _ in range(400):
            held.enter_context(socket.create_connection((host, int(port)), timeout=helpers.PATIENCE_S))
        (worker,) = helpers.children(gateway.process.pid)
        helpers.wait_until(lambda: len(os.listdir(f"/proc/{worker}/fd")) >= 128)
        honest.request("POST", "/endpoints/cold/invocations", body, {"content-type": "application/json"})
        answer = honest.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"predictions": [2]})
    assert gateway.text("x", "known").status_code == 200
    assert gateway.stop() == 0


def test_a_process_that_says_nothing_any_more_is_replaced(start, registry, helpers, tmp_path):
    config = helpers.one_endpoint_a_model(
        registry["uri"], {"obedient": "models:/obedient/1"}, "server: {request_timeout: 2s}"
    )
    gateway = start(config)
    helpers.wait_until(lambda: gateway.command("echo:warm").status_code == 200)
    (pid,) = gateway.command("pid").json()["predictions"]
    answer = gateway.command(f"await:{tmp_path}")
    assert (answer.status_code, answer.json()["code"]) == (504, "RG505")
    helpers.wait_until(lambda: not helpers.alive(pid))
    assert gateway.command("echo:back").json() == {"predictions": ["back"]}


MOVE = """
import sys, mlflow
client = mlflow.MlflowClient(registry_uri=sys.argv[1])
for line in sys.stdin:
    client.set_registered_model_alias("versioned", "moving", line.strip())
    print("moved", flush=True)
"""


@pytest.fixture
def move(registry):
    """Leads the alias `moving` to another version."""
    with subprocess.Popen(
        [sys.executable, "-c", MOVE, registry["uri"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:

        def move(version: int) -> None:
            process.stdin.write(f"{version}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "moved\n"

        yield move
        process.stdin.close()


def test_an_alias_that_moves_is_followed_under_load_without_a_failure(start, registry, helpers, move):
    move(1)
    config = helpers.one_endpoint_a_model(
        registry["uri"], {"moving": "models:/versioned@moving"}, "models: {refresh_interval: 200ms}"
    )
    gateway = start(config)
    assert gateway.text("x", "moving").json() == {"predictions": [1]}
    over = threading.Event()

    def load() -> list[int]:
        seen = []
        while not over.is_set():
            answer = gateway.text("x", "moving")
            assert answer.status_code == 200, answer.text
            seen += answer.json()["predictions"]
        return seen

    with ThreadPoolExecutor(4) as threads:
        loads = [threads.submit(load) for _ in range(4)]
        try:
            for version in (2, 3):
                move(version)
                helpers.wait_until(lambda v=version: gateway.text("x", "moving").json() == {"predictions": [v]})
        finally:
            over.set()
        for seen in (call.result() for call in loads):
            assert seen == sorted(seen), "an old version answered after a new one had"
    helpers.wait_until(lambda: len(gateway.processes()) == 5)


def test_a_new_version_that_does_not_load_leaves_the_old_one(start, registry, helpers, tmp_path):
    """The folder's model is replaced by a broken one, then by a whole one."""
    import shutil

    folder = tmp_path / "model"
    shutil.copytree(registry["local"], folder)
    config = helpers.one_endpoint_a_model(registry["uri"], {"local": str(folder)}, "models: {refresh_interval: 200ms}")
    gateway = start(config)
    assert gateway.text("x", "local").json() == {"predictions": [4]}
    whole = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(whole.replace("loader_module: ", "loader_module: no_such_"))
    helpers.wait_until(lambda: any("stays local:model@" in line["event"] for line in gateway.log()))
    assert gateway.text("x", "local").json() == {"predictions": [4]}
    (folder / "MLmodel").write_text(whole.replace("number: 4", "number: 5"))
    helpers.wait_until(lambda: gateway.text("x", "local").json() == {"predictions": [5]})
    assert json.dumps(whole)
