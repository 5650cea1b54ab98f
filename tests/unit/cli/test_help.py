"""`--help` reads as it was meant, for every command."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from rulegate.cli import main


def test_the_list_of_commands_says_what_each_does_in_whole_sentences():
    listed = CliRunner().invoke(main, ["--help"], terminal_width=80).output.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len(main.commands)
    assert all(line.endswith(".") and "..." not in line for line in listed)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_the_help_of_a_command_keeps_its_tables_and_shows_no_markup(command):
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert "\\b" not in result.output
    assert result.output.startswith("Usage: ")
