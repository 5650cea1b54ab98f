"""Lines of the log: one event, one line, whatever is in it."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.log import FACTS, MAX_QUEUED, GatheredLines, Lines, record_what_nobody_catches, set_up


def written(log_format: str, write) -> str:
    read_end, write_end = os.pipe()
    try:
        write(Lines(log_format, write_end))
    finally:
        os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        return stream.read().decode()


@given(st.text(), st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.floats(), max_size=4))
def test_an_event_is_one_json_line_with_the_facts_that_are_known(event, facts):
    line = written("json", lambda lines: lines.write(event, facts))
    assert line.count("\n") == 1
    found = json.loads(line)
    known = {key: value for key, value in facts.items() if value is not None}
    assert found.keys() == {"time", "level", "event"} | known.keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
    assert (found["level"], found["event"]) == ("info", event)


@given(st.text(), st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text()))
def test_an_event_is_one_text_line_but_for_its_detail(event, facts):
    line = written("text", lambda lines: lines.write(event, facts))
    assert line.count("\n") == 1
    assert line.isascii() or line.rstrip("\n").isprintable()


def test_a_detail_takes_further_lines_that_cannot_be_taken_for_events():
    line = written("text", lambda lines: lines.write("failed", {"code": 1, "detail": "one\ntwo"}, level="error"))
    first, *further = line.splitlines()
    assert first.endswith("error failed code=1")
    assert further == ["    one", "    two"]


def test_what_cannot_be_printed_is_escaped_and_nothing_else():
    """In an event, in a fact and in a detail, so that nothing reaches a terminal that it would obey."""
    text = "ä \0 \x1b[2J \udcff \\x"
    shown = "ä \\x00 \\x1b[2J \\udcff \\x"
    line = written("text", lambda lines: lines.write(text, {"fact": text, "detail": text}))
    assert line.rstrip("\n").split(" info ")[1] == f"{shown} fact={shown}\n    {shown}"


@pytest.fixture
def logging_as_it_was():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before, level


def test_records_of_the_logging_module_become_lines(logging_as_it_was):
    def log(lines: Lines) -> None:
        set_up(lines)
        logging.getLogger("x").info("%s is loaded", "m", extra={FACTS: {"seconds": 1}})
        try:
            raise ValueError("what went wrong")
        except ValueError:
            logging.getLogger("x").exception("it failed")

    loaded, failed = (json.loads(line) for line in written("json", log).splitlines())
    assert (loaded["event"], loaded["level"], loaded["seconds"]) == ("m is loaded", "info", 1)
    assert (failed["event"], failed["level"]) == ("it failed", "error")
    assert "ValueError: what went wrong" in failed["detail"]


def test_gathered_events_are_all_written_in_order():
    def write(lines: Lines) -> None:
        gathered = GatheredLines(lines)
        for number in range(400):
            gathered.write("request", {"number": number})
        gathered.close()
        gathered.close()

    found = [json.loads(line) for line in written("json", write).splitlines()]
    assert [line["number"] for line in found] == list(range(400))
    assert {line["event"] for line in found} == {"request"}


def test_a_log_that_nobody_reads_holds_nobody_up_and_what_was_dropped_is_told():
    read_end, write_end = os.pipe()
    gathered = GatheredLines(Lines("json", write_end))
    # More than the pipe and the queue hold together: all are taken at once all the same.
    for number in range(3 * MAX_QUEUED):
        gathered.write("request", {"number": number, "padding": "x" * 100})
    closing = threading.Thread(target=lambda: (gathered.close(), os.close(write_end)))
    closing.start()
    with os.fdopen(read_end, "rb") as stream:
        found = [json.loads(line) for line in stream]
    closing.join()
    kept = [line["number"] for line in found if line["event"] == "request"]
    dropped = sum(line["lines"] for line in found if line["event"] == "log lines were dropped")
    assert kept == sorted(kept)
    assert dropped > 0
    assert len(kept) + dropped == 3 * MAX_QUEUED


def test_records_wait_for_no_log_that_nobody_reads_and_what_is_worse_is_dropped_last(logging_as_it_was):
    read_end, write_end = os.pipe()
    gathered = GatheredLines(Lines("json", write_end), gather_s=0.0)
    set_up(gathered)
    log = logging.getLogger("x")
    for number in range(2 * MAX_QUEUED):
        log.info("%s", "x" * 100, extra={FACTS: {"number": number}})
    log.warning("it matters")
    closing = threading.Thread(target=lambda: (gathered.close(), os.close(write_end)))
    closing.start()
    with os.fdopen(read_end, "rb") as stream:
        found = [json.loads(line) for line in stream]
    closing.join()
    assert [line["event"] for line in found if line["level"] == "warning" and "lines" not in line] == ["it matters"]
    assert sum(line.get("lines", 0) for line in found) + sum("number" in line for line in found) == 2 * MAX_QUEUED


def test_a_record_has_the_level_and_the_time_that_it_had_when_it_is_written_later():
    def write(lines: Lines) -> None:
        gathered = GatheredLines(lines, gather_s=0.0)
        gathered.write("it failed", {}, level="error", at_s=0.5)
        gathered.close()

    assert written("text", write) == "1970-01-01T00:00:00.500Z error it failed\n"


@pytest.fixture
def hooks_as_they_were(logging_as_it_was):
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    with warnings.catch_warnings():
        yield
        logging.captureWarnings(False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = before


def test_what_nobody_catches_and_what_python_warns_of_are_lines_like_all_others(hooks_as_they_were):
    class Ending:
        def __del__(self) -> None:
            raise ValueError("in the end")

    def raises(error: BaseException):
        raise error

    def fail(lines: Lines) -> None:
        set_up(lines)
        record_what_nobody_catches()
        thread = threading.Thread(target=raises, args=(KeyError("what"),), name="a thread")
        leaving = threading.Thread(target=raises, args=(SystemExit(3),))
        for each in (thread, leaving):
            each.start()
            each.join()
        del each
        Ending()
        warnings.simplefilter("always")
        warnings.warn("take care\nof it", UserWarning, stacklevel=1)
        try:
            raises(OSError("for good"))
        except OSError:
            sys.excepthook(*sys.exc_info())

    thread, ending, warning, last = (json.loads(line) for line in written("json", fail).splitlines())
    assert (thread["level"], thread["thread"]) == ("error", "a thread")
    assert "KeyError: 'what'" in thread["detail"]
    assert ending["level"] == "error"
    assert "ValueError: in the end" in ending["detail"]
    assert warning["level"] == "warning"
    assert "UserWarning: take care\nof it" in warning["event"]
    assert last["level"] == "critical"
    assert "OSError: for good" in last["detail"]


def test_the_log_goes_on_when_its_disk_has_room_again_and_tells_what_was_dropped(tmp_path):
    descriptor = os.open("/dev/full", os.O_WRONLY)
    gathered = GatheredLines(Lines("json", descriptor))
    for number in range(3):
        gathered.write("request", {"number": number})
    while gathered._dropped != 3:
        threading.Event().wait(0.001)
    room = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(room, descriptor)
    gathered.write("request", {"number": 3})
    gathered.close()
    os.close(room)
    os.close(descriptor)
    request, dropped = (json.loads(line) for line in (tmp_path / "log").read_text().splitlines())
    assert request["number"] == 3
    assert (dropped["event"], dropped["lines"]) == ("log lines were dropped", 3)


def test_a_line_that_was_cut_off_spoils_no_other():
    """A disk that becomes full takes a part of it first."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    lines = Lines("json", write_end)
    with pytest.raises(BlockingIOError):
        lines.write("long", {"text": "x" * 1_000_000})
    begun = os.read(read_end, 2_000_000)
    assert begun
    lines.write("next", {})
    lines.write("last", {})
    rest, following, last = os.read(read_end, 10_000).split(b"\n")[:3]
    assert rest == b""
    assert [json.loads(line)["event"] for line in (following, last)] == ["next", "last"]
    os.close(read_end)
    os.close(write_end)
