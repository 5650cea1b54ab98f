"""``python -m rulegate`` is the command line."""

from rulegate.cli import main

main(prog_name="rulegate")
