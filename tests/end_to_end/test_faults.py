"""What breaks, and what that may cost: for each fault, which requests may fail and with what, that no other does, and
that the gateway recovers by itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

OK = (200, None)
DIED = (503, "RG504")
NOT_RESOLVED = (503, "RG501")
NOT_LOADED = (503, "RG502")


def outcome(answer: requests.Response) -> tuple[int, str | None]:
    """The status of an answer, and our code of its error if it is one."""
    return answer.status_code, None if answer.ok else answer.json()["code"]


class Load:
    """Requests, one after the other in each of some threads, until it is stopped; and how they ended."""

    def __init__(self, ask: Callable[[], requests.Response], threads: int = 4) -> None:
        self.outcomes: Counter[tuple[int, str | None]] = Counter()
        self._ask, self._over, self._lock = ask, threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over.is_set():
            got = outcome(self._ask())
            with self._lock:
                self.outcomes[got] += 1

    def answered(self) -> int:
        return self.outcomes[OK]

    def stop(self) -> Counter[tuple[int, str | None]]:
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self.outcomes


@contextlib.contextmanager
def load(ask: Callable[[], requests.Response], threads: int = 4) -> Iterator[Load]:
    running = Load(ask, threads)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def mood(tmp_path_factory):
    return tmp_path_factory.mktemp("mood") / "mood"


@pytest.fixture(scope="module")
def gateway(start, registry, helpers, mood):
    models = {"moody": "models:/moody/1", "other": "models:/versioned/1"}
    models |= {f"many-{n}": f"models:/many/{n}" for n in range(1, 51)}
    settings = "models: {memory_limit: 300MiB, env: [MOOD]}\nserver: {request_timeout: 20s}"
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models, settings), MOOD=str(mood))
    helpers.wait_until(lambda: outcome(gateway.text("x", "other")) == OK)
    return gateway


@pytest.fixture(scope="module")
def impatient_mood(tmp_path_factory):
    return tmp_path_factory.mktemp("mood") / "mood"


@pytest.fixture(scope="module")
def impatient(start, registry, helpers, impatient_mood):
    models = {"moody": "models:/moody/1", "other": "models:/versioned/1"}
    settings = "models: {load_timeout: 5s, env: [MOOD]}\nserver: {threads: 32, request_timeout: 3s}"
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models, settings), MOOD=str(impatient_mood))
    helpers.wait_until(lambda: outcome(gateway.text("x", "other")) == OK)
    return gateway


@pytest.fixture
def others(gateway):
    """Requests to another model go on all the while, and none of them fails."""
    with load(lambda: gateway.text("x", "other"), threads=2) as running:
        yield running
    assert set(running.outcomes) == {OK}, running.outcomes


def pid_of(gateway) -> int:
    (pid,) = gateway.command("pid", "moody").json()["predictions"]
    return pid


def more_answers(helpers, running: Load, count: int = 10) -> None:
    before = running.answered()
    helpers.wait_until(lambda: running.answered() >= before + count)


def test_a_model_killed_under_load_fails_only_what_it_had(gateway, others, helpers):
    """At most as many requests fail, for each death, as there were in flight; and there is no pause, however often."""
    with load(lambda: gateway.command("pid", "moody")) as running:
        for _ in range(8):
            more_answers(helpers, running)
            os.kill(pid_of(gateway), signal.SIGKILL)
        more_answers(helpers, running)
    assert set(running.outcomes) <= {OK, DIED}
    assert running.outcomes[DIED] <= 8 * 4


def test_a_model_that_dies_on_one_request_answers_the_others(gateway, others, helpers):
    """However often that comes, as long as others do too; each time it takes along what is with it at the moment."""
    with load(lambda: gateway.command("pid", "many-47")) as running:
        for _ in range(8):
            more_answers(helpers, running)
            assert outcome(gateway.command("exit:1", "many-47")) == DIED
        more_answers(helpers, running)
    assert set(running.outcomes) <= {OK, DIED}
    assert running.outcomes[DIED] <= 8 * 4


def test_a_model_that_does_nothing_but_die_is_left_alone_for_a_while(gateway, others, helpers):
    """Who asks for it meanwhile is told for how long, and costs no load; then it is loaded again."""
    answers = []

    def refused() -> bool:
        answers.append(gateway.command("exit:1", "many-48"))
        return "is tried again" in answers[-1].json()["message"]

    helpers.wait_until(refused)
    assert {outcome(answer) for answer in answers} == {DIED}
    assert answers[-1].headers["retry-after"] == "1"
    loads = lambda: sum("models:/many/48 is loaded" in line["event"] for line in gateway.log())  # noqa: E731
    assert loads() == len(answers) - 1
    helpers.wait_until(lambda: outcome(gateway.command("pid", "many-48")) == OK)


def test_one_of_two_processes_of_a_model_killed_under_load_fails_only_what_it_had(start, registry, helpers):
    """The other one answers meanwhile, so that nobody waits for a load; then there are two again."""
    config = helpers.one_endpoint_a_model(registry["uri"], {"moody": "models:/moody/1"}, "models: {replicas: 2}")
    gateway = start(config)
    helpers.wait_until(lambda: outcome(gateway.command("pid", "moody")) == OK)

    def pids() -> set[int]:
        """Who answers now; one that has just been killed may still be asked."""
        answers = [gateway.command("pid", "moody") for _ in range(8)]
        return {answer.json()["predictions"][0] for answer in answers if answer.ok}

    with load(lambda: gateway.command("pid", "moody")) as running:
        for _ in range(5):
            more_answers(helpers, running)
            pid = pid_of(gateway)
            os.kill(pid, signal.SIGKILL)
            helpers.wait_until(lambda pid=pid: not helpers.alive(pid))
            # One that is there may still be loading; the next to be killed must not be the only one that answers.
            helpers.wait_until(lambda: len(pids()) == 2)
        more_answers(helpers, running)
    assert set(running.outcomes) <= {OK, DIED}
    assert running.outcomes[DIED] <= 5 * 4
    served = [line for line in gateway.requests_logged() if line["status"] == 200]
    assert {line["load_ms"] for line in served[1:]} == {0.0}


def test_a_model_that_ends_its_own_process_fails_only_what_it_had(gateway, others, helpers):
    """The request that made it do so gets 503, and the next one another process."""
    (pid,) = gateway.command("pid", "many-49").json()["predictions"]
    assert outcome(gateway.command("exit:0", "many-49")) == DIED
    again = gateway.command("pid", "many-49")
    assert outcome(again) == OK
    assert again.json()["predictions"] != [pid]


def processes_of(gateway, name: str) -> list[int]:
    """The gateway's processes of a name, or its warm parent, which leads the group of what it forks."""
    found = []
    for pid in gateway.processes():
        with contextlib.suppress(OSError):
            if name == "warm parent":
                is_one = b"warm_parent" in Path(f"/proc/{pid}/cmdline").read_bytes() and os.getpgid(pid) == pid
            else:
                is_one = Path(f"/proc/{pid}/comm").read_text().strip() == name
            if is_one:
                found.append(pid)
    return found


