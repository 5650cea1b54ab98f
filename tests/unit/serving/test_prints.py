"""What models print reaches the log, unless it is more than a log can take; whoever prints never waits for the log."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time

import pytest

from rulegate.log import GatheredLines, Lines, set_up
from rulegate.serving.mlflow.prints import BURST_BYTES, BYTES_PER_S, LONGEST_LINE_BYTES, LONGEST_WAIT_S, Prints


@pytest.fixture
def log(tmp_path):
    """A JSON log, as the gateway has one; its records so far."""
    before = logging.getLogger().handlers[:], logging.getLogger().level
    target = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    set_up(Lines("json", target))
    yield lambda: [json.loads(line) for line in (tmp_path / "log").read_text().splitlines(True) if line.endswith("\n")]
    logging.getLogger().handlers[:], logging.getLogger().level = before
    os.close(target)


def print_through(*, data: bytes, model: str = "models:/m/1", prints: Prints | None = None) -> None:
    through = prints or Prints()
    with os.fdopen(through.open({"model": model}), "wb") as printer:
        printer.write(data)
    if prints is None:
        through.close(timeout_s=30)


def wait_until(what) -> None:
    until_s = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until_s, "waited in vain"
        threading.Event().wait(0.01)


def texts(records) -> list[str]:
    return [record["text"] for record in records if record["event"] == "printed"]


def test_each_line_is_a_record_that_names_its_model(log):
    print_through(data=b"a word\n\nand \xff another\nwithout an end")
    assert [(record["level"], record["model"], record["text"]) for record in log()] == [
        ("info", "models:/m/1", "a word"),
        ("info", "models:/m/1", "and \\xff another"),
        ("info", "models:/m/1", "without an end"),
    ]


def test_lines_of_several_models_do_not_mix(log):
    prints = Prints()
    with contextlib.ExitStack() as held:
        open_one = lambda name: held.enter_context(os.fdopen(prints.open({"model": name}), "wb", buffering=0))  # noqa: E731
        one, other = open_one("one"), open_one("other")
        for printer in (one, other) * 3:
            printer.write(b"half a line, ")
        one.write(b"end\n")
        other.write(b"end\n")
    prints.close(timeout_s=30)
    assert {record["model"]: record["text"] for record in log()} == dict.fromkeys(
        ("one", "other"), 3 * "half a line, " + "end"
    )
    assert len(log()) == 2


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_of_a_long_line_the_beginning_is_logged_and_how_much_is_left_out(log, end):
    print_through(data=b"x" * LONGEST_LINE_BYTES + end)
    print_through(data=b"x" * (LONGEST_LINE_BYTES + 3_000_000) + end)
    assert texts(log()) == [
        "x" * LONGEST_LINE_BYTES,
        "x" * LONGEST_LINE_BYTES + "… 3000000 bytes are left out",
    ]


def test_a_long_line_is_not_cut_within_a_character(log):
    print_through(data="€".encode() * LONGEST_LINE_BYTES)
    whole = LONGEST_LINE_BYTES // 3
    assert texts(log()) == ["€" * whole + f"… {3 * (LONGEST_LINE_BYTES - whole)} bytes are left out"]


def test_long_lines_do_not_use_up_what_all_models_may_print_together(log):
    prints = Prints()
    for _ in range(20):
        print_through(data=b"x" * 1_000_000 + b"\n", prints=prints)
    print_through(data=b"a word\n", model="models:/other/1", prints=prints)
    prints.close(timeout_s=30)
    assert len(texts(log())) == 21
    assert "a word" in texts(log())


def test_bytes_that_are_no_text_are_escaped_in_one_way(log):
    print_through(data=b"\xff and \0, but \xc3\xa4 and \t\n")
    assert texts(log()) == ["\\xff and \\x00, but ä and \t"]


def test_what_a_model_prints_cannot_look_like_a_record_of_the_gateways(log):
    print_through(data=b'{"event": "request", "level": "error"}\n')
    (record,) = log()
    assert (record["event"], record["level"]) == ("printed", "info")


@pytest.mark.parametrize("line", [b"x" * 1023 + b"\n", b"x\n", b"\0" * 100 + b"\n"])
def test_a_flood_is_cut_and_the_log_says_so(log, tmp_path, line):
    begin = time.monotonic()
    print_through(data=line * (16 * BURST_BYTES // len(line)))
    took_s = time.monotonic() - begin
    # The line that uses it up may be six times as long when it is written.
    assert (tmp_path / "log").stat().st_size <= BURST_BYTES + took_s * BYTES_PER_S + 6 * LONGEST_LINE_BYTES
    events = [record["event"] for record in log()]
    assert any("is left out" in event for event in events)
    assert any("are left out" in event for event in events), "how much is said in the end"


def test_what_has_come_of_a_line_is_logged_in_time_though_it_does_not_end(log):
    now_s = 100.0
    prints = Prints(clock=lambda: now_s)
    with contextlib.ExitStack() as held:
        open_one = lambda name: held.enter_context(os.fdopen(prints.open({"model": name}), "wb", buffering=0))  # noqa: E731
        hanging, other = open_one("hanging"), open_one("other")
        hanging.write(b"connecting to ")
        other.write(b"one\n")
        wait_until(lambda: texts(log()) == ["one"])
        now_s += LONGEST_WAIT_S
        other.write(b"two\n")
        wait_until(lambda: sorted(texts(log())) == ["connecting to ", "one", "two"])
        hanging.write(b"nowhere\n")
        wait_until(lambda: texts(log())[-1] == "nowhere")
    prints.close(timeout_s=30)


def test_a_model_that_reads_back_what_it_has_printed_holds_up_nobody():
    """Also if it does so between the moment that there is something and the moment that it is taken."""
    texts_logged, held, go_on = [], threading.Semaphore(0), threading.Semaphore(0)

    class Holding(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts_logged.append(record.facts["text"])
            if record.facts["text"] == "hold":
                held.release()
                go_on.acquire()

    handler, logger = Holding(), logging.getLogger("rulegate.prints")
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    try:
        prints = Prints()
        with contextlib.ExitStack() as opened:
            printers = [
                opened.enter_context(os.fdopen(prints.open({"model": f"{n}"}), "wb", buffering=0)) for n in "ab"
            ]
            printers[0].write(b"hold\n")
            assert held.acquire(timeout=30)
            # While it is held up both have something; then the first holds it up again, and the second takes it back.
            for printer, text in zip(printers, (b"hold\n", b"gone\n"), strict=True):
                printer.write(text)
            go_on.release()
            assert held.acquire(timeout=30)
            with open(f"/proc/self/fd/{printers[1].fileno()}", "rb", buffering=0) as own:
                assert own.read(100) == b"gone\n"
            go_on.release()
            printers[0].write(b"after\n")
            wait_until(lambda: texts_logged == ["hold", "hold", "after"])
        prints.close(timeout_s=30)
    finally:
        logger.removeHandler(handler)
        logger.level = level


def test_a_log_that_nobody_reads_holds_up_no_model(log):
    read_end, write_end = os.pipe()
    gathered = GatheredLines(Lines("json", write_end), gather_s=0.0)
    set_up(gathered)
    # More than both pipes hold. Whoever printed it would wait for ever.
    printing = threading.Thread(target=print_through, kwargs={"data": (b"x" * 99 + b"\n") * 10_000}, daemon=True)
    printing.start()
    printing.join(30)
    assert not printing.is_alive()
    reading = threading.Thread(target=lambda: all(iter(lambda: os.read(read_end, 65536), b"")))
    reading.start()
    gathered.close()
    os.close(write_end)
    reading.join()
    os.close(read_end)


def test_what_is_left_out_is_counted_by_model_to_the_byte(log):
    prints = Prints()
    line = b"x" * 999 + b"\n"
    for model in ("one", "other"):
        print_through(data=line * 20_000, model=model, prints=prints)
    prints.close(timeout_s=30)
    for model in ("one", "other"):
        records = [record for record in log() if record["model"] == model]
        left_out = sum(int(record["event"].split()[0]) for record in records if "are left out" in record["event"])
        # Of what is taken line by line, the ends of lines are not counted; of what is not, they are.
        assert left_out > 0
        assert 999 * 20_000 <= left_out + 999 * len(texts(records)) <= 1000 * 20_000


def test_a_model_that_prints_without_end_takes_no_line_of_another(log):
    """Also not of one that begins to print after it, nor of several that do."""
    prints, over = Prints(), threading.Event()

    def flood() -> None:
        with os.fdopen(prints.open({"model": "noisy"}), "wb", buffering=0) as printer:
            while not over.is_set():
                printer.write(b"x\n" * 30_000)

    def quiet(model: str) -> None:
        for number in range(20):
            print_through(data=f"line {number} of {model}\n".encode() * 20, model=model, prints=prints)

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        wait_until(lambda: any("is left out" in record["event"] for record in log()))
        talking = [threading.Thread(target=quiet, args=(f"quiet-{number}",)) for number in range(5)]
        for thread in talking:
            thread.start()
        for thread in talking:
            thread.join()
    finally:
        over.set()
        flooding.join()
        prints.close(timeout_s=30)
    for model in (f"quiet-{number}" for number in range(5)):
        records = [record for record in log() if record["model"] == model]
        assert texts(records) == [f"line {number} of {model}" for number in range(20) for _ in range(20)]
        assert len(texts(records)) == len(records), "nobody says that it prints too much"


def test_processes_of_one_model_have_one_part_together(log, tmp_path):
    begin = time.monotonic()
    prints = Prints()
    for _ in range(4):
        print_through(data=(b"x" * 1023 + b"\n") * 8 * 1024, prints=prints)
    prints.close(timeout_s=30)
    took_s = time.monotonic() - begin
    assert (tmp_path / "log").stat().st_size <= BURST_BYTES + took_s * BYTES_PER_S + 6 * LONGEST_LINE_BYTES


def test_the_thread_and_the_descriptors_are_given_back(log):
    before = len(os.listdir("/proc/self/fd"))
    prints = Prints()
    for _ in range(100):
        print_through(data=b"x", prints=prints)
    prints.close(timeout_s=30)
    assert len(os.listdir("/proc/self/fd")) == before
    assert not [thread for thread in threading.enumerate() if thread.name == "prints"]


def test_the_end_does_not_wait_for_who_could_still_print(log):
    prints = Prints()
    kept = prints.open({"model": "models:/m/1"})
    os.write(kept, b"the last word\n")
    prints.close(timeout_s=0.1)
    assert texts(log()) == ["the last word"]
    assert not [thread for thread in threading.enumerate() if thread.name == "prints"]
    os.close(kept)
