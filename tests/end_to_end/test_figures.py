"""What the pool counts, of real processes: who runs, what it holds, and how many requests each prediction answered."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from rulegate import bootstrap
from rulegate.config import load_config
from rulegate.log import Lines
from rulegate.serving.errors import PredictionFailed
from rulegate.serving.figures import BATCH_SIZES, Unload
from rulegate.serving.resident import State


@pytest.fixture
def pool(registry, helpers, tmp_path, monkeypatch):
    """A gateway's pool, in this process."""
    monkeypatch.setenv("RULEGATE_CACHE", str(tmp_path))
    models = {"rows": "models:/rows/1", "moody": "models:/moody/1"}
    config = load_config(helpers.one_endpoint_a_model(registry["uri"], models))
    sink = os.open(os.devnull, os.O_WRONLY)
    running = bootstrap.start(config, dict(os.environ), Lines("json", sink))
    yield running.pool
    running.close()
    os.close(sink)


def ask(pool, uri: str, column: str, value: object) -> object:
    columns, row = (["a", "b"], [1.0, value]) if column == "b" else ([column], [value])
    body = json.dumps({"dataframe_split": {"columns": columns, "data": [row]}}).encode()
    with pool.lease(uri, timeout_s=60) as lease:
        return json.loads(lease.predict(body, "application/json", timeout_s=60).body)["predictions"][0]


def test_batches_are_counted_by_their_size_whether_they_merge_or_fail(pool):
    ask(pool, "models:/rows/1", "b", 3)
    with pytest.raises(PredictionFailed):
        ask(pool, "models:/rows/1", "c", 3)
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda i: ask(pool, "models:/rows/1", "b", i % 7), range(400)))
    counts = pool.figures().counts["models:/rows/1"]
    assert counts.batched_requests == 402
    assert counts.batches[0] >= 2
    assert sum(counts.batches) < 402, "some have merged"
    smallest = [1, *(size + 1 for size in BATCH_SIZES)]
    counted = list(zip(smallest, BATCH_SIZES, counts.batches, strict=False))
    assert sum(low * n for low, _, n in counted) <= 402 <= sum(high * n for _, high, n in counted)
    assert pool.figures().counts.keys() == {"models:/rows/1"}


def test_a_process_is_known_by_its_number_and_its_death_is_counted(pool, helpers):
    pid = ask(pool, "models:/moody/1", "command", "pid")
    figures = pool.figures()
    (resident,) = figures.residents
    assert (resident.reference, resident.model_uris) == ("models:/moody/1", ("models:/moody/1",))
    assert (resident.state, resident.pids, resident.in_flight) == (State.READY, (pid,), 0)
    assert resident.load_s > 0
    helpers.wait_until(lambda: pool.figures().memory_bytes > 1_000_000)
    os.kill(pid, 9)
    helpers.wait_until(lambda: not pool.figures().residents)
    assert ask(pool, "models:/moody/1", "command", "pid") != pid
    counts = pool.figures().counts["models:/moody/1"]
    assert (counts.loads, counts.deaths, counts.restarts, counts.unloads) == (2, 1, 1, {Unload.DIED: 1})
    assert counts.load_s > resident.load_s
    assert counts.batches[0] == counts.batched_requests == 2