def test_a_warm_parent_killed_under_load_fails_nothing(gateway, others, helpers):
    """Neither between two loads nor while a model is being loaded: the load is given to the next one."""
    with load(lambda: gateway.command("pid", "moody"), threads=2) as running:
        more_answers(helpers, running)
        for pid in processes_of(gateway, "warm parent"):
            os.kill(pid, signal.SIGKILL)
        with ThreadPoolExecutor(8) as threads:
            cold = [threads.submit(gateway.command, "pid", f"many-{n}") for n in range(1, 9)]
            helpers.wait_until(lambda: processes_of(gateway, "warm parent"))
            for pid in processes_of(gateway, "warm parent"):
                os.kill(pid, signal.SIGKILL)
            ended = Counter(outcome(call.result()) for call in cold)
        more_answers(helpers, running)
    assert set(running.outcomes) == {OK}
    # A parent that dies twice before it has forked is not waited for a third time.
    assert set(ended) <= {OK, NOT_LOADED}, ended
    helpers.wait_until(lambda: gateway.command("pid", "many-9").status_code == 200)


def test_what_a_dead_warm_parent_has_forked_ends_with_the_gateway(start, registry, helpers):
    """Also where the gateway is killed, and the model computes without end."""
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], {"moody": "models:/moody/1"}))
    pid = pid_of(gateway)
    (parent,) = processes_of(gateway, "warm parent")
    os.kill(parent, signal.SIGKILL)
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(gateway.command, "spin", "moody")
        helpers.wait_until(lambda: is_busy(pid))
        for process in {gateway.process.pid, *worker_of(gateway)}:
            os.kill(process, signal.SIGKILL)
        assert stuck.exception() is not None
    helpers.wait_until(lambda: not helpers.alive(pid))


