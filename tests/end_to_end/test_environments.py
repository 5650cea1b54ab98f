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
        uris = {Path(name).name: str(models / name) for name in names}
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


def test_a_model_that_asks_for_what_cannot_be_had_says_so_and_leaves_nothing(gateway, cache, helpers):
    answer = ask(gateway, "impossible")
    assert (answer.status_code, answer.json()["code"]) == (503, "RG502")
    assert "its environment cannot be prepared" in answer.json()["message"]
    # What a stack trace says may be written a moment after the answer.
    (line, *_) = helpers.wait_until(
        lambda: [line for line in gateway.log() if "cachetools==999.0" in line.get("detail", "")]
    )
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


@pytest.fixture(scope="module")
def conda(tmp_path_factory) -> Path:
    """Where what stands in for conda is installed, with a channel of its own."""
    library, root = tmp_path_factory.mktemp("rattler"), tmp_path_factory.mktemp("conda")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(library), "py-rattler==0.28.0"]
    subprocess.run(install, check=True, capture_output=True)
    subprocess.run([sys.executable, Path(__file__).parent / "conda" / "make_conda.py", root, library], check=True)
    return root


@pytest.fixture(scope="module")
def serve_with_conda(serve, conda):
    """Starts a gateway in an activated environment of conda's, as who uses conda does."""

    def serve_with_conda(*names: str, **environment: str):
        variables = {
            "CONDA_CHANNEL_ALIAS": f"file://{conda / 'channels'}",
            "CONDA_ENVS_DIRS": str(conda / "envs"),
            "CONDA_SHLVL": "1",
            "CONDA_PREFIX": str(conda),
            "CONDA_DEFAULT_ENV": "base",
            "MLFLOW_CONDA_HOME": "",
            "CONDA_EXE": "",
            "PIP_EXTRA": "a-secret-token",
            "LD_LIBRARY_PATH": "/gateway/lib",
        }
        return serve(*names, manager="conda", **(variables | environment))

    return serve_with_conda


@pytest.fixture(scope="module")
def gateway_with_conda(serve_with_conda, conda, tmp_path_factory):
    programs = tmp_path_factory.mktemp("bin")
    (programs / "conda").symlink_to(conda / "condabin" / "conda")
    # What a model without a Python of its own must not be taken to.
    (programs / "python").symlink_to(sys.executable)
    names = ("old", "greeting", "without-python", "without-conda")
    return serve_with_conda(*names, PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")


def test_conda_makes_environments_too(gateway_with_conda, cache):
    """Also where it is found by a link on the PATH; and nothing stays of what it downloaded."""
    facts = answer_of(gateway_with_conda)
    assert facts["cachetools"] == OLD
    prefix = Path(facts["prefix"])
    assert prefix.is_relative_to((cache / "environments").resolve())
    assert not [path for path in facts["path"] if path.startswith(sys.prefix)]
    (made,) = [
        path
        for path in (cache / "environments").iterdir()
        if prefix.is_relative_to(path.resolve()) and not path.is_symlink()
    ]
    assert {path.name for path in made.iterdir()} == {"activation.json", "conda_envs"}
    assert (prefix / "pyvenv.cfg").stat().st_nlink == 1


def test_what_activation_sets_is_seen_by_a_model_and_nothing_that_installers_know(gateway_with_conda):
    facts = answer_of(gateway_with_conda, "greeting")
    prefix, variables = facts["prefix"], facts["environment"]
    seen = {
        "GREETING": f"hello from {prefix}",  # a package's script
        "COLOUR": "green",  # the model's conda.yaml
        "LD_LIBRARY_PATH": f"{prefix}/lib:/gateway/lib",
        "CONDA_PREFIX": prefix,
        "CONDA_DEFAULT_ENV": Path(prefix).name,
        "CONDA_SHLVL": "1",
        "PYTHONNOUSERSITE": "1",
    }
    assert variables.items() >= seen.items()
    assert variables["PATH"].startswith(f"{prefix}/bin:")
    assert variables["PATH"].count(prefix) == 1
    hidden = {
        "VIRTUAL_ENV",
        "PS1",
        "CONDA_ENVS_PATH",
        "CONDA_PKGS_DIRS",
        "CONDA_CHANNEL_ALIAS",
        "PIP_CACHE_DIR",
        "PIP_EXTRA",
    }
    assert not variables.keys() & hidden


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("without-conda", "it has no `conda.yaml`; log it again with one, or write `environment: uv`"),
        ("without-python", "no Python was installed in it; name `python` among the `dependencies` of its `conda.yaml`"),
    ],
)
def test_a_model_of_which_conda_can_make_nothing_says_what_it_lacks(gateway_with_conda, name, message):
    answer = ask(gateway_with_conda, name)
    assert (answer.status_code, answer.json()["code"]) == (503, "RG502")
    assert message in answer.json()["message"], [line for line in gateway_with_conda.log() if name in line["event"]]


def test_a_conda_yaml_that_cannot_be_installed_says_so_until_it_is_mended(
    serve_with_conda, conda, models, helpers, tmp_path
):
    """By mamba, in the folder that MLFLOW_CONDA_HOME names; nothing stays of what failed."""
    mended = tmp_path / "model"
    shutil.copytree(models / "conda-impossible", mended)
    variables = {"MLFLOW_CONDA_HOME": str(conda), "MLFLOW_CONDA_CREATE_ENV_CMD": "mamba"}
    gateway = serve_with_conda(str(mended), RULEGATE_CACHE=str(tmp_path / "cache"), **variables)
    answer = ask(gateway, "model")
    assert (answer.status_code, answer.json()["code"]) == (503, "RG502")
    assert "a package that it needs cannot be installed; the log tells why" in answer.json()["message"]
    assert "greeting" not in answer.text
    assert [line for line in gateway.log() if "greeting" in line.get("detail", "")]
    environments = tmp_path / "cache" / "environments"
    assert not [path for path in environments.iterdir() if not path.name.startswith("package-")]
    shutil.copy(models / "greeting" / "conda.yaml", mended)
    # As a model that is written anew is another version.
    (mended / "MLmodel").write_text((mended / "MLmodel").read_text() + "\n")
    helpers.wait_until(lambda: ask(gateway, "model").status_code == 200, timeout_s=PATIENCE_S)
    history = Path(answer_of(gateway, "model")["prefix"], "conda-meta", "history").read_text()
    assert history.startswith(f"# cmd: {conda}/bin/mamba env create ")


def test_a_program_that_is_not_installed_is_told_at_the_start(start, models, helpers):
    config = helpers.one_endpoint_a_model(
        "sqlite://", {"old": str(models / "old")}, CONFIG.format(manager="virtualenv", timeout="1s")
    )
    with pytest.raises(AssertionError, match=r"`environment: virtualenv` needs the program `pyenv`"):
        start(config, PATH="/nowhere")
    with pytest.raises(
        AssertionError, match=r"needs the program `/nowhere/bin/conda`(.|\n)*hint: install conda, or name"
    ):
        start(config.replace("virtualenv", "conda"), MLFLOW_CONDA_HOME="/nowhere")


def test_a_folder_whose_path_mlflow_cannot_write_into_a_command_is_told_at_the_start(serve, tmp_path):
    with pytest.raises(AssertionError, match="its path has a blank"):
        serve("old", RULEGATE_CACHE=str(tmp_path / "a folder"))
