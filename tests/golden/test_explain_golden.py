"""What ``rulegate explain`` prints, word for word: each file is a command, its output and its exit code.

After a deliberate change of the wording, run this file with ``RULEGATE_WRITE_GOLDEN=1`` and read the difference.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from rulegate.cli import main

CASES = sorted((Path(__file__).parent / "explain").glob("*.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_an_explanation_reads_word_for_word(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case.parent)
    command = case.read_text(encoding="utf-8").partition("\n")[0]
    _, _, *arguments = shlex.split(command)
    done = CliRunner().invoke(main, arguments, prog_name="rulegate")
    assert done.exception is None or isinstance(done.exception, SystemExit)
    transcript = f"{command}\n{done.output}exit code: {done.exit_code}\n"
    if os.environ.get("RULEGATE_WRITE_GOLDEN"):
        case.write_text(transcript, encoding="utf-8")
    assert transcript == case.read_text(encoding="utf-8")


def test_the_documents_show_such_a_transcript() -> None:
    documents = Path(__file__).parents[2] / "docs"
    shown = re.findall(
        r"^```console\n(.*?)^```", (documents / "explain.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    transcripts = [case.read_text(encoding="utf-8").rpartition("exit code:")[0] for case in CASES]
    assert len(shown) == 1
    assert shown[0] in transcripts
