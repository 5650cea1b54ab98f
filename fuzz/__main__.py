"""Runs the fuzzer: `python -m fuzz` for two minutes, from the saved corpus on; what breaks a law ends it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["rulegate.condition"]):
    from fuzz.laws import hold
    from rulegate.condition import vocabulary

CORPUS: Final = Path(__file__).parent / "corpus"
FOUND: Final = Path("build/fuzz-found")
"""Where new texts go, and those that break a law."""

_SYNTAX: Final = (
    *(
        "request.json['a']",
        "external['risk']",
        "external['fraud']",
        "request.headers['X-Tenant']",
        "request.headers.get('a', 'b')",
        "request.args",
        "['a']",
    ),
    *(" and ", " or ", "not ", " in ", " not in ", " is None", " is not None", " if ", " else ", " for x in "),
    *(" == ", " != ", " < ", " <= ", " + ", " - ", " * ", " / ", " // ", " % ", "[0]", "[1:2]", "[::-1]", "(", ")"),
    *("re.search(r'a', ", "ip_in(request.remote_addr, '10.0.0.0/8')", "bucket('a', 100, salt='b')", "now_date('UTC')"),
    *("\\\\u0041", "\\\\x41", "1.5e3", "(?i)", "any(x for x in ", "x[0] > 1", "True", "None", "{'a', 1}", "('a',)"),
)


def main() -> None:
    """Reads the arguments, then hands over to the fuzzer, which ends the process: 0 if nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=120, help="how long (default: %(default)s)")
    parser.add_argument("--save", action="store_true", help="add to the corpus what reaches new code, and do no more")
    options, of_fuzzer = parser.parse_known_args()
    FOUND.mkdir(parents=True, exist_ok=True)
    words = FOUND.with_suffix(".dict")
    words.write_text("\n".join(map(_quoted, [*_SYNTAX, *_names()])), encoding="utf-8")
    # A slow or greedy input ends the run like a broken law; instrumented code is several times slower.
    limits = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=512", f"-artifact_prefix={FOUND}/broken-"]
    work = ["-merge=1", f"{CORPUS}", f"{FOUND}"] if options.save else [f"{FOUND}", f"{CORPUS}"]
    time = [] if options.save else [f"-max_total_time={options.seconds}"]
    # To choose what it saves the fuzzer starts this module again, with all of its own arguments.
    arguments = of_fuzzer or [*limits, *time, f"-dict={words}", *work]
    atheris.Setup([f"{sys.executable} -m fuzz", *arguments], _hold)
    atheris.Fuzz()


def _hold(data: bytes) -> None:
    hold(data.decode("utf-8", "replace"))


def _names() -> list[str]:
    functions = [f"{name}(" for name in vocabulary.FUNCTIONS]
    methods = [f".{name}(" for name in vocabulary.METHODS]
    return [*functions, *methods, *(f"request.{name}" for name in vocabulary.REQUEST_ATTRIBUTES)]


def _quoted(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    main()
