"""What models print reaches the log, unless it is more than a log can take; whoever prints never waits for the log."""

from __future__ import annotations

import logging
import os
import threading
import time

from rulegate.serving.mlflow.prints import BURST_BYTES, BYTES_PER_S, Prints


def printed_through(tmp_path, data: bytes) -> bytes:
    path = tmp_path / "log"
    target = os.open(path, os.O_WRONLY | os.O_CREAT)
    prints = Prints(target)
    with os.fdopen(os.dup(prints.descriptor), "wb") as model:
        model.write(data)
    prints.close(timeout_s=30)
    os.close(target)
    return path.read_bytes()


def test_a_few_words_arrive_as_they_are(tmp_path):
    assert printed_through(tmp_path, b"a word\nanother\n") == b"a word\nanother\n"


def test_a_flood_is_cut_and_the_log_says_so(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        begin = time.monotonic()
        written = printed_through(tmp_path, b"x" * (16 * BURST_BYTES))
        took_s = time.monotonic() - begin
    assert len(written) <= BURST_BYTES + took_s * BYTES_PER_S
    assert "is left out" in caplog.text


def test_the_thread_and_the_descriptors_are_given_back(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    printed_through(tmp_path, b"x")
    assert len(os.listdir("/proc/self/fd")) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "prints"]
