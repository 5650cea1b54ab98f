"""Loads, unloads, refreshes and kills, under load, for minutes; then nothing may have failed or grown unexplained.

``python -m benchmarks.soak`` prints a table and exits with 1 if a request failed without a reason or something leaks.
A model process that is killed may take along the requests that it has, and may be left alone for a while; nothing else
that is done here may fail a request. See `soak_accounts` for how many that can be.
What is compared is taken at rest, when all idle models have left memory: after a first part, in which everything is
used for the first time, and at the end; and once in between, to tell what grows from what has settled. It takes root to
look: the gateway hides its processes from others of its user.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.harness import say
from benchmarks.servers import Server, free_port, post
from benchmarks.soak_accounts import Accounts

DURATION_S = 600.0
SHARES = (0.2, 0.4, 0.4)
"""Which parts of the time there is between two looks at what it holds; in the first, all is used for the first time."""

VERSIONS = 24
ASKERS = 10
"""Threads that ask one request at a time: so many may have been with a process that is killed."""

GROWTH = 0.1
SLACK_MIB = 8.0
SLACK_COUNT = 6

_NAME = re.compile(rb"rulegate model (models:/soak/\d+)")


@dataclass(frozen=True, slots=True)
class Rest:
    """What the gateway holds when nothing is asked of it; memory in MiB, of which each process has its own share."""

    gateway_mib: float
    all_processes_mib: float
    descriptors: int
    threads: int
    processes: int
    cache_folders: int


class Processes:
    """The gateway's processes, told from others by a variable of their environment.

    Not by who started them: what a warm parent has forked is nobody's child once that has been killed.
    """

    def __init__(self, main: int, mark: str) -> None:
        self._main, self._mark = main, mark.encode()

    def all(self) -> list[int]:
        found = []
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and self._mark in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
        return found

    def worker(self) -> int:
        return next(pid for pid in self.all() if _parent(pid) == self._main)

    def models(self) -> list[int]:
        return [pid for pid in self.all() if _name(pid) == "rg-model"]

    def a_model(self, random: random.Random) -> tuple[int, str] | None:
        """A process of a model, and its version; None if it has none, or has not told yet of which it is."""
        models = self.models()
        if not models:
            return None
        pid = random.choice(models)
        name = _NAME.match(Path(f"/proc/{pid}/cmdline").read_bytes())
        return None if name is None else (pid, name[1].decode())

    def registry(self) -> int | None:
        return next((pid for pid in self.all() if _name(pid) == "rg-registry"), None)

    def warm_parent(self) -> int | None:
        return next((pid for pid in self.all() if _leads_warm_parent(pid)), None)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _leads_warm_parent(pid: int) -> bool:
    """Whether it is a warm parent; what it has forked has its command line, and is in its group."""
    with contextlib.suppress(OSError):
        return b"warm_parent" in Path(f"/proc/{pid}/cmdline").read_bytes() and os.getpgid(pid) == pid
    return False


def _pss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


class Soak:
    """One run.

    Args:
        folder: An empty one, for all that is written.
        seed: Of what is asked and killed when.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._random = folder, random.Random(seed)
        self._cache = folder / "cache"
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.done: Counter[str] = Counter()
        self.accounts = Accounts(ASKERS)
        self._port = free_port()
        self._client = _fill_registry(folder)
        config = folder / "gateway.yaml"
        config.write_text(_config(folder))
        command = [sys.executable, "-m", "rulegate", "serve", config, "--port", str(self._port)]
        scratch = folder / "scratch"
        scratch.mkdir()
        # A variable that all processes of the gateway are given, and no other process has.
        environment = {"RULEGATE_CACHE": str(self._cache), "TMPDIR": str(scratch)}
        self._server = Server(command, port=self._port, environment=environment, log=folder / "log", folder=folder)
        self._processes = Processes(self._server.pid, f"TMPDIR={scratch}")
        self._server.until_answer(_request("hot"))

    def run(self, seconds: float) -> list[Rest]:
        rests = []
        for share in SHARES:
            self._work(seconds * share)
            rests.append(self._rest())
        return rests

    def stop(self) -> None:
        """Ends the gateway and reads what its log tells."""
        self._server.stop()
        log = self._server.log.read_text(errors="replace")
        self.done["loads"] = log.count(" is loaded in ")
        self.accounts.read_log(log)

    def _work(self, seconds: float) -> None:
        self._over.clear()
        jobs = [
            *[lambda: self._ask("hot")] * 2,
            *[lambda: self._ask("moving")] * 2,
            *[lambda: self._ask(f"v{self._random.randint(1, VERSIONS)}", pause_s=0.05)] * 6,
            lambda: self._move(pause_s=1.0),
            lambda: self._kill_a_model(pause_s=3.0),
            lambda: self._kill("warm parents killed", self._processes.warm_parent, pause_s=61.0),
            lambda: self._kill("registry processes killed", self._processes.registry, pause_s=17.0),
        ]
        threads = [threading.Thread(target=self._repeat, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        self._over.wait(seconds)
        self._over.set()
        for thread in threads:
            thread.join()

    def _repeat(self, job: Callable[[], None]) -> None:
        while not self._over.is_set():
            job()

    def _ask(self, endpoint: str, *, pause_s: float = 0.0) -> None:
        try:
            with contextlib.closing(self._server.connection()) as connection:
                status, headers, body = connection.exchange(_request(endpoint))
        except OSError as error:
            with self._lock:
                self.accounts.unexplained[f"{endpoint}: {error!r}"] += 1
            return
        with self._lock:
            if status == 200:
                self.accounts.answered += 1
            else:
                facts = json.loads(body)
                if self.accounts.failed(endpoint, status, facts["code"], facts["message"]):
                    pause_s = float(headers["retry-after"])
        self._over.wait(pause_s)

    def _move(self, *, pause_s: float) -> None:
        self._client.set_registered_model_alias("soak", "moving", str(self._random.randint(1, VERSIONS)))
        self._count("aliases moved")
        self._over.wait(pause_s)

    def _kill(self, what: str, choose: Callable[[], int | None], *, pause_s: float) -> None:
        if self._over.wait(pause_s):
            return
        with contextlib.suppress(OSError, StopIteration):
            pid = choose()
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                self._count(what)

    def _kill_a_model(self, *, pause_s: float) -> None:
        if self._over.wait(pause_s):
            return
        with contextlib.suppress(OSError):
            if chosen := self._processes.a_model(self._random):
                pid, version = chosen
                os.kill(pid, signal.SIGKILL)
                with self._lock:
                    self.accounts.killed[version] += 1

    def _rest(self) -> Rest:
        """Waits until every model has left memory, and weighs what is left."""
        self._until_idle()
        # The registry process shares its memory with the warm parent that it was forked from, which may be long dead.
        # Another one is forked for one load.
        if registry := self._processes.registry():
            os.kill(registry, signal.SIGKILL)
        self._until_answered("v1")
        self._until_idle()
        worker = self._processes.worker()
        return Rest(
            gateway_mib=_pss_mib(worker),
            all_processes_mib=sum(map(_pss_mib, self._processes.all())),
            descriptors=len(os.listdir(f"/proc/{worker}/fd")),
            threads=len(os.listdir(f"/proc/{worker}/task")),
            processes=len(self._processes.all()),
            cache_folders=len(os.listdir(self._cache)),
        )

    def _until_answered(self, endpoint: str) -> None:
        """A kill at the very end may have left it in a pause."""
        until = time.monotonic() + 60
        status = 0
        while status != 200 and time.monotonic() < until:
            with contextlib.closing(self._server.connection()) as connection:
                status, _ = connection.ask(_request(endpoint))
            time.sleep(0.1)

    def _until_idle(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and self._processes.models():
            time.sleep(0.5)
        time.sleep(1)

    def _count(self, what: str) -> None:
        with self._lock:
            self.done[what] += 1


def _request(endpoint: str) -> bytes:
    body = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[1]]}}).encode()
    return post(f"/endpoints/{endpoint}/invocations", body)