def is_busy(pid: int) -> bool:
    """Whether one of its threads computes."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return any((thread / "stat").read_text().rpartition(")")[2].split()[0] == "R" for thread in threads)


def worker_of(gateway) -> list[int]:
    return [pid for pid in gateway.processes() if parent_of(pid) == gateway.process.pid]


def test_a_registry_process_killed_under_load_fails_nothing(start, registry, helpers, tmp_path):
    models = {f"many-{n}": f"models:/many/{n}" for n in range(1, 13)}
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models), RULEGATE_CACHE=str(tmp_path / "cache"))
    helpers.wait_until(lambda: gateway.command("pid", "many-1").status_code == 200)
    (of_registry,) = processes_of(gateway, "rg-registry")
    with ThreadPoolExecutor(12) as threads:
        cold = [threads.submit(gateway.command, "pid", name) for name in models]
        helpers.wait_until(lambda: sum(call.done() for call in cold) >= 3)
        os.kill(of_registry, signal.SIGKILL)
        assert Counter(outcome(call.result()) for call in cold) == {OK: 12}
    assert gateway.stop() == 0


def test_a_model_that_allocates_past_the_limit_goes_when_it_is_idle(gateway, others, helpers):
    pid = pid_of(gateway)
    assert gateway.command("allocate:400", "moody").json() == {"predictions": ["allocated"]}
    helpers.wait_until(lambda: not helpers.alive(pid))
    assert pid_of(gateway) != pid


def test_a_model_that_hangs_while_it_is_loaded_is_given_up(impatient, helpers, impatient_mood):
    """Also one that holds the interpreter and ignores SIGTERM; then a pause, then it is tried again."""
    impatient_mood.write_text("hang")
    with load(lambda: impatient.text("x", "other"), threads=2) as running:
        helpers.wait_until(lambda: outcome(impatient.command("pid", "moody")) == NOT_LOADED)
        answer = impatient.command("pid", "moody")
        assert "did not load within 5 s" in answer.json()["message"]
        assert answer.headers["retry-after"].isdigit()
        impatient_mood.write_text("good")
        helpers.wait_until(lambda: outcome(impatient.command("pid", "moody")) == OK)
    assert set(running.outcomes) == {OK}
    helpers.wait_until(lambda: len(processes_of(impatient, "rg-model")) == 2)


def test_a_model_that_ignores_sigterm_ends_when_it_is_to(start, registry, helpers):
    """When nobody asks for it any more, and with the gateway; until then it is not disturbed."""
    config = helpers.one_endpoint_a_model(registry["uri"], {"moody": "models:/moody/1"}, "models: {idle_timeout: 1s}")
    gateway = start(config)
    pid = pid_of(gateway)
    os.kill(pid, signal.SIGTERM)
    assert pid_of(gateway) == pid
    helpers.wait_until(lambda: not helpers.alive(pid))
    again = pid_of(gateway)
    assert gateway.stop() == 0
    helpers.wait_until(lambda: not helpers.alive(again))


def test_a_load_that_fails_and_then_works(gateway, others, helpers, mood):
    """Each of its requests gets 503 until it does, none other anything else; and then it is tried again by itself."""
    mood.write_text("fail")
    with load(lambda: gateway.command("pid", "many-50"), threads=2) as running:
        helpers.wait_until(lambda: running.outcomes[NOT_LOADED] > 10)
        answer = gateway.command("pid", "many-50")
        mood.write_text("good")
        assert "RuntimeError" in answer.json()["message"]
        assert answer.headers["retry-after"].isdigit()
        more_answers(helpers, running)
    assert set(running.outcomes) == {OK, NOT_LOADED}


def test_a_model_that_hangs_in_predict_is_replaced(impatient, helpers):
    """It holds the interpreter in C code, and ignores SIGTERM; its requests get 504, others nothing of it."""
    helpers.wait_until(lambda: outcome(impatient.command("pid", "moody")) == OK)
    pid = pid_of(impatient)
    with load(lambda: impatient.text("x", "other"), threads=2) as running, ThreadPoolExecutor(2) as threads:
        stuck = [threads.submit(impatient.command, "spin", "moody") for _ in range(2)]
        # The one that waits until it is clear that nothing comes ends the process; the other then has died with it.
        assert {outcome(call.result()) for call in stuck} <= {(504, "RG505"), DIED}
        helpers.wait_until(lambda: not helpers.alive(pid))
        helpers.wait_until(lambda: outcome(impatient.command("pid", "moody")) == OK)
    assert set(running.outcomes) == {OK}


def test_a_model_that_prints_a_gigabyte_holds_up_nobody_and_fills_no_disk(gateway, others, helpers):
    before = gateway.err.stat().st_size
    begin = time.monotonic()
    answer = gateway.command("flood:1024", "moody")
    took_s = time.monotonic() - begin
    assert answer.json() == {"predictions": ["printed"]}, answer.text
    assert gateway.err.stat().st_size - before < (8 + 2 * took_s) * 1024 * 1024
    assert any("is left out" in line["event"] for line in own_lines(gateway))
    more_answers(helpers, others)


def test_a_model_that_prints_without_end_takes_no_line_of_another(start, registry, helpers):
    models = {"moody": "models:/moody/1", "obedient": "models:/obedient/1"}
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models))
    of_moody = lambda: [line for line in gateway.log() if line.get("model") == "models:/moody/1"]  # noqa: E731
    with load(lambda: gateway.command("flood:64", "moody"), threads=1):
        helpers.wait_until(lambda: any("is left out" in line["event"] for line in of_moody()))
        for number in range(50):
            assert outcome(gateway.command(f"print:line {number}")) == OK
        helpers.wait_until(lambda: any(line.get("text") == "line 49" for line in gateway.log()))
        told = lambda: any("are left out" in line["event"] for line in of_moody())  # noqa: E731
        helpers.wait_until(told)
    of_obedient = [line for line in gateway.log() if line.get("model") == "models:/obedient/1"]
    printed = [line["text"] for line in of_obedient if line.get("text", "").startswith("line ")]
    assert printed == [f"line {number}" for number in range(50)]


def own_lines(gateway) -> list[dict[str, object]]:
    """The gateway's own lines, among what models have printed."""
    lines = []
    with gateway.err.open(errors="replace") as log:
        for line in log:
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line[line.index("{") :]))
    return lines


