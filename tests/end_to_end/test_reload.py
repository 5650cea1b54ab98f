"""A configuration that changes while requests come: none of them fails, and each is answered by one configuration."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

ASKERS = 4


def config_of(registry, generation: int, *, model: str = "models:/obedient/1", extra: str = "") -> str:
    """One endpoint whose routes are named after the generation, so that each answer tells which one it is from."""
    return f"""
registry_uri: {registry["uri"]}
{extra}
model_endpoints:
  - name: obedient
    routes:
      - alias: matched-{generation}
        model_uri: {model}
        model_request_condition: "request.headers['X-Match'] == 'yes'"
      - {{alias: rest-{generation}, model_uri: {model}}}
"""


def write(gateway, text: str) -> None:
    """Replaces the file as a whole, as careful writers do."""
    new = gateway.config.with_suffix(".new")
    new.write_text(text)
    os.replace(new, gateway.config)


def reload(gateway, helpers, text: str, *, log: str = "the configuration has changed") -> None:
    """Writes the file, asks for it to be read, and waits until it has been."""
    before = _count(gateway, log)
    write(gateway, text)
    gateway.process.send_signal(signal.SIGHUP)
    helpers.wait_until(lambda: _count(gateway, log) > before)


def _count(gateway, log: str) -> int:
    return sum(event.startswith(log) for event in events(gateway))


def events(gateway) -> list[str]:
    return [line["event"] for line in gateway.log()]


class Askers:
    """Ask again and again, each over a connection of its own, and note every answer."""

    def __init__(self, gateway) -> None:
        self._gateway = gateway
        self._over = threading.Event()
        self.answers: list[list[tuple[int, str, str]]] = [[] for _ in range(ASKERS)]
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(ASKERS)]

    def _ask(self, number: int) -> None:
        body = json.dumps({"dataframe_split": {"columns": ["command"], "data": [["echo:x"]]}})
        headers = {"content-type": "application/json"} | ({"x-match": "yes"} if number % 2 else {})
        with requests.Session() as session:
            while not self._over.is_set():
                answer = session.post(self._gateway.url + "/invocations", data=body, headers=headers, timeout=60)
                route = answer.headers.get("x-rulegate-route", "")
                self.answers[number].append((answer.status_code, route, answer.text))

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()

    def check(self, last: int) -> None:
        """No request failed, and nobody was answered by a configuration older than the one before."""
        for number, answers in enumerate(self.answers):
            assert {status for status, _, _ in answers} == {200}, [text for status, _, text in answers if status != 200]
            names, generations = zip(*(route.split("-") for _, route, _ in answers), strict=True)
            assert set(names) == {"matched" if number % 2 else "rest"}
            assert list(map(int, generations)) == sorted(map(int, generations))
            assert int(generations[-1]) <= last


@pytest.fixture
def gateway(start, registry, helpers):
    gateway = start(config_of(registry, 0), "--no-watch")
    assert gateway.command("echo:x").status_code == 200
    return gateway


def test_no_request_fails_while_the_configuration_changes_a_thousand_times(gateway, registry, helpers):
    reloads = 1000
    (pid,) = gateway.command("pid").json()["predictions"]
    askers = Askers(gateway)
    with askers.at_work():
        for generation in range(1, reloads + 1):
            reload(gateway, helpers, config_of(registry, generation))
    askers.check(last=reloads)
    answered_by = {route.partition("-")[2] for answers in askers.answers for _, route, _ in answers}
    assert len(answered_by) > reloads / 10, "requests came all the while"
    assert gateway.command("pid").json()["predictions"] == [pid], "the model that all name stays loaded"
    assert gateway.command("pid").headers["x-rulegate-route"] == f"rest-{reloads}"


def test_a_configuration_with_an_error_changes_nothing(gateway, registry, helpers):
    askers = Askers(gateway)
    with askers.at_work():
        reload(
            gateway,
            helpers,
            config_of(registry, 1).replace("alias: rest", "alais: rest"),
            log="the configuration stays",
        )
        answer = gateway.command("echo:x")
        assert answer.headers["x-rulegate-route"] == "rest-0"
    askers.check(last=0)
    (told,) = [line for line in gateway.log() if line["event"].startswith("the configuration stays")]
    assert told["level"] == "error"
    assert "`alais`" in told["detail"]
    assert "^^^^^" in told["detail"]
    reload(gateway, helpers, config_of(registry, 2))
    assert gateway.command("echo:x").headers["x-rulegate-route"] == "rest-2"


def test_a_model_is_removed_while_it_is_in_use(gateway, registry, helpers, tmp_path):
    """Its request is answered, then it leaves memory; what replaces it has answered meanwhile."""
    (pid,) = gateway.command("pid").json()["predictions"]
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(gateway.command(f"await:{tmp_path}")))
    asking.start()
    helpers.wait_until((tmp_path / "begun").exists)
    reload(gateway, helpers, config_of(registry, 1, model="models:/versioned/1"))
    assert gateway.text("x", "obedient").json()["predictions"] == [1]
    assert helpers.alive(pid)
    (tmp_path / "go").touch()
    asking.join()
    assert answers[0].status_code == 200
    assert answers[0].headers["x-rulegate-route"] == "rest-0"
    helpers.wait_until(lambda: not helpers.alive(pid))
    assert "models:/obedient/1 is unloaded: no model URI means it any more" in events(gateway)
    assert gateway.text("x", "obedient").json()["predictions"] == [1]


def test_a_reload_in_the_middle_of_a_load(start, registry, helpers):
    """The load goes on for the request that began it, also when nothing names the model any more."""
    gateway = start(config_of(registry, 0), "--no-watch")
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(gateway.command("pid")))
    asking.start()
    helpers.wait_until(lambda: "models:/obedient/1 is being loaded" in events(gateway))
    reload(gateway, helpers, config_of(registry, 1, model="models:/versioned/1"))
    assert gateway.text("x", "obedient").json()["predictions"] == [1]
    asking.join()
    assert (answers[0].status_code, answers[0].headers["x-rulegate-route"]) == (200, "rest-0")
    (pid,) = answers[0].json()["predictions"]
    helpers.wait_until(lambda: not helpers.alive(pid))


def test_limits_and_preloads_change_too(gateway, registry, helpers):
    extra = "server: {max_body: 100B}\nmodels: {preload: true, replicas: 2}"
    reload(gateway, helpers, config_of(registry, 1, model="models:/versioned/1", extra=extra))
    helpers.wait_until(lambda: "models:/versioned/1 is loaded" in " ".join(events(gateway)))
    assert gateway.get("/ready").status_code == 200
    assert gateway.text("x" * 100, "obedient").status_code == 413
    reload(gateway, helpers, config_of(registry, 2, model="models:/versioned/1"))
    assert gateway.text("x" * 100, "obedient").status_code == 200


def test_how_a_models_processes_are_made_changes_without_a_request_failing(gateway, registry, helpers):
    """The model is loaded anew beside itself, and takes over from itself."""
    (pid,) = gateway.command("pid").json()["predictions"]
    askers = Askers(gateway)
    with askers.at_work():
        reload(gateway, helpers, config_of(registry, 1, extra="models: {batching: off}"))
        helpers.wait_until(lambda: gateway.command("pid").json()["predictions"] != [pid])
        helpers.wait_until(lambda: not helpers.alive(pid))
    askers.check(last=1)


def test_one_model_may_have_more_processes_than_the_others(gateway, registry, helpers):
    text = config_of(registry, 1).replace("models:/obedient/1}", "models:/obedient/1, replicas: 3}")
    assert "replicas" in text
    reload(gateway, helpers, text)
    of_models = lambda: [pid for pid in gateway.processes() if name_of(pid) == "rg-model"]  # noqa: E731
    helpers.wait_until(lambda: len(of_models()) == 3)
    reload(gateway, helpers, config_of(registry, 2))
    helpers.wait_until(lambda: len(of_models()) == 1)


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_what_cannot_change_is_said(gateway, registry, helpers):
    extra = "server: {threads: 3, port: 1}\nmodels: {env: [HOME]}"
    reload(gateway, helpers, config_of(registry, 1, extra=extra))
    warning = "these keys hold their new values from the next start on: server.port, server.threads, models.env"
    helpers.wait_until(lambda: warning in events(gateway))
    assert gateway.command("echo:x").headers["x-rulegate-route"] == "rest-1"


def test_the_file_is_watched(start, registry, helpers):
    """As Kubernetes swaps the links of a ConfigMap, written in place, put aside by an editor, missing, and emptied."""
    gateway = start(config_of(registry, 0))
    folder = gateway.config.parent

    def publish(generation: int) -> None:
        data = folder / f"..{generation}"
        data.mkdir()
        (data / "file").write_text(config_of(registry, generation))
        (folder / "..new").symlink_to(data.name)
        os.replace(folder / "..new", folder / "..data")

    def is_answered_by(generation: int) -> bool:
        return gateway.command("echo:x").headers["x-rulegate-route"] == f"rest-{generation}"

    publish(1)
    (folder / "link").symlink_to("..data/file")
    os.replace(folder / "link", gateway.config)
    helpers.wait_until(lambda: is_answered_by(1))
    publish(2)
    helpers.wait_until(lambda: is_answered_by(2))
    gateway.config.unlink()
    gateway.config.write_text(config_of(registry, 3))
    helpers.wait_until(lambda: is_answered_by(3))
    backup = gateway.config.with_name("gateway_config.yaml~")
    gateway.config.rename(backup)
    gateway.config.write_text(config_of(registry, 4))
    backup.unlink()
    helpers.wait_until(lambda: is_answered_by(4))
    gateway.config.unlink()
    helpers.wait_until(lambda: _count(gateway, "the configuration stays as it was") == 1)
    assert is_answered_by(4)
    gateway.config.write_text("")
    helpers.wait_until(lambda: _count(gateway, "the configuration stays as it was") == 2)
    assert is_answered_by(4)
    gateway.config.write_text(config_of(registry, 5))
    helpers.wait_until(lambda: is_answered_by(5))


def test_a_storm_of_changes_fails_no_request_and_ends_with_the_last_one(start, registry, helpers):
    """The file is written faster than it is read, in place or replaced, and a reload is wished for each time."""
    gateway = start(config_of(registry, 0))
    assert gateway.command("echo:x").status_code == 200
    askers, generation = Askers(gateway), 0
    with askers.at_work():
        while sum(map(len, askers.answers)) < 1000:
            generation += 1
            text = config_of(registry, generation)
            if generation % 2:
                write(gateway, text)
            else:
                # Within quotes, so that what a reader finds meanwhile is no configuration.
                cut = text.index("X-Match")
                with gateway.config.open("w") as file:
                    file.write(text[:cut])
                    file.flush()
                    gateway.process.send_signal(signal.SIGHUP)
                    file.write(text[cut:])
            gateway.process.send_signal(signal.SIGHUP)
        helpers.wait_until(lambda: gateway.command("echo:x").headers["x-rulegate-route"] == f"rest-{generation}")
    askers.check(last=generation)
    assert any(askers.answers[0][-1][1] != route for _, route, _ in askers.answers[0]), "it changed meanwhile"
    assert gateway.stop() == 0


def test_a_new_worker_goes_on_with_what_was_good(gateway, registry, helpers):
    reload(gateway, helpers, config_of(registry, 1))
    reload(gateway, helpers, "model_endpoints: []\n", log="the configuration stays")
    worker = next(pid for pid in gateway.processes() if _parent(pid) == gateway.process.pid)
    os.kill(worker, signal.SIGKILL)
    helpers.wait_until(lambda: not helpers.alive(worker))
    assert gateway.command("echo:x").headers["x-rulegate-route"] == "rest-1"
    reload(gateway, helpers, config_of(registry, 2))
    assert gateway.command("echo:x").headers["x-rulegate-route"] == "rest-2"


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_gateway_ends_with_its_terminal_but_not_by_its_signal(registry, helpers, tmp_path):
    config = tmp_path / "gateway_config.yaml"
    config.write_text(config_of(registry, 0))
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "rulegate", "serve", str(config), "--port", "0"]
    # `setsid --ctty` gives it a terminal of its own, as a shell in a new window has.
    process = subprocess.Popen(
        ["setsid", "--ctty", *command],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=os.environ | {"RULEGATE_CACHE": str(tmp_path / "cache")},
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - no thread runs yet
    )
    os.close(inside)
    try:
        _read_until(terminal, b"listening on")
        config.write_text(config_of(registry, 1))
        process.send_signal(signal.SIGHUP)
        _read_until(terminal, b"the configuration has changed")
        assert process.poll() is None
        os.close(terminal)
        assert process.wait(helpers.PATIENCE_S) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _read_until(terminal: int, words: bytes) -> None:
    said = b""
    while words not in said:
        said += os.read(terminal, 4096)
