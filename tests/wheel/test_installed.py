"""What was installed works away from the checkout: conditions, commands, and the article from end to end."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from rulegate import __version__

pytestmark = pytest.mark.wheel

ROOT = Path(__file__).parents[2]
PATIENCE_S = 180
"""How long the demo may take to train and to listen before the test gives up."""

# Compiles the article's condition, evaluates it on a request, and says where everything was imported from.
PROGRAM = """
import json, sys
from rulegate.condition import Request, compile_condition
condition = compile_condition(
    "request.json()['dataframe_split']['data'][0][0].startswith('Domain specific text')"
)
body = json.dumps({"dataframe_split": {"data": [["Domain specific text: yes"]]}}).encode()
files = [module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
matches = condition.matches(Request.from_body(body, content_type="application/json"))
json.dump({"matches": matches, "files": files}, sys.stdout)
"""


def compiled_in(done: str, home: Path) -> None:
    """Holds that the program found the condition true, with rulegate from `home` and nothing from the checkout."""
    facts = json.loads(done)
    assert facts["matches"] is True
    ours = [Path(file) for file in facts["files"] if "/rulegate/" in file]
    assert ours
    assert all(file.is_relative_to(home) for file in ours)
    assert not [file for file in facts["files"] if Path(file).is_relative_to(ROOT)]


def test_the_wheel_compiles_the_articles_condition(installed, tmp_path, succeeded):
    compiled_in(succeeded(installed.run(installed.python, "-c", PROGRAM, cwd=tmp_path)), installed.folder)


def test_the_wheel_of_the_sdist_compiles_the_articles_condition(installed, wheel_from_sdist, tmp_path, succeeded, run):
    package = tmp_path / "package"
    command = [sys.executable, "-m", "pip", "--python", installed.python, "install", "--no-deps", "--target", package]
    succeeded(run(*command, wheel_from_sdist, cwd=tmp_path))
    done = installed.run(installed.python, "-c", PROGRAM, cwd=tmp_path, PYTHONPATH=str(package))
    compiled_in(succeeded(done), package)


def test_the_command_tells_its_version(installed, tmp_path, succeeded):
    assert succeeded(installed.run(installed.rulegate, "--version", cwd=tmp_path)) == f"rulegate {__version__}\n"


def test_the_examples_have_no_errors(installed, examples, succeeded):
    files = sorted(examples.glob("*.yaml"))
    report = succeeded(installed.run(installed.rulegate, "check-config", *files, cwd=examples))
    assert "error[" not in report
    assert all(str(file) in report for file in files)


def test_the_demo_answers_its_two_requests_in_an_empty_folder(installed, tmp_path):
    with Demo(installed, tmp_path) as demo:
        plain, domain = demo.commands()
        headers, prediction = ask(plain)
        assert headers["x-rulegate-route"] == "fast"
        assert prediction.keys() == {"label", "score"}
        headers, prediction = ask(domain)
        assert headers["x-rulegate-route"] == "accurate"
        assert prediction.keys() == {"label", "score", "domain_confidence"}
        assert (prediction["label"], prediction["domain_confidence"]) == ("positive", "high")
    assert demo.process.returncode == 0
    assert "Traceback" not in (tmp_path / "err").read_text()


class Demo:
    """`rulegate demo` in an empty folder; it is interrupted as Ctrl-C does when the block ends."""

    def __init__(self, installed, folder: Path) -> None:
        self.out = folder / "out"
        work = folder / "work"
        work.mkdir()
        with self.out.open("w") as out, (folder / "err").open("w") as err:
            command = [installed.rulegate, "demo", "--port", "0"]
            self.process = subprocess.Popen(command, cwd=work, env=installed.environment, stdout=out, stderr=err)

    def __enter__(self) -> Demo:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def commands(self) -> list[str]:
        """The requests that it prints once it listens."""
        until = time.monotonic() + PATIENCE_S
        while "Ctrl-C" not in (printed := self.out.read_text()):
            assert self.process.poll() is None, printed
            assert time.monotonic() < until, printed
            threading.Event().wait(0.05)
        return re.findall(r"^curl .*$", printed, re.MULTILINE)


def ask(curl: str) -> tuple[dict[str, str], dict[str, object]]:
    """Sends the request of a printed command; the answer's headers and its one prediction."""
    words = shlex.split(curl)
    header, body, url = words[words.index("-H") + 1], words[words.index("-d") + 1], words[-1]
    name, _, value = header.partition(": ")
    request = urllib.request.Request(url, body.encode(), {name: value})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        (prediction,) = json.load(answer)["predictions"]
        return dict(answer.headers), prediction