def test_artifacts_that_vanish_or_are_cut_short_come_back(start, registry, helpers, tmp_path):
    """In the cache folder, and in the store: what is loaded serves on, what has to be loaded fails until it can be."""
    store, cache = tmp_path / "store", tmp_path / "cache"
    shutil.copytree(registry["local"], store)
    config = helpers.one_endpoint_a_model(
        registry["uri"], {"m": f"file://{store}"}, "models: {refresh_interval: never, idle_timeout: 300ms}"
    )
    gateway = start(config, RULEGATE_CACHE=str(cache))
    ask = lambda: outcome(gateway.text("x", "m"))  # noqa: E731
    helpers.wait_until(lambda: ask() == OK)
    with load(lambda: gateway.text("x", "m"), threads=2) as running:
        more_answers(helpers, running)
        shutil.rmtree(cache)
        away = store.rename(tmp_path / "away")
        more_answers(helpers, running)
        away.rename(store)
    assert set(running.outcomes) == {OK}
    unloaded = lambda: sum("is unloaded" in line["event"] for line in gateway.log())  # noqa: E731

    def idle() -> None:
        before = unloaded()
        helpers.wait_until(lambda: unloaded() > before)

    idle()
    assert ask() == OK, "it is fetched again"
    idle()
    (folder,) = [path for path in cache.iterdir() if (path / "MLmodel").exists()]
    code = next(folder.glob("*.py"))
    code.write_text(code.read_text()[:-40])
    assert ask() == NOT_LOADED
    helpers.wait_until(lambda: ask() == OK)
    idle()
    shutil.rmtree(cache)
    away = store.rename(tmp_path / "away")
    assert ask() in {NOT_RESOLVED, NOT_LOADED}
    away.rename(store)
    helpers.wait_until(lambda: ask() == OK)
    assert not list(cache.glob("fetching-*"))
    assert not list(cache.glob("discarded-*"))


