"""Models that need other packages than the gateway has, in environments of their own, made by the real installers."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

OLD = "5.5.2"
CONFIG = """
server: {{request_timeout: 30s}}
models: {{environment: {manager}, load_timeout: {timeout}}}
"""
INPUT = {"inputs": ["x"]}
PATIENCE_S = 300
"""How long an installer may take."""


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    script = Path(__file__).parent / "make_models_apart.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def path_with_uv(tmp_path_factory) -> str:
    """A PATH that has uv, installed for these tests if this machine has none."""
    if shutil.which("uv"):
        return os.environ["PATH"]
    folder = tmp_path_factory.mktemp("uv")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "uv"]
    subprocess.run(command, check=True, capture_output=True)
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("environments-cache")


@pytest.fixture(scope="module")
def serve(start, models, helpers, path_with_uv, cache):
    """Starts a gateway that serves the named models, each at an endpoint of its own."""

    def serve(*names: str, manager: str = "uv", timeout: str = "5m", **environment: str):
        uris = {name: str(models / name) for name in names}
        config = helpers.one_endpoint_a_model("sqlite://", uris, CONFIG.format(manager=manager, timeout=timeout))
        variables = {"PATH": path_with_uv, "RULEGATE_CACHE": str(cache)} | environment
        return start(config, **variables)

    return serve


def ask(gateway, name="old"):
    """The answer, once the model is no longer being loaded."""
    until_s = time.monotonic() + PATIENCE_S
    while True:
        answer = gateway.post(INPUT, f"/endpoints/{name}/invocations")
        if answer.status_code == 200 or answer.json()["code"] != "RG503" or time.monotonic() > until_s:
            return answer


def answer_of(gateway, name="old") -> dict:
    answer = ask(gateway, name)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"][0]


def preparations(gateway) -> list[str]:
    return [line["event"] for line in gateway.log() if "is being prepared" in line["event"]]


@pytest.fixture(scope="module")
def gateway(serve):
    python_path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), "/nowhere"]))
    return serve("old", "impossible", "without-mlflow", A_TOKEN="a-secret-token", PYTHONPATH=python_path)


def test_a_model_has_the_packages_that_it_asks_for(gateway, serve):
    """The same model in the gateway's own packages has another version."""
    assert importlib.metadata.version("cachetools") != OLD
    assert answer_of(gateway)["cachetools"] == OLD
    assert answer_of(serve("old", manager="local"))["cachetools"] == importlib.metadata.version("cachetools")


def test_each_model_has_the_environment_that_its_route_says(start, models, helpers, path_with_uv, cache):
    """Also where two URIs mean one version; and a running gateway changes it without a request failing."""
    path = models / "old"

    def config_of(first: str, second: str) -> str:
        return f"""
registry_uri: sqlite://
models: {{load_timeout: 5m}}
model_endpoints:
  - {{name: first, routes: [{{alias: only, model_uri: "{path}", environment: {first}}}]}}
  - {{name: second, routes: [{{alias: only, model_uri: "file://{path}", environment: {second}}}]}}
"""

    gateway = start(config_of("uv", "local"), PATH=path_with_uv, RULEGATE_CACHE=str(cache))
    ours = importlib.metadata.version("cachetools")
    assert [answer_of(gateway, name)["cachetools"] for name in ("first", "second")] == [OLD, ours]
    gateway.config.write_text(config_of("local", "uv"))
    gateway.process.send_signal(signal.SIGHUP)
    helpers.wait_until(
        lambda: [answer_of(gateway, name)["cachetools"] for name in ("first", "second")] == [ours, OLD],
        timeout_s=PATIENCE_S,
    )


def test_nothing_that_the_gateway_has_can_be_imported_there(gateway):
    facts = answer_of(gateway)
    assert facts["prefix"] != sys.prefix
    assert not [path for path in facts["path"] if path.startswith(sys.prefix) or path in {"", "/nowhere", os.getcwd()}]
    (package,) = [path for path in facts["path"] if "package-" in path]
    assert os.listdir(package) == ["rulegate"]


def test_what_a_model_sees_of_the_environment_is_as_bounded_there(gateway):
    facts = answer_of(gateway)
    assert "a-secret-token" not in facts["environment"].values()
    assert facts["environment"]["VIRTUAL_ENV"] == facts["prefix"]
    assert facts["environment"]["PATH"].startswith(f"{facts['prefix']}/bin:")