def _config(folder: Path) -> str:
    uris = {f"v{n}": f"models:/soak/{n}" for n in range(1, VERSIONS + 1)}
    uris |= {"hot": "models:/soak@hot", "moving": "models:/soak@moving"}
    lines = [
        f"registry_uri: sqlite:///{folder}/mlflow.db",
        "models: {idle_timeout: 200ms, refresh_interval: 500ms, memory_limit: 300MiB}",
        "model_endpoints:",
    ]
    for name, uri in uris.items():
        lines += [f"  - name: {name}", "    routes:", f"      - {{alias: only, model_uri: '{uri}'}}"]
    return "\n".join(lines) + "\n"


def _fill_registry(folder: Path) -> Any:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import logging

    import mlflow

    # Here, because MLflow's import brings filters of its own.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    experiment = mlflow.create_experiment("soak", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment(experiment_id=experiment)
    client = mlflow.MlflowClient()
    model = mlflow.pyfunc.log_model(
        name="soak",
        python_model=str(Path(__file__).parent / "soak_model.py"),
        model_config={"number": 1},
        pip_requirements=["mlflow"],
    )
    client.create_registered_model("soak")
    for _ in range(VERSIONS):
        client.create_model_version("soak", model.model_uri, model_id=model.model_id)
    client.set_registered_model_alias("soak", "hot", str(VERSIONS))
    client.set_registered_model_alias("soak", "moving", "1")
    return client


def leaks(before: Rest, after: Rest) -> list[str]:
    """What has grown by more than the noise of a process that runs for minutes."""
    grown = []
    for field, old, new in zip(fields(Rest), astuple(before), astuple(after), strict=True):
        slack = SLACK_MIB if field.name.endswith("_mib") else SLACK_COUNT if field.name != "processes" else 0
        if field.name == "cache_folders":
            slack = VERSIONS
        if new > old * (1 + GROWTH) + slack:
            grown.append(field.name)
    return grown


def _number(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=DURATION_S)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        say(f"filling a registry; then {arguments.seconds:.0f} s under load …")
        soak = Soak(Path(folder), arguments.seed)
        try:
            rests = soak.run(arguments.seconds)
        finally:
            soak.stop()
    times_s = [arguments.seconds * share for share in itertools.accumulate(SHARES)]
    print("| at rest | " + " | ".join(f"after {time_s:.0f} s" for time_s in times_s) + " |")
    print("| --- |" + " ---: |" * len(rests))
    for field, *values in zip(fields(Rest), *map(astuple, rests), strict=True):
        print(f"| {field.name.replace('_', ' ')} | " + " | ".join(map(_number, values)) + " |")
    accounts = soak.accounts
    done = dict(soak.done) | {
        "models killed": accounts.killed.total(),
        "pauses of a model": accounts.pauses.total(),
        "requests answered": accounts.answered,
        "requests lost with a process": accounts.lost.total(),
        "requests refused in a pause": accounts.refused.total(),
    }
    print("\n| done | times |\n| --- | ---: |")
    for what in sorted(done):
        print(f"| {what} | {done[what]} |")
    grown = leaks(rests[0], rests[-1])
    unexplained = accounts.all_unexplained()
    for what, times in unexplained.most_common(20):
        print(f"unexplained, {times} times: {what}")
    for name in grown:
        print(f"has grown: {name.replace('_', ' ')}")
    return 1 if grown or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
