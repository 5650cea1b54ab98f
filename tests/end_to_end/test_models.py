"""The life of models behind a real gateway: every kind of URI, loads, deaths, the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    """Where the counting model leaves a mark each time it is loaded."""
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def uris(registry):
    return {
        "stage": "models:/versioned/Production",
        "stage-lower": "models:/versioned/production",
        "stage-upper": "models:/versioned/STAGING",
        "version": "models:/versioned/1",
        "latest": "models:/versioned/latest",
        "latest-upper": "models:/versioned/Latest",
        "alias": "models:/versioned@champion",
        "model-id": f"models:/{registry['model_id']}",
        "run": f"runs:/{registry['run_id']}/versioned",
        "path": registry["local"],
        "file": f"file://{registry['local']}",
    }


@pytest.fixture(scope="module")
def gateway(start, registry, uris, marks, helpers):
    models = uris | {
        "obedient": "models:/obedient/1",
        "counting": "models:/counting/1",
        "counting-again": "models:/counting/latest",
    }
    config = helpers.one_endpoint_a_model(registry["uri"], models, "models: {env: [LOAD_MARKS]}")
    return start(config, LOAD_MARKS=str(marks))


@pytest.mark.parametrize(
    ("endpoint", "number", "reference"),
    [
        ("stage", 1, "models:/versioned/1"),
        ("stage-lower", 1, "models:/versioned/1"),
        ("stage-upper", 2, "models:/versioned/2"),
        ("version", 1, "models:/versioned/1"),
        ("latest", 3, "models:/versioned/3"),
        ("latest-upper", 3, "models:/versioned/3"),
        ("alias", 2, "models:/versioned/2"),
        ("model-id", 2, "models:/{model_id}"),
        ("run", 3, "runs:/{run_id}/versioned"),
        ("path", 4, "local:local-model@"),
        ("file", 4, "local:local-model@"),
    ],
)
def test_each_kind_of_uri_is_resolved(gateway, registry, endpoint, number, reference):
    answer = gateway.text("x", endpoint)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": [number]}
    named = answer.headers["x-rulegate-model"]
    assert named.startswith(reference.format(**registry)), named
    assert registry["local"] not in named


def test_first_requests_at_once_load_a_model_once(gateway, marks):
    with ThreadPoolExecutor(16) as threads:
        endpoints = ["counting", "counting-again"] * 8
        answers = list(threads.map(lambda endpoint: gateway.text("x", endpoint), endpoints))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1, "one process answers, also for two URIs of one version"
    assert len(list(marks.iterdir())) == 1


def test_each_model_has_a_process_of_its_own(gateway):
    (pid,) = gateway.command("pid").json()["predictions"]
    (other,) = gateway.text("x", "counting").json()["predictions"]
    assert len({pid, other, gateway.process.pid}) == 3


def test_a_killed_model_fails_its_requests_and_is_started_again(gateway, helpers, tmp_path):
    """Those in flight get 503 with Retry-After, the next one is answered by a new process, others notice nothing."""
    (pid,) = gateway.command("pid").json()["predictions"]
    (other,) = gateway.text("x", "counting").json()["predictions"]
    with ThreadPoolExecutor(1) as threads:
        in_flight = threads.submit(gateway.command, f"await:{tmp_path}")
        helpers.wait_until((tmp_path / "begun").exists)
        os.kill(pid, signal.SIGKILL)
        answer = in_flight.result()
    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdigit()
    assert answer.json()["code"] == "RG504"
    assert answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
    again = gateway.command("pid")
    assert again.status_code == 200, again.text
    assert again.json()["predictions"] != [pid]
    assert gateway.text("x", "counting").json()["predictions"] == [other]
    helpers.wait_until(lambda: any("SIGKILL" in line["event"] for line in gateway.log()))


def test_a_model_that_ends_its_process_takes_only_its_request_along(gateway):
    answer = gateway.command("exit:3")
    assert (answer.status_code, answer.json()["code"]) == (503, "RG504")
    assert gateway.command("echo:here").json() == {"predictions": ["here"]}


def test_the_warm_parent_may_die(gateway, helpers):
    """Models that it had forked go on; the next load starts another."""
    before = gateway.command("pid").json()["predictions"]
    (parent,) = [
        pid
        for pid in gateway.processes()
        if b"warm_parent" in Path(f"/proc/{pid}/cmdline").read_bytes() and os.getpgid(pid) == pid
    ]
    os.kill(parent, signal.SIGKILL)
    helpers.wait_until(lambda: not helpers.alive(parent))
    assert gateway.command("pid").json()["predictions"] == before
    gateway.command("exit:0")
    after = gateway.command("pid")
    assert after.status_code == 200, after.text
    assert after.json()["predictions"] != before


def test_what_a_model_prints_stays_out_of_standard_output(gateway, helpers):
    assert gateway.command("print:a word on the side").json() == {"predictions": ["printed"]}
    printed = lambda: [line for line in gateway.log() if line.get("text") == "a word on the side"]  # noqa: E731
    (record,) = helpers.wait_until(printed)
    assert (record["event"], record["model"]) == ("printed", "models:/obedient/1")
    assert "a word on the side" not in gateway.out.read_text()


def test_every_line_of_a_json_log_is_a_record(gateway, helpers):
    """Whatever models print, and MLflow and its parts in their processes."""
    gateway.command("print:{no record")
    helpers.wait_until(lambda: any(line.get("text") == "{no record" for line in gateway.log()))
    whole, _, _ = gateway.err.read_text().rpartition("\n")
    assert all({"time", "level", "event"} <= json.loads(line).keys() for line in whole.splitlines())


def test_a_list_of_processes_tells_which_model_each_is_for(gateway):
    (pid,) = gateway.command("pid").json()["predictions"]
    listed = subprocess.run(["ps", "-o", "comm=,args=", "-p", str(pid)], capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["rg-model", "rulegate", "model", "models:/obedient/1"]


@pytest.mark.parametrize("leaves", ["the gateway ends", "the model is unloaded"])
def test_what_a_model_has_started_ends_with_it(start, registry, helpers, leaves):
    """Also where it has left the process group of the models."""
    idle = "models: {idle_timeout: 300ms}" if leaves == "the model is unloaded" else ""
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}, idle))
    (pid,) = gateway.command("start").json()["predictions"]
    if not idle:
        assert helpers.alive(pid)
        assert gateway.stop() == 0
    helpers.wait_until(lambda: not helpers.alive(pid))


def test_a_folder_is_looked_for_from_where_the_gateway_was_started(start, registry, helpers, tmp_path):
    """As MLflow does; not beside the configuration, which is elsewhere here."""
    path = os.path.relpath(registry["local"], tmp_path)
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"m": path}), cwd=tmp_path)
    assert gateway.text("x", "m").status_code == 200


def test_a_cache_folder_that_cannot_be_used_is_said_before_anything_is_served(registry, helpers, tmp_path):
    (tmp_path / "file").touch()
    config = tmp_path / "gateway_config.yaml"
    config.write_text(helpers.one_endpoint_a_model(registry["uri"], {"m": "models:/versioned/1"}))
    done = subprocess.run(
        [sys.executable, "-m", "rulegate", "serve", str(config), "--port", "0"],
        env=os.environ | {"RULEGATE_CACHE": str(tmp_path / "file" / "cache")},
        capture_output=True,
        text=True,
        timeout=helpers.PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: models cannot be kept in the folder `{tmp_path}/file/cache`: not a directory\n"
        "hint: make it writable for this user, or name another folder in RULEGATE_CACHE\n"
    )


def test_beyond_the_limit_of_the_cache_the_files_of_models_that_are_not_loaded_go(start, registry, helpers, tmp_path):
    """Those of loaded models stay, however little there may be."""
    cache = tmp_path / "cache"
    models = {f"v{number}": f"models:/versioned/{number}" for number in (1, 2, 3)}
    config = helpers.one_endpoint_a_model(registry["uri"], models, "models: {cache_limit: 1B}")
    config = config.replace('models:/versioned/1"', 'models:/versioned/1", idle_timeout: 100ms')
    assert "idle_timeout" in config
    gateway = start(config, RULEGATE_CACHE=str(cache))
    folders = lambda: {path for path in cache.iterdir() if (path / "MLmodel").exists()}  # noqa: E731
    assert gateway.text("x", "v1").json() == {"predictions": [1]}
    (of_first,) = folders()
    helpers.wait_until(lambda: "models:/versioned/1 is unloaded" in " ".join(line["event"] for line in gateway.log()))
    assert folders() == {of_first}, "it is removed when there is another, and not before"
    assert gateway.text("x", "v2").json() == {"predictions": [2]}
    assert gateway.text("x", "v3").json() == {"predictions": [3]}
    assert of_first not in folders()
    assert len(folders()) == 2
    assert gateway.text("x", "v1").json() == {"predictions": [1]}


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_the_end_lets_requests_in_flight_finish(start, registry, helpers, tmp_path, with_signal):
    """The gateway ends with 0, without a traceback, and leaves no process."""
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}))
    with ThreadPoolExecutor(1) as threads:
        in_flight = threads.submit(gateway.command, f"await:{tmp_path}")
        helpers.wait_until((tmp_path / "begun").exists)
        processes = gateway.processes()
        assert len(processes) >= 4, "main, worker, warm parent, model"
        gateway.process.send_signal(with_signal)
        (tmp_path / "go").touch()
        answer = in_flight.result()
    assert answer.status_code == 200
    assert gateway.stop(with_signal) == 0
    helpers.wait_until(lambda: not any(helpers.alive(pid) for pid in processes))
    assert "Traceback" not in gateway.err.read_text()


def test_a_stopped_model_does_not_outlive_the_gateway(start, registry, helpers):
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}))
    (pid,) = gateway.command("pid").json()["predictions"]
    os.kill(pid, signal.SIGSTOP)
    processes = gateway.processes()
    for process in processes:
        if process != pid and b"warm_parent" not in Path(f"/proc/{process}/cmdline").read_bytes():
            os.kill(process, signal.SIGKILL)
    helpers.wait_until(lambda: not any(helpers.alive(process) for process in processes))


def test_a_signal_right_after_the_start_ends_it_cleanly_and_soon(start, registry, helpers):
    config = helpers.one_endpoint_a_model(registry["uri"], {"m": "models:/versioned/1"})
    for _ in range(3):
        gateway = start(config)
        assert gateway.stop() == 0


def test_ctrl_c_reaches_the_whole_terminal_and_does_no_harm(start, registry, helpers):
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}))
    assert gateway.command("echo:x").status_code == 200
    os.killpg(os.getpgid(gateway.process.pid), signal.SIGINT)
    assert gateway.process.wait(helpers.PATIENCE_S) == 0
    assert "Traceback" not in gateway.err.read_text()


@pytest.mark.parametrize("victim", ["main", "worker"])
def test_no_process_outlives_a_killed_gateway(start, registry, helpers, tmp_path, victim):
    """Also while a model is busy; a killed worker is replaced, and its models with it."""
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"obedient": "models:/obedient/1"}))
    with ThreadPoolExecutor(1) as threads:
        in_flight = threads.submit(gateway.command, f"await:{tmp_path}")
        helpers.wait_until((tmp_path / "begun").exists)
        main, *others = sorted(gateway.processes(), key=lambda pid: pid != gateway.process.pid)
        if victim == "main":
            os.kill(main, signal.SIGKILL)
            (tmp_path / "go").touch()
            gateway.process.wait(helpers.PATIENCE_S)
            in_flight.exception()  # the worker may still answer, or not: it ends, and that is what counts
        else:
            (worker,) = [pid for pid in others if parent_of(pid) == main]
            os.kill(worker, signal.SIGKILL)
            assert in_flight.exception() is not None
        helpers.wait_until(lambda: not any(helpers.alive(pid) for pid in others))
    if victim == "worker":
        assert gateway.command("echo:back").json() == {"predictions": ["back"]}
        assert gateway.stop() == 0


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_preloaded_models_are_there_before_the_first_request(start, registry, marks, helpers):
    before = len(list(marks.iterdir()))
    config = helpers.one_endpoint_a_model(
        registry["uri"],
        {"counting": "models:/counting/1", "stubborn": "models:/stubborn/1"},
        "models: {preload: true, env: [LOAD_*]}",
    )
    gateway = start(config, LOAD_MARKS=str(marks))
    ready = gateway.get("/ready")
    assert ready.status_code == 503
    helpers.wait_until(lambda: gateway.get("/ready").json()["not_ready"].keys() == {"models:/stubborn/1"})
    helpers.wait_until(lambda: "RuntimeError" in gateway.get("/ready").json()["not_ready"]["models:/stubborn/1"])
    assert len(list(marks.iterdir())) == before + 1
    answer = gateway.text("x", "counting")
    assert answer.status_code == 200
    assert len(list(marks.iterdir())) == before + 1
    assert gateway.logged(answer)["load_ms"] == 0


def test_the_gateway_listens_within_a_second(start, registry, helpers):
    import time

    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"versioned": "models:/versioned/1"}))
    assert gateway.get("/ping").status_code == 200
    listening_after_s = time.monotonic() - gateway.started
    # A generous bound on a shared machine: importing MLflow alone takes longer than this allows.
    assert listening_after_s < 3