def test_a_registry_that_goes_away_and_comes_back(start, registry, helpers, tmp_path):
    """Unreachable at the start, models cannot be resolved; later on, what was known once goes on serving."""
    whole = Path(registry["uri"].removeprefix("sqlite:///")).read_bytes()
    database = tmp_path / "no" / "mlflow.db"
    models = {
        "known": "models:/versioned/Production",
        "busy": "models:/versioned@Champion",
        "unknown": "models:/versioned@champion",
    }
    settings = "models: {refresh_interval: 200ms, idle_timeout: 300ms}"
    # MLflow would make the folder.
    database.parent.write_text("in the way")
    gateway = start(helpers.one_endpoint_a_model(f"sqlite:///{database}", models, settings))
    assert outcome(gateway.text("x", "known")) == NOT_RESOLVED
    assert gateway.get("/ping").status_code == 200
    database.parent.unlink()
    database.parent.mkdir()
    database.write_bytes(whole)
    helpers.wait_until(lambda: outcome(gateway.text("x", "known")) == OK)
    helpers.wait_until(lambda: outcome(gateway.text("x", "busy")) == OK)
    with load(lambda: gateway.text("x", "busy"), threads=2) as running:
        database.write_bytes(b"no database")
        helpers.wait_until(lambda: any("is unloaded" in line["event"] for line in gateway.log()))
        assert outcome(gateway.text("x", "known")) == OK, "also when it has to be loaded again"
        assert outcome(gateway.text("x", "unknown")) == NOT_RESOLVED
        more_answers(helpers, running)
        database.write_bytes(whole)
        helpers.wait_until(lambda: outcome(gateway.text("x", "unknown")) == OK)
    assert set(running.outcomes) == {OK}


def test_what_the_registry_forgets_or_keeps_to_itself_is_served_on(start, registry, helpers, tmp_path):
    """An alias that leads to a version that is gone, and a database that somebody has locked: what is loaded answers,
    what needs the registry fails in its time, and all is as it should be when that is."""
    path = tmp_path / "mlflow.db"
    shutil.copy(registry["uri"].removeprefix("sqlite:///"), path)
    models = {"m": "models:/versioned@champion", "cold": "models:/many/1"}
    settings = "models: {refresh_interval: 200ms}\nserver: {request_timeout: 4s}"
    gateway = start(helpers.one_endpoint_a_model(f"sqlite:///{path}", models, settings))
    helpers.wait_until(lambda: gateway.text("x", "m").json() == {"predictions": [2]})

    def lead_alias_to(version: int) -> None:
        database.execute("UPDATE registered_model_aliases SET version = ? WHERE alias = 'champion'", (version,))
        database.commit()

    with contextlib.closing(sqlite3.connect(path)) as database, load(lambda: gateway.text("x", "m"), 2) as running:
        lead_alias_to(99)
        database.execute("DELETE FROM model_versions WHERE name = 'versioned' AND version = 2")
        database.commit()
        helpers.wait_until(lambda: any("cannot be resolved any more" in line["event"] for line in gateway.log()))
        more_answers(helpers, running)
        database.execute("BEGIN EXCLUSIVE")
        assert outcome(gateway.command("pid", "cold")) in {NOT_RESOLVED, (503, "RG503")}
        more_answers(helpers, running)
        database.rollback()
        helpers.wait_until(lambda: outcome(gateway.command("pid", "cold")) == OK)
        lead_alias_to(3)
        helpers.wait_until(lambda: gateway.text("x", "m").json() == {"predictions": [3]})
    assert set(running.outcomes) == {OK}


