"""Each page of the guide is followed as a reader would: its files are written, its commands run, their output compared.

A block right after a line that ends with a file's name in backticks and a colon is that file. In a ``console`` block a
line that begins with ``$ `` is a command, whose output follows; ``…`` stands for anything. All commands are typed into
one shell, as a reader's are, so that its variables and jobs last. The pages' ports are replaced by free ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for page in (ROOT / "docs" / "guide").glob("*.md") if page.stem != "README")
BLOCK = re.compile(r"^(?P<before>[^\n]*)\n+```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"`([\w./-]+\.\w+)`:$")
PORTS = ("5000", "5001", "8181", "9000")
PATIENCE_S = 60


class Reader:
    """Somebody who follows pages in a folder of their own, and in one shell."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._ports = {port: free_port() for port in PORTS}
        self._typed = 0
        self._outputs = folder / "outputs"
        self._outputs.mkdir()
        self._shell = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def localized(self, text: str) -> str:
        text = re.sub(r"^rulegate serve (?!.*--port)", "rulegate serve --port 5000 ", text)
        return re.sub(rf"(?<=[: ])({'|'.join(PORTS)})\b", lambda found: self._ports[found[1]], text)

    def follow(self, page: Path) -> None:
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if named := FILE.search(block["before"]):
                path = self.folder / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.localized(block["text"]), encoding="utf-8")
            elif block["language"] == "console":
                for command, output in commands(block["text"]):
                    self._run(self.localized(command), self.localized(output))

    def _run(self, command: str, expected: str) -> None:
        """Types a command, and waits until it has ended; for one that goes on, until it has printed what is shown."""
        self._typed += 1
        output, ended = (self._outputs / f"{self._typed}{end}" for end in ("", ".ended"))
        if command.endswith(" &"):
            self._type(f"{command.removesuffix(' &')} > {output} 2>&1 &\n")
            wait_for(lambda: fits(first_lines(output, expected), expected))
            shown = first_lines(output, expected)
        else:
            self._type(f"{{ {command}\n}} > {output} 2>&1; touch {ended}\n")
            wait_for(ended.exists)
            shown = output.read_text()
        assert fits(shown, expected), f"$ {command}\n{shown}\n--- the page says ---\n{expected}"

    def is_alone(self) -> bool:
        """Whether the shell has no jobs any more."""
        jobs = self._outputs / "jobs"
        self._type(f"jobs -r > {jobs}.new; mv {jobs}.new {jobs}\n")
        wait_for(jobs.exists)
        return jobs.read_text() == ""

    def leave(self) -> None:
        self._type("kill $(jobs -p); wait\n")
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        try:
            self._shell.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._shell.pid, signal.SIGKILL)
            self._shell.wait()

    def _type(self, text: str) -> None:
        assert self._shell.stdin is not None
        self._shell.stdin.write(text)
        self._shell.stdin.flush()


def wait_for(condition: Callable[[], bool]) -> None:
    """Returns as soon as a condition holds, or when a reader would have lost patience."""
    until = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until:
        threading.Event().wait(0.02)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with the output that the page shows."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.rstrip("\n").split("\n")
        length = 1
        while lines[length - 1].endswith("\\"):
            length += 1
        yield "\n".join(lines[:length]), "\n".join(lines[length:])


def fits(shown: str, expected: str) -> bool:
    """Whether output is what a page shows: line by line, blanks at their ends aside, ``…`` for anything."""
    pattern = r"\n".join(".*".join(map(re.escape, line.split("…"))) for line in expected.rstrip().split("\n"))
    text = "\n".join(line.rstrip() for line in shown.replace("\r", "").rstrip().split("\n"))
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def first_lines(path: Path, expected: str) -> str:
    """As many lines of a file as are expected; it may have more."""
    text = path.read_text() if path.exists() else ""
    return "\n".join(text.splitlines()[: len(expected.splitlines())])


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


@pytest.fixture
def reader(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, demo_registry) -> Iterator[Reader]:
    # Of their own, as readers move aliases; the models' files are only read.
    (tmp_path / "rulegate-demo").mkdir()
    shutil.copy(demo_registry.folder / "mlflow.db", tmp_path / "rulegate-demo")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RULEGATE_CACHE": str(tmp_path_factory.getbasetemp() / "guide-cache"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "PYTHONWARNINGS": "ignore",
    }
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        environment.pop(name, None)
    reader = Reader(tmp_path, environment)
    yield reader
    reader.leave()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_who_follows_the_page_sees_what_it_shows(page: Path, reader: Reader):
    reader.follow(page)
    assert reader.is_alone(), "what the page starts goes on after its end"


def test_a_reader_follows_all_pages_one_after_the_other_in_one_folder(reader: Reader):
    for page in PAGES:
        reader.follow(page)


def test_the_readme_of_the_guide_says_how_its_commands_are_found():
    for page in (ROOT / "README.md", ROOT / "docs" / "guide" / "README.md"):
        assert "source .venv/bin/activate" in page.read_text(encoding="utf-8")


def blocks(page: Path) -> dict[str, str]:
    """The files that a page has its reader write, by their names."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return {named[1]: block["text"] for block in found if (named := FILE.search(block["before"]))}


@pytest.mark.parametrize("is_right", [False, True], ids=["two faults", "none"])
def test_the_workflow_fails_by_what_is_wrong_and_hands_over_a_sarif_file(is_right: bool, tmp_path: Path):
    """Its steps are run in their order, as GitHub's runner does, and what is uploaded is that of its schema."""
    page = ROOT / "docs" / "guide" / "07-checking-in-ci.md"
    files = blocks(page)
    config = files["gateway_config.yaml"] if not is_right else (ROOT / "examples" / "sticky.yaml").read_text("utf-8")
    (tmp_path / "gateway_config.yaml").write_text(config, encoding="utf-8")
    workflow = yaml.safe_load(files[".github/workflows/gateway.yaml"])
    assert workflow["permissions"]["security-events"] == "write"
    (job,) = workflow["jobs"].values()
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    has_failed = False
    for step in job["steps"]:
        if "rulegate check-config" in step.get("run", "") and (not has_failed or step.get("if") == "always()"):
            code = subprocess.run(
                ["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, timeout=PATIENCE_S, check=False
            ).returncode
            assert code == (0 if is_right else 2), step
            has_failed |= code != 0 and not step.get("continue-on-error", False)
    assert has_failed is not is_right
    upload = job["steps"][-1]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    assert upload["if"] == "always()"
    log = json.loads((tmp_path / upload["with"]["sarif_file"]).read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "tests" / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    jsonschema.validate(log, schema)
    assert len(log["runs"][0]["results"]) == (0 if is_right else 2)


def test_the_guide_lists_its_pages_in_order():
    index = (ROOT / "docs" / "guide" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d\d-[\w-]+\.md)\)", index) == [page.name for page in PAGES]
