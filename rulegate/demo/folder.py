"""Makes the demo's folder, or finds it as an earlier run left it, without ever importing MLflow here."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
registry_uri: {registry_uri}

model_endpoints:
  - name: sentiment-router
    routes:
      - model_uri: "models:/sentiment-model-fast/production"
        alias: fast
      - model_uri: "models:/sentiment-model-accurate/production"
        alias: accurate
        model_request_condition: "request.json()['dataframe_split']['data'][0][0].startswith('Domain specific text')"
"""


class DemoError(Exception):
    """The demo could not be made; the message says why and ``hint`` what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where the demo is: all paths are absolute.

    ``config`` is the gateway's configuration, the reader's to edit. ``registry_uri`` names the SQLite registry with
    both models, in stage Production and with the alias ``champion``.
    """

    folder: Path
    config: Path
    registry_uri: str


def prepare(folder: Path, report: Callable[[str], None]) -> DemoFiles:
    """Trains and registers the models and writes the configuration, each unless it is there already.

    The first run takes about ten seconds, in a process of its own; later runs take milliseconds. A run that ends
    half-way leaves nothing that a later one would trust: the registry gets its name, by a rename, only when everything
    in it is done. What the reader has changed in the folder stays as it is. Two runs at once on one folder wait for
    each other. An interrupt ends the training process too.

    Args:
        folder: Where the demo lives; made if it is not there.
        report: Called with one line of progress at a time, from this thread; never called when nothing has to be made.

    Raises:
        DemoError: If the folder cannot be written, the training fails, or what is in the folder is not a whole demo
            made there.
    """
    layout = _Layout(folder.resolve())
    if set("?%") & set(str(layout.folder)):
        # MLflow and SQLAlchemy, in its several versions, do not agree on how a registry's address escapes them.
        raise DemoError(
            f"the demo cannot be made in `{layout.folder}`: a registry's address has no place for `?` and `%`",
            "name a folder without them in its path",
        )
    try:
        layout.folder.mkdir(parents=True, exist_ok=True)
        with _locked(layout.folder, report) as lock:
            if layout.database.exists():
                _verify(layout)
            else:
                _make(layout, report, lock)
            if not layout.config.exists():
                _write_whole(layout.config, _CONFIG.format(registry_uri=_quoted(layout.registry_uri)))
    except BrokenPipeError:
        raise  # whoever reads the progress has gone, which is no fault of the folder
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DemoError(
            f"the demo cannot be made in `{layout.folder}`: {reason}", "name a folder that can be written"
        ) from error
    return DemoFiles(layout.folder, layout.config, layout.registry_uri)


@dataclass(frozen=True, slots=True)
class _Layout:
    """The names in the demo's folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "gateway_config.yaml"

    @property
    def database(self) -> Path:
        """The registry. It is there if and only if it is whole."""
        return self.folder / "mlflow.db"

    @property
    def unfinished(self) -> Path:
        """The registry while it is being made."""
        return self.folder / "mlflow.db.unfinished"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    @property
    def record(self) -> Path:
        """What was made, and for which place: the registry holds absolute paths, so a moved folder does not work."""
        return self.folder / "demo.json"

    @property
    def log(self) -> Path:
        """What the training process wrote to standard error; kept only when it failed."""
        return self.folder / "demo.log"

    @property
    def registry_uri(self) -> str:
        return f"sqlite:///{self.database}"


@contextmanager
def _locked(folder: Path, report: Callable[[str], None]) -> Iterator[int]:
    """Holds the folder for one run at a time; the lock ends with the last process that has the descriptor."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("waiting for another run that is making the demo here …")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _verify(layout: _Layout) -> None:
    """Refuses a registry that the demo did not make, made elsewhere, or whose models have gone."""
    try:
        record = json.loads(layout.record.read_text(encoding="utf-8"))
        made_in, models = Path(record["folder"]), [layout.folder / model for model in record["models"]]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        raise DemoError(f"`{layout.database}` was not made by the demo", "name another folder for the demo") from None
    leftovers = ", ".join(f"`{path}`" for path in (layout.config, layout.artifacts, layout.database))
    remedy = f"remove {leftovers}, and the demo is made again"
    if made_in != layout.folder:
        raise DemoError(f"the demo in `{layout.folder}` was made in `{made_in}` and works only there", remedy)
    for model in models:
        if not model.is_file():
            raise DemoError(f"the demo in `{layout.folder}` is incomplete: `{model}` is missing", remedy)


def _make(layout: _Layout, report: Callable[[str], None], lock: int) -> None:
    if layout.unfinished.exists():
        # The trace of a run that ended half-way. No run begins beside artifacts, so those that are there are its own.
        shutil.rmtree(layout.artifacts, ignore_errors=True)
        for file in layout.folder.glob(f"{layout.unfinished.name}*"):
            file.unlink()
    elif layout.artifacts.exists():
        raise DemoError(f"`{layout.artifacts}` was not made by the demo", "move it away, or name another folder")
    layout.unfinished.touch()
    report("making the demo's models, once …")
    _train(layout, report, lock)
    models = sorted(str(file.relative_to(layout.folder)) for file in layout.artifacts.rglob("MLmodel"))
    _write_whole(layout.record, json.dumps({"folder": str(layout.folder), "models": models}, indent=2) + "\n")
    layout.unfinished.rename(layout.database)


def _train(layout: _Layout, report: Callable[[str], None], lock: int) -> None:
    # -P keeps the working directory off the import path: a stray `mlflow.py` there must not be taken for MLflow.
    command = [sys.executable, "-P", "-m", "rulegate.demo.train", str(layout.unfinished), str(layout.artifacts)]
    with (
        layout.log.open("w", encoding="utf-8") as log,
        subprocess.Popen(  # noqa: S603 - our own module under our own interpreter
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            encoding="utf-8",
            env=_training_environment(),
            pass_fds=(lock,),  # a training that outlives this process keeps the folder to itself until it ends
        ) as training,
    ):
        try:
            for line in training.stdout or ():
                report(line.rstrip("\n"))
        except BaseException:
            training.kill()
            raise
    if training.returncode != 0:
        raise DemoError(
            f"training the demo's models failed: {_last_words(layout.log, training.returncode)}",
            f"the whole story is in `{layout.log}`",
        )
    layout.log.unlink()


def _training_environment() -> dict[str, str]:
    """The caller's environment without what would lead MLflow to another registry, or onto the network."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "_MLFLOW_"))}
    return kept | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GIT_PYTHON_REFRESH": "quiet",  # MLflow looks for git; a machine without one needs no warning
        "PYTHONIOENCODING": "utf-8",
    }


def _last_words(log: Path, returncode: int) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if returncode < 0 or not lines:
        return f"signal {-returncode} ended it" if returncode < 0 else f"exit code {returncode}"
    return lines[-1]


def _quoted(text: str) -> str:
    """The text as a double-quoted YAML scalar, which takes all that JSON does."""
    return json.dumps(text, ensure_ascii=False)


def _write_whole(path: Path, text: str) -> None:
    """Writes a file that is there either whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