def test_a_registry_that_hangs_takes_nothing_along(start, registry, helpers):
    """It accepts connections and says nothing; requests get 503 in their time, and what needs no registry answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        models = {"stuck": "models:/versioned/Production", "local": registry["local"]}
        gateway = start(helpers.one_endpoint_a_model(uri, models, "server: {request_timeout: 4s}"))
        helpers.wait_until(lambda: outcome(gateway.text("x", "local")) == OK)
        with load(lambda: gateway.text("x", "local"), threads=2) as running, ThreadPoolExecutor(20) as threads:
            calls = [threads.submit(gateway.text, "x", "stuck") for _ in range(20)]
            assert {outcome(call.result()) for call in calls} == {(503, "RG503")}
        assert set(running.outcomes) == {OK}
        assert gateway.stop() == 0


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can make a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_fails_loads_until_there_is_room(start, registry, helpers, small_disk):
    """What is loaded serves on; the cache gives up what nobody uses, and what others put there has to go."""
    models = {"a": "models:/many/1", "b": "models:/many/2"}
    gateway = start(
        helpers.one_endpoint_a_model(registry["uri"], models), RULEGATE_CACHE=str(small_disk), MOOD="/nonexistent"
    )
    helpers.wait_until(lambda: outcome(gateway.command("pid", "a")) == OK)
    fill(small_disk / "rubbish")
    answer = gateway.command("pid", "b")
    assert outcome(answer) == NOT_LOADED
    assert "the disk of the cache of models is full" in answer.json()["message"]
    assert "/" not in answer.json()["message"].removeprefix("models:/many/2 ")
    assert any(f"no space is left in {small_disk}" in line.get("detail", "") for line in gateway.log())
    assert outcome(gateway.command("pid", "a")) == OK
    assert not list(small_disk.glob("fetching-*"))
    (small_disk / "rubbish").unlink()
    helpers.wait_until(lambda: outcome(gateway.command("pid", "b")) == OK)


def test_a_disk_full_of_models_that_nobody_uses_is_no_obstacle(start, registry, helpers, small_disk):
    unused = small_disk / ("0" * 40)
    unused.mkdir()
    fill(unused / "weights")
    gateway = start(
        helpers.one_endpoint_a_model(registry["uri"], {"a": "models:/many/1"}), RULEGATE_CACHE=str(small_disk)
    )
    helpers.wait_until(lambda: outcome(gateway.command("pid", "a")) == OK)
    assert not unused.exists()


def fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(path.parent).free == 0


def test_first_requests_for_fifty_models_at_once_are_all_answered(gateway, others):
    """There is memory for some of them only."""
    with ThreadPoolExecutor(200) as threads:
        names = [f"many-{n}" for n in range(1, 51)] * 4
        answers = Counter(outcome(answer) for answer in threads.map(lambda name: gateway.command("pid", name), names))
    assert answers == {OK: 200}


@pytest.mark.parametrize("seconds", [4, pytest.param(61, marks=pytest.mark.slow)])
def test_an_alias_that_moves_every_second_fails_and_delays_nothing(start, registry, helpers, seconds):
    """Under load all the while; the gateway ends up where the alias does."""
    script = """
