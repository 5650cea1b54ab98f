"""What is written as frames is read as the same frames; anything else is refused."""

from __future__ import annotations

import contextlib
import io
import queue
import socket
import threading
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rulegate.serving.frames import (
    Arrivals,
    BrokenFrame,
    Decoder,
    Frame,
    Kind,
    encoded,
    open_stream,
    read_frame,
    write_frame,
)

frames = st.builds(
    Frame,
    st.integers(0, 2**64 - 1),
    st.sampled_from(Kind),
    st.text(st.characters(codec="utf-8")),
    st.binary() | st.integers(0, 300_000).map(bytes),
    st.integers(0, 2**16 - 1),
)


@contextlib.contextmanager
def connected():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@given(st.lists(frames, max_size=5), st.booleans())
def test_frames_arrive_as_they_were_sent_apart_and_at_once(sent, at_once):
    with connected() as (ours, theirs):

        def send() -> None:
            for together in [sent] if at_once else [[frame] for frame in sent]:
                write_frame(theirs, *together)
            theirs.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        with open_stream(ours) as stream:
            assert list(iter(lambda: read_frame(stream), None)) == sent
        sender.join()


def written(frame: Frame) -> bytes:
    with connected() as (ours, theirs):
        write_frame(theirs, frame)
        theirs.shutdown(socket.SHUT_WR)
        with ours.makefile("rb") as stream:
            return stream.read()


@given(
    st.builds(Frame, st.integers(0, 9), st.sampled_from(Kind), st.text(max_size=9), st.binary(max_size=9)), st.data()
)
def test_a_frame_that_is_cut_short_is_refused(frame, data):
    whole = written(frame)
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(BrokenFrame):
        read_frame(io.BytesIO(whole[:cut]))


small_frames = st.builds(Frame, st.integers(0, 9), st.sampled_from(Kind), st.text(max_size=9), st.binary(max_size=99))


@given(st.lists(small_frames, max_size=6), st.data())
def test_frames_are_the_same_in_whatever_pieces_they_come(sent, data):
    whole = b"".join(encoded(*sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    decoder = Decoder()
    pieces = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    came = [frame for piece in pieces for frame in decoder.feed(piece)]
    assert came == sent
    assert decoder.feed(whole) == sent, "nothing of them is left behind"


@given(st.binary(max_size=64), st.binary(max_size=64))
@example(bytes(15) + b"\x80" + bytes(7), b"")
def test_any_bytes_are_frames_the_begin_of_one_or_refused(noise, more):
    decoder = Decoder()
    with contextlib.suppress(BrokenFrame):
        decoder.feed(noise)
        decoder.feed(more)


@given(st.binary(max_size=64))
@example(bytes(15) + b"\x80" + bytes(7))
def test_any_bytes_are_a_frame_the_end_or_refused(noise):
    with contextlib.suppress(BrokenFrame):
        read_frame(io.BytesIO(noise))


@pytest.mark.parametrize("meta", ["", "[1]", "nonsense"])
def test_facts_are_an_object(meta):
    with pytest.raises(BrokenFrame):
        Frame(1, Kind.RESULT, meta).facts()


@given(st.lists(small_frames, max_size=6))
def test_frames_that_have_arrived_are_taken_one_by_one_until_no_more_will_come(sent):
    with connected() as (ours, theirs):
        arrivals = Arrivals(ours)
        write_frame(theirs, *sent)
        assert [arrivals.get(timeout=0) for _ in sent] == sent
        with pytest.raises(queue.Empty):
            arrivals.get(timeout=0)
        write_frame(theirs, *sent)
        theirs.shutdown(socket.SHUT_WR)
        assert [arrivals.get() for _ in sent] == sent
        for timeout in (None, 0, 10):
            with pytest.raises(EOFError):
                arrivals.get(timeout=timeout)


def test_a_frame_is_waited_for_no_longer_than_it_may_be():
    with connected() as (ours, theirs):
        arrivals = Arrivals(ours)
        begin_s = time.monotonic()
        with pytest.raises(queue.Empty):
            arrivals.get(timeout=0.05)
        assert time.monotonic() - begin_s >= 0.05
        frame = Frame(1, Kind.RESULT, "m", b"body")
        whole = b"".join(encoded(frame))
        sender = threading.Thread(target=lambda: [theirs.sendall(whole[:9]), theirs.sendall(whole[9:])])
        sender.start()
        assert arrivals.get(timeout=30) == frame
        sender.join()
