"""Models that do to their process what none should: what their client is told, that the next request is answered as
before, that no other model notices, and that nothing of them is left."""

from __future__ import annotations

import json
import os
import signal

import pytest

DIED = (503, "RG504")
RAISED = (400, "RG507")
NOT_ENCODABLE = (500, "RG506")
TOO_SLOW = (504, "RG505")


@pytest.fixture(scope="module")
def gateway(start, registry, helpers):
    models = {"wild": "models:/wild/1", "other": "models:/versioned/1"}
    settings = "models: {refresh_interval: never}\nserver: {request_timeout: 4s}"
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models, settings))
    helpers.wait_until(lambda: gateway.text("x", "other").status_code == 200)
    helpers.wait_until(lambda: gateway.command("pid", "wild").status_code == 200)
    return gateway


def pid_of(gateway) -> int:
    (pid,) = gateway.command("pid", "wild").json()["predictions"]
    return pid


def is_plain(answer) -> bool:
    """Whether an error tells neither places of this machine nor how the code runs."""
    return not any(sign in answer.text.replace("models:/wild/1", "") for sign in ("/", "Traceback", "File ", ".py"))


@pytest.mark.parametrize(
    ("command", "expected", "process_lives"),
    [
        ("leave:3", RAISED, True),
        ("interrupt", RAISED, True),
        ("recurse", RAISED, True),
        ("nest:100000", NOT_ENCODABLE, True),
        ("loop", NOT_ENCODABLE, True),
        ("generator", NOT_ENCODABLE, True),
        ("bytes", NOT_ENCODABLE, True),
        ("segfault", DIED, False),
        ("close", DIED, False),
        ("speak_out_of_turn", DIED, False),
    ],
)
def test_what_a_model_does_to_its_process_costs_one_request(gateway, command, expected, process_lives):
    before = pid_of(gateway)
    answer = gateway.command(command, "wild")
    assert (answer.status_code, answer.json()["code"]) == expected
    assert is_plain(answer), answer.text
    assert (pid_of(gateway) == before) is process_lives
    assert gateway.text("x", "other").json() == {"predictions": [1]}


def test_a_model_that_goes_elsewhere_and_forgets_its_paths_answers_on(gateway):
    assert gateway.command("move", "wild").json() == {"predictions": ["/"]}
    assert gateway.command("pid", "wild").status_code == 200
    os.kill(pid_of(gateway), signal.SIGKILL)
    assert gateway.text("x", "other").json() == {"predictions": [1]}


def test_the_death_of_a_model_is_seen_though_something_that_it_has_started_holds_its_connection(gateway, helpers):
    """At once, and what it has started ends too, whether it told anybody or not."""
    helpers.wait_until(lambda: gateway.command("pid", "wild").status_code == 200)
    orphans = [gateway.command("fork", "wild").json()["predictions"][0] for _ in range(2)]
    answer = gateway.command("exit:3", "wild")
    assert (answer.status_code, answer.json()["code"]) == DIED
    assert gateway.command("pid", "wild").status_code == 200
    helpers.wait_until(lambda: not any(map(helpers.alive, orphans)))


def test_a_body_that_a_stopped_process_does_not_read_is_given_up_in_time(gateway, helpers):
    """The only request that it has; then the process is replaced."""
    pid = pid_of(gateway)
    os.kill(pid, signal.SIGSTOP)
    answer = gateway.command("pid:" + "x" * 5_000_000, "wild")
    assert (answer.status_code, answer.json()["code"]) == TOO_SLOW
    helpers.wait_until(lambda: not helpers.alive(pid))
    assert pid_of(gateway) != pid


def test_an_enormous_answer_arrives_whole_and_holds_nobody_up(gateway, helpers):
    answer = gateway.command("big:64", "wild")
    assert answer.status_code == 200
    assert len(json.loads(answer.content)["predictions"][0]) == 64 << 20
    assert gateway.text("x", "other").json() == {"predictions": [1]}


def test_nothing_of_it_is_left(gateway, helpers):
    assert not [line for line in gateway.log() if line["level"] == "error"]
    # Main, worker, warm parent, registry and the two models.
    helpers.wait_until(lambda: len(gateway.processes()) == 6)
    processes = gateway.processes()
    assert gateway.stop() == 0
    helpers.wait_until(lambda: not any(map(helpers.alive, processes)))