def test_an_environment_is_made_once_for_all_who_need_it(gateway, serve, models):
    """By processes of one gateway and by gateways that share the cache."""
    answer_of(gateway)
    shutil.copytree(models / "old", models / "same-needs", dirs_exist_ok=True)
    (models / "same-needs" / "MLmodel").write_text((models / "old" / "MLmodel").read_text() + "\n")
    other = serve("old", "same-needs")
    facts = [answer_of(other, name) for name in ("old", "same-needs")]
    assert len({fact["pid"] for fact in facts}) == 2
    assert {fact["prefix"] for fact in facts} == {answer_of(gateway)["prefix"]}
    assert preparations(other) == []


def test_a_model_that_asks_for_what_cannot_be_had_says_so_and_leaves_nothing(gateway, cache):
    answer = ask(gateway, "impossible")
    assert (answer.status_code, answer.json()["code"]) == (503, "RG502")
    assert "its environment cannot be prepared" in answer.json()["message"]
    (line, *_) = [line for line in gateway.log() if "cachetools==999.0" in line.get("detail", "")]
    assert "impossible" in line["event"]
    made = {path.name[:40] for path in (cache / "environments").iterdir() if not path.is_symlink()}
    assert made >= {path.name for path in (cache / "environments").iterdir() if path.is_symlink()}


def test_an_environment_that_cannot_serve_a_model_says_what_it_lacks(gateway):
    answer = ask(gateway, "without-mlflow")
    assert (answer.status_code, answer.json()["code"]) == (503, "RG502")
    assert "its environment has no MLflow" in answer.json()["message"]


def test_a_preparation_that_takes_longer_than_a_load_may_goes_on(serve, tmp_path, helpers):
    gateway = serve("without-mlflow", timeout="500ms", RULEGATE_CACHE=str(tmp_path))

    def says(words: str) -> bool:
        answer = gateway.post(INPUT, "/endpoints/without-mlflow/invocations")
        return words in answer.json()["message"]

    helpers.wait_until(lambda: says("it goes on being prepared"))
    helpers.wait_until(lambda: any("is ready after" in line["event"] for line in gateway.log()), timeout_s=PATIENCE_S)
    helpers.wait_until(lambda: not says("it goes on being prepared"))
    assert len(preparations(gateway)) == 1


@pytest.mark.parametrize("warm_parent_first", [False, True])
def test_a_process_in_an_environment_ends_with_the_gateway(serve, helpers, warm_parent_first):
    gateway = serve("old")
    pid = answer_of(gateway)["pid"]
    others = gateway.processes()
    if warm_parent_first:
        (parent,) = [p for p in others if b"warm_parent" in cmdline(p) and os.getpgid(p) == p]
        os.kill(parent, signal.SIGKILL)
        helpers.wait_until(lambda: not helpers.alive(parent))
        assert answer_of(gateway)["pid"] == pid
    os.kill(gateway.process.pid, signal.SIGKILL)
    gateway.process.wait(helpers.PATIENCE_S)
    helpers.wait_until(lambda: not any(helpers.alive(pid) for pid in {pid, *others}))


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_process_in_an_environment_that_dies_is_replaced(gateway, helpers):
    pid = answer_of(gateway)["pid"]
    os.kill(pid, signal.SIGKILL)

    def is_back() -> bool:
        answer = ask(gateway)
        return answer.status_code == 200 and answer.json()["predictions"][0]["pid"] != pid

    helpers.wait_until(is_back)


def pyenv_has_this_python() -> bool:
    if not shutil.which("pyenv"):
        return False
    done = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=False)
    return platform.python_version() in done.stdout.split()


@pytest.mark.skipif(not pyenv_has_this_python(), reason="pyenv would have to build this Python first")
def test_virtualenv_makes_environments_too(serve):
    gateway = serve("old", manager="virtualenv")
    assert answer_of(gateway)["cachetools"] == OLD


def test_a_program_that_is_not_installed_is_told_at_the_start(start, models, helpers):
    config = helpers.one_endpoint_a_model(
        "sqlite://", {"old": str(models / "old")}, CONFIG.format(manager="virtualenv", timeout="1s")
    )
    with pytest.raises(AssertionError, match=r"`environment: virtualenv` needs the program `pyenv`"):
        start(config, PATH="/nowhere")


def test_a_folder_whose_path_mlflow_cannot_write_into_a_command_is_told_at_the_start(serve, tmp_path):
    with pytest.raises(AssertionError, match="its path has a blank"):
        serve("old", RULEGATE_CACHE=str(tmp_path / "a folder"))
