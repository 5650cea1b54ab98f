"""Load on a server from many connections at once, by `wrk`, which leaves nearly all of the processor to the server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers import NoAnswer

REQUEST_TIMEOUT_S = 30

_SCRIPT = """\
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = [==[%s]==]
function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"requests": %%d, "duration_us": %%d, "p50_us": %%d, "p99_us": %%d, "failures": %%d}\\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What a server did under load.

    Attributes:
        rate: Answers a second, the failed ones not counted.
        p50_ms: Half of the requests took at most so long.
        p99_ms: All but one in a hundred took at most so long.
        failures: Requests that were not answered, or not with success.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    failures: int


def drive(port: int, path: str, body: bytes, *, connections: int, seconds: int, folder: Path) -> Load:
    """Posts one JSON body for so long over so many connections, on each as soon as the last answer is there.

    Args:
        port: Of 127.0.0.1.
        path: What to post to.
        body: Has no ``]==]`` in it.
        connections: Kept alive.
        seconds: A whole number of them.
        folder: Scratch space.

    Raises:
        NoAnswer: If there is nothing to connect to.
    """
    script = folder / "load.lua"
    script.write_text(_SCRIPT % body.decode())
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={REQUEST_TIMEOUT_S}s", "-s", str(script)]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], check=False, capture_output=True, text=True, timeout=seconds + 60
    )
    if done.returncode != 0:
        raise NoAnswer(f"wrk ended with exit code {done.returncode}: {done.stdout}{done.stderr}")
    facts = json.loads(done.stdout.splitlines()[-1])
    answered = facts["requests"] - facts["failures"]
    return Load(answered * 1e6 / facts["duration_us"], facts["p50_us"] / 1e3, facts["p99_us"] / 1e3, facts["failures"])


def require_wrk() -> None:
    """Ends the benchmark with a hint where there is no `wrk`."""
    if shutil.which("wrk") is None:
        sys.exit("error: this benchmark needs wrk (on Debian: apt-get install wrk)")