import sys, time, mlflow
client = mlflow.MlflowClient(registry_uri=sys.argv[1])
for line in sys.stdin:
    client.set_registered_model_alias("versioned", "flipping", line.strip())
    print("moved", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, registry["uri"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as mover:

        def move(version: int) -> None:
            mover.stdin.write(f"{version}\n")
            mover.stdin.flush()
            assert mover.stdout.readline() == "moved\n"

        move(1)
        config = helpers.one_endpoint_a_model(
            registry["uri"], {"m": "models:/versioned@flipping"}, "models: {refresh_interval: 200ms}"
        )
        gateway = start(config)
        helpers.wait_until(lambda: outcome(gateway.text("x", "m")) == OK)
        with load(lambda: gateway.text("x", "m")) as running:
            for second in range(seconds):
                move(1 + second % 3)
                threading.Event().wait(1)
        assert set(running.outcomes) == {OK}
        helpers.wait_until(lambda: gateway.text("x", "m").json() == {"predictions": [1]})
        mover.stdin.close()
    served = [line for line in gateway.requests_logged() if line["status"] == 200]
    assert {line["load_ms"] for line in served[1:]} == {0.0}, "a request has waited for a load"
    helpers.wait_until(lambda: len(gateway.processes()) == 5)


def request_bytes(gateway, endpoint: str, command: str) -> bytes:
    body = json.dumps({"dataframe_split": {"columns": ["command"], "data": [[command]]}}).encode()
    head = f"POST /endpoints/{endpoint}/invocations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


def connect(gateway) -> socket.socket:
    host, port = gateway.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=60)


def test_clients_that_go_away_leave_nothing_behind(gateway, others, helpers):
    """In the middle of their body, while the model works, in the middle of the answer."""
    assert gateway.command("pid", "moody").status_code == 200
    whole = request_bytes(gateway, "moody", "pid")
    for sent in (whole[:20], whole[:-10], whole):
        for _ in range(100):
            with connect(gateway) as client:
                client.sendall(sent)
                if sent == whole and _ % 2:
                    client.recv(10)
                    # A reset instead of an end: whatever is still sent fails.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with ThreadPoolExecutor(32) as threads:
        calls = [threads.submit(gateway.command, "pid", "moody") for _ in range(64)]
        assert {outcome(call.result()) for call in calls} == {OK}
    assert not [line for line in own_lines(gateway) if line["level"] == "error"]


def test_clients_that_go_away_in_the_middle_of_a_long_answer_leave_nothing_behind(start, registry, helpers):
    """An answer of megabytes, of which the client takes a little; more of them than one model has places."""
    models = {"obedient": "models:/obedient/1"}
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models, "server: {threads: 16}"))
    assert gateway.command("echo:x").status_code == 200
    (worker,) = worker_of(gateway)
    descriptors = lambda: len(os.listdir(f"/proc/{worker}/fd"))  # noqa: E731
    before = descriptors()
    long = request_bytes(gateway, "obedient", "echo:" + "x" * 6_000_000)
    for end_by_reset in (False, True) * 10:
        with connect(gateway) as client:
            client.sendall(long)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            if end_by_reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    helpers.wait_until(lambda: descriptors() <= before)
    with ThreadPoolExecutor(8) as threads:
        calls = [threads.submit(gateway.command, "echo:x") for _ in range(16)]
        assert {outcome(call.result()) for call in calls} == {OK}
    assert not [line for line in gateway.log() if line["level"] == "error"]


def test_bodies_that_come_byte_by_byte_hold_nobody_up_and_are_ended(impatient, helpers):
    """Twice as many as there are threads for requests; each gets 400 in the end."""
    whole = request_bytes(impatient, "moody", "x" * 1000)
    with contextlib.ExitStack() as held, load(lambda: impatient.text("x", "other"), threads=2) as running:
        slow = [held.enter_context(connect(impatient)) for _ in range(64)]
        for client in slow:
            client.sendall(whole[:200])
        open_clients, position = list(slow), 200
        until = time.monotonic() + helpers.PATIENCE_S
        while open_clients:
            assert time.monotonic() < until
            more_answers(helpers, running, 2)
            for client in list(open_clients):
                client.setblocking(False)
                try:
                    status = client.recv(12)
                except BlockingIOError:
                    with contextlib.suppress(OSError):
                        client.sendall(whole[position : position + 1])
                else:
                    assert status in {b"HTTP/1.1 400", b""}
                    open_clients.remove(client)
            position += 1
            threading.Event().wait(0.1)
    assert set(running.outcomes) == {OK}


