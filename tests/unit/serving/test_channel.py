"""Many callers share one channel: each gets its own answer, and the end of the process reaches all."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rulegate import waiting
from rulegate.http_server import new_loop
from rulegate.serving.channel import CallTimeout, Channel, ChannelClosed
from rulegate.serving.frames import Frame, Kind, open_stream, read_frame, write_frame
from rulegate.serving.wires import UNSENT_BYTES


@pytest.fixture(scope="module", params=["a thread", "a loop"])
def loop(request) -> Iterator[asyncio.AbstractEventLoop | None]:
    """What reads the channel's socket: a running event loop, or None for a thread of the channel's own."""
    if request.param == "a thread":
        yield None
        return
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def channel_to(loop):
    """Makes a channel whose other end `peer(socket, stream)` serves."""
    return functools.partial(_channel_to, loop)


@contextlib.contextmanager
def _channel_to(loop, peer) -> Iterator[tuple[Channel, threading.Event]]:
    """The channel, and an event that is set when it has closed."""
    ours, theirs = socket.socketpair()
    closed = threading.Event()
    channel = Channel(ours, name="test", on_close=closed.set, loop=loop)

    def serve() -> None:
        with theirs, open_stream(theirs) as stream, contextlib.suppress(OSError):
            peer(theirs, stream)

    thread = threading.Thread(target=serve)
    thread.start()
    yield channel, closed
    channel.close()
    thread.join()
    assert closed.wait(10)


def in_reverse(sock, stream) -> None:
    """Answers with the body that it got, ten requests at a time, the last first."""
    batch = []
    while (frame := read_frame(stream)) is not None:
        batch.append(frame)
        if len(batch) == 10:
            for asked in reversed(batch):
                write_frame(sock, Frame(asked.request_id, Kind.RESULT, asked.meta, asked.body))
            batch.clear()


def silent(_sock, stream) -> None:
    while read_frame(stream) is not None:
        pass


def test_each_caller_gets_its_own_answer_in_whatever_order_they_come(channel_to):
    with channel_to(in_reverse) as (channel, _), ThreadPoolExecutor(10) as threads:
        bodies = [bytes([i]) * (i * 1000) for i in range(200)]
        answers = threads.map(lambda body: channel.call(Kind.PREDICT, "m", body, timeout_s=10).body, bodies)
        assert list(answers) == bodies


def test_a_call_without_an_answer_ends_in_time_and_the_channel_goes_on(channel_to):
    with channel_to(silent) as (channel, closed):
        for _ in range(3):
            with pytest.raises(CallTimeout):
                channel.call(Kind.PREDICT, timeout_s=0.01)
        assert not closed.is_set()


def test_a_late_answer_is_dropped(channel_to):
    late = threading.Event()

    def first_late(sock, stream) -> None:
        first, second = read_frame(stream), read_frame(stream)
        late.wait(10)
        for frame in (first, second):
            write_frame(sock, Frame(frame.request_id, Kind.RESULT, body=frame.body))

    with channel_to(first_late) as (channel, _), ThreadPoolExecutor(1) as threads:
        with pytest.raises(CallTimeout):
            channel.call(Kind.PREDICT, body=b"first", timeout_s=0.01)
        second = threads.submit(channel.call, Kind.PREDICT, body=b"second", timeout_s=10)
        late.set()
        assert second.result().body == b"second"


def test_silence_lasts_from_one_unanswered_request_to_the_next_until_all_are_answered(channel_to):
    """A process that is stuck is told from one that is idle also where its callers give up one after the other."""
    recover = threading.Event()

    def stuck_at_first(sock, stream) -> None:
        frames = [read_frame(stream) for _ in range(3)]
        recover.wait(10)
        for frame in [*frames, read_frame(stream)]:
            write_frame(sock, Frame(frame.request_id, Kind.RESULT))
        silent(sock, stream)

    with channel_to(stuck_at_first) as (channel, _):
        begin_s = time.monotonic()
        for _ in range(3):
            with pytest.raises(CallTimeout):
                channel.call(Kind.PREDICT, timeout_s=0.02)
        assert channel.silent_s() >= 0.06
        recover.set()
        channel.call(Kind.PREDICT, timeout_s=10)
        recovered_s = time.monotonic() - begin_s
        with pytest.raises(CallTimeout):
            channel.call(Kind.PREDICT, timeout_s=0)
        assert channel.silent_s() <= time.monotonic() - begin_s - recovered_s


@pytest.mark.parametrize("by", ["the peer", "us"])
def test_the_end_reaches_every_call_in_flight(channel_to, by):
    arrived = threading.Barrier(2)
    leave = threading.Event()

    def leaves(_sock, stream) -> None:
        for _ in range(5):
            read_frame(stream)
        arrived.wait(10)
        if by == "us":
            silent(_sock, stream)
        leave.wait(10)

    with channel_to(leaves) as (channel, closed), ThreadPoolExecutor(5) as threads:
        calls = [threads.submit(channel.call, Kind.PREDICT, timeout_s=30) for _ in range(5)]
        arrived.wait(10)
        leave.set()
        if by == "us":
            channel.close()
        for call in calls:
            assert isinstance(call.exception(), ChannelClosed)
        assert closed.wait(10)
        with pytest.raises(ChannelClosed):
            channel.call(Kind.PREDICT, timeout_s=1)


def test_a_peer_that_speaks_nonsense_is_gone(channel_to):
    def nonsense(sock, stream) -> None:
        read_frame(stream)
        sock.sendall(b"\xff" * 100)

    with channel_to(nonsense) as (channel, _), pytest.raises(ChannelClosed):
        channel.call(Kind.PREDICT, timeout_s=10)


def in_parts(sock, stream) -> None:
    """Answers each request with as many parts as its body says, and then with what it was told meanwhile."""
    while (frame := read_frame(stream)) is not None:
        for number in range(int(frame.body)):
            write_frame(sock, Frame(frame.request_id, Kind.PART, "", str(number).encode()))
        told = read_frame(stream)
        write_frame(sock, Frame(told.request_id, Kind.RESULT, told.meta))


def test_an_exchange_takes_all_that_comes_for_its_request(channel_to):
    with channel_to(in_parts) as (channel, _):
        exchange = channel.exchange()
        exchange.send(Kind.PREDICT, "m", b"3", timeout_s=10)
        assert [exchange.receive(timeout_s=10).body for _ in range(3)] == [b"0", b"1", b"2"]
        exchange.send(Kind.MORE, "16", timeout_s=10)
        end = exchange.receive(timeout_s=10)
        assert (end.kind, end.meta) == (Kind.RESULT, "16")
        with pytest.raises(CallTimeout):
            exchange.receive(timeout_s=0)
        exchange.close()
        exchange.close()


def test_what_comes_for_a_closed_exchange_is_dropped(channel_to):
    with channel_to(in_parts) as (channel, _):
        dropped, kept = channel.exchange(), channel.exchange()
        dropped.send(Kind.PREDICT, "m", b"100", timeout_s=10)
        dropped.close()
        kept.send(Kind.MORE, "kept", timeout_s=10)
        assert kept.receive(timeout_s=10).meta == "kept"
        kept.close()


def test_the_end_of_the_process_is_known_before_a_caller_hears_of_it(channel_to):
    """A caller who asks again at once does not ask the same process."""

    def gone(_sock, stream) -> None:
        read_frame(stream)

    with channel_to(gone) as (channel, closed):
        with pytest.raises(ChannelClosed):
            channel.call(Kind.PREDICT, timeout_s=10)
        assert closed.is_set()


def test_who_hears_of_the_end_hears_of_it_after_the_channels_owner(loop):
    """So who asks again at once is not sent to the same process."""
    ours, theirs = socket.socketpair()
    told = threading.Event()

    def on_close() -> None:
        threading.Event().wait(0.05)
        told.set()

    channel = Channel(ours, name="test", on_close=on_close, loop=loop)
    theirs.close()
    for _ in range(20):
        with pytest.raises(ChannelClosed):
            channel.call(Kind.PREDICT, timeout_s=10)
        assert told.is_set()


def in_loop(loop, *works):
    """What the works return or raise that a loop runs together, each without a thread of its own."""

    async def together():
        with ThreadPoolExecutor(4) as threads:
            return await asyncio.gather(*(waiting.run(work, threads) for work in works), return_exceptions=True)

    return asyncio.run_coroutine_threadsafe(together(), loop).result(60)


@pytest.fixture
def running(loop):
    if loop is None:
        pytest.skip("requests without threads need a loop")
    return loop


def test_requests_without_threads_get_their_own_answers(running, channel_to):
    bodies = [bytes([i]) * (i * 1000) for i in range(200)]
    with channel_to(in_reverse) as (channel, _):

        def ask(body: bytes) -> bytes:
            return channel.call(Kind.PREDICT, "m", body, timeout_s=10).body

        assert in_loop(running, *(functools.partial(ask, body) for body in bodies)) == bodies


def test_a_request_without_a_thread_waits_for_its_answer_no_longer_than_it_may(running, channel_to):
    with channel_to(silent) as (channel, _):
        failures = in_loop(running, *[functools.partial(channel.call, Kind.PREDICT, timeout_s=0.02)] * 20)
        assert {type(failure) for failure in failures} == {CallTimeout}


def test_the_end_reaches_requests_without_threads(running, channel_to):
    def gone(_sock, stream) -> None:
        for _ in range(20):
            read_frame(stream)

    with channel_to(gone) as (channel, _):
        failures = in_loop(running, *[functools.partial(channel.call, Kind.PREDICT, timeout_s=30)] * 20)
        assert {type(failure) for failure in failures} == {ChannelClosed}


@pytest.mark.parametrize("with_thread", [True, False])
def test_who_sends_to_a_process_that_reads_nothing_waits_no_longer_than_it_may(channel_to, loop, with_thread):
    awake = threading.Event()

    def asleep(sock, stream) -> None:
        awake.wait(30)
        while (frame := read_frame(stream)) is not None:
            write_frame(sock, Frame(frame.request_id, Kind.RESULT, body=frame.body[:1]))

    if loop is None and not with_thread:
        pytest.skip("requests without threads need a loop")
    with channel_to(asleep) as (channel, _):

        def ask(timeout_s: float) -> bytes:
            return channel.call(Kind.PREDICT, body=b"x" * 2 * UNSENT_BYTES, timeout_s=timeout_s).body

        def run(timeout_s: float):
            if with_thread:
                with ThreadPoolExecutor(1) as threads:
                    return threads.submit(ask, timeout_s).exception()
            return in_loop(loop, functools.partial(ask, timeout_s))[0]

        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(ask, 30)
            for _ in range(3):
                assert isinstance(run(0.05), CallTimeout)
            awake.set()
            assert first.result() == b"x"
        assert ask(30) == b"x"


def test_a_process_that_reads_again_gets_every_frame_whole_that_was_begun_and_no_other(channel_to):
    """No frame is cut in two because its sender had no more time, and none that was given up counts as unanswered."""
    large = bytes(range(256)) * 40_000
    recover = threading.Event()
    read: list[bytes] = []

    def stuck(sock, stream) -> None:
        recover.wait(10)
        while (frame := read_frame(stream)) is not None:
            read.append(frame.body)
            write_frame(sock, Frame(frame.request_id, Kind.RESULT, body=frame.body))

    with channel_to(stuck) as (channel, _):
        for body in (large, b"not begun", b"nor this"):
            begin_s = time.monotonic()
            with pytest.raises(CallTimeout):
                channel.call(Kind.PREDICT, body=body, timeout_s=0.05)
            assert time.monotonic() - begin_s < 5
        assert channel.silent_s() >= 0.15
        recover.set()
        assert channel.call(Kind.PREDICT, body=b"last", timeout_s=10).body == b"last"
        assert not channel._owed
    assert read == [large, b"last"]


def test_the_end_wakes_a_caller_whom_nobody_reads(channel_to):
    def leaves(_sock, stream) -> None:
        stream.read(1)

    with channel_to(leaves) as (channel, _), pytest.raises(ChannelClosed):
        channel.call(Kind.PREDICT, body=bytes(10_000_000), timeout_s=30)


def test_who_made_the_socket_can_hang_up_though_the_other_end_stays_open(loop):
    """As something does that the process has started before it ended. What it has sent before arrives."""
    ours, theirs = socket.socketpair()
    closed = threading.Event()
    channel = Channel(ours, name="test", on_close=closed.set, loop=loop)
    with theirs, open_stream(theirs) as stream, ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(channel.call, Kind.PREDICT, timeout_s=30) for _ in range(2)]
        first, _ = read_frame(stream), read_frame(stream)
        write_frame(theirs, Frame(first.request_id, Kind.RESULT, body=bytes(100_000)))
        ours.shutdown(socket.SHUT_RDWR)
        assert closed.wait(10)
        outcomes = [call.exception() or len(call.result().body) for call in calls]
    assert 100_000 in outcomes
    assert any(isinstance(outcome, ChannelClosed) for outcome in outcomes)
