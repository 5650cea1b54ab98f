"""Each page of the guide is followed as a reader would: its files are written, its commands run, their output compared.

A block right after a line that ends with a file's name in backticks and a colon is that file. In a ``console`` block a
line that begins with ``$ `` is a command, whose output follows; ``…`` stands for anything. A command that ends with
`` &`` goes on until the page ends. The pages' ports are replaced by free ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass
class Reader:
    """Somebody who follows a page in a folder of their own."""

    folder: Path
    environment: dict[str, str]
    ports: dict[str, str] = field(default_factory=dict)
    background: list[tuple[subprocess.Popen[str], Path]] = field(default_factory=list)

    def localized(self, text: str) -> str:
        text = re.sub(r"^rulegate serve (?!.*--port)", "rulegate serve --port 5000 ", text)
        return re.sub(rf"(?<=[: ])({'|'.join(PORTS)})\b", lambda found: self.ports[found[1]], text)

    def follow(self, page: str) -> None:
        for block in BLOCK.finditer(page):
            if named := FILE.search(block["before"]):
                path = self.folder / named[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self.localized(block["text"]), encoding="utf-8")
            elif block["language"] == "console":
                for command, output in commands(block["text"]):
                    self.run(self.localized(command), self.localized(output))

    def run(self, command: str, expected: str) -> None:
        if command.endswith(" &"):
            shown = self._begin(command.removesuffix(" &"), expected)
        else:
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.folder, env=self.environment, capture_output=True, text=True,
                timeout=PATIENCE_S, check=False,
            )  # fmt: skip
            shown = done.stdout + done.stderr
        assert fits(shown, expected), f"$ {command}\n{shown}\n--- the page says ---\n{expected}"

    def _begin(self, command: str, expected: str) -> str:
        """Starts what goes on; what it has printed as soon as that is what the page shows."""
        path = self.folder / f"output-{len(self.background)}"
        with path.open("w") as output:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=self.folder, env=self.environment, stdout=output, stderr=output,
                text=True,
            )  # fmt: skip
        self.background.append((process, path))
        until = time.monotonic() + PATIENCE_S
        while not fits(shown := first_lines(path, expected), expected) and time.monotonic() < until:
            assert process.poll() is None, path.read_text()
            threading.Event().wait(0.02)
        return shown

    def leave(self) -> None:
        for process, _ in reversed(self.background):
            process.terminate()
            process.wait(PATIENCE_S)


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
    return "\n".join(path.read_text().splitlines()[: len(expected.splitlines())])


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
    reader = Reader(tmp_path, environment, ports={port: free_port() for port in PORTS})
    yield reader
    reader.leave()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_reader_who_follows_the_page_sees_what_it_shows(page: Path, reader: Reader):
    reader.follow(page.read_text(encoding="utf-8"))


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