def test_connections_to_a_stuck_model_leave_the_others_alone(start, registry, helpers, tmp_path):
    """A hundred and twenty-eight at once."""
    models = {"obedient": "models:/obedient/1", "other": "models:/versioned/1"}
    gateway = start(helpers.one_endpoint_a_model(registry["uri"], models))
    assert gateway.command("echo:x").status_code == 200
    assert gateway.text("x", "other").status_code == 200
    with ThreadPoolExecutor(128) as threads:
        stuck = [threads.submit(gateway.command, f"await:{tmp_path}") for _ in range(128)]
        helpers.wait_until((tmp_path / "begun").exists)
        with load(lambda: gateway.text("x", "other")) as running:
            more_answers(helpers, running, 100)
        (tmp_path / "go").touch()
        ended = Counter(outcome(call.result()) for call in stuck)
    # One model gets half of all places, of which the other model has some.
    assert set(ended) <= {OK, (503, "RG508")}
    assert ended[OK] >= 120
    assert set(running.outcomes) == {OK}


@pytest.mark.parametrize(("warm_up", "cycles"), [(60, 60), pytest.param(500, 2000, marks=pytest.mark.slow)])
def test_loads_and_unloads_leave_nothing_behind(start, registry, helpers, tmp_path, warm_up, cycles):
    """There is memory for a few of fifty models, asked for in turn; then there are as many of all as at first."""
    models = {f"many-{n}": f"models:/many/{n}" for n in range(1, 51)}
    config = helpers.one_endpoint_a_model(registry["uri"], models, "models: {memory_limit: 40MiB}")
    gateway = start(config, RULEGATE_CACHE=str(tmp_path / "cache"))

    def cycle(times: int) -> None:
        for number in range(times):
            assert outcome(gateway.command("pid", f"many-{1 + number % 50}")) == OK

    cycle(warm_up)
    (worker,) = worker_of(gateway)
    before = holdings(gateway, worker, tmp_path / "cache")
    cycle(cycles)
    unloaded = sum("is unloaded" in line["event"] for line in gateway.log())
    assert unloaded >= cycles - 10, "each load has ended another model"
    # What is loaded at the moment differs, and with it what holds it; what leaks would be there for each cycle.
    helpers.wait_until(
        lambda: all(
            now <= was + room
            for now, was, room in zip(
                holdings(gateway, worker, tmp_path / "cache"), before, (5, 20, 10, 0, 8_000), strict=True
            )
        )
    )
    assert gateway.stop() == 0


def holdings(gateway, worker: int, cache: Path) -> tuple[int, ...]:
    """Processes, descriptors, threads, folders, and KiB of the worker's memory."""
    status = Path(f"/proc/{worker}/status").read_text()
    resident_kib = int(status.partition("RssAnon:")[2].split()[0])
    threads = len(os.listdir(f"/proc/{worker}/task"))
    return (
        len(gateway.processes()),
        len(os.listdir(f"/proc/{worker}/fd")),
        threads,
        len(os.listdir(cache)),
        resident_kib,
    )


def test_after_all_of_it_nothing_is_left_but_the_gateway(gateway, helpers, mood):
    """It has a few descriptors for each model in memory, has noted no fault of its own, and all ends with it."""
    assert gateway.text("x", "other").status_code == 200
    (worker,) = worker_of(gateway)
    living = len(processes_of(gateway, "rg-model"))
    everybody = map(int, filter(str.isdigit, os.listdir("/proc")))
    # Those too that warm parents have left behind which were killed.
    ours = {*gateway.processes(), *(pid for pid in everybody if has_variable(pid, f"MOOD={mood}"))}
    assert len(os.listdir(f"/proc/{worker}/fd")) < 60 + 4 * living
    assert not [line for line in own_lines(gateway) if line["level"] == "error"]
    assert gateway.stop() == 0
    helpers.wait_until(lambda: not any(map(helpers.alive, ours)))


def has_variable(pid: int, variable: str) -> bool:
    """Whether it was started with that in its environment; only root can see this of what the gateway starts."""
    with contextlib.suppress(OSError):
        return variable.encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
