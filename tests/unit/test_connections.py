"""Connections that nothing is sent to are ended; all others, and what else is open, are left alone."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import threading

import pytest

from rulegate.connections import end_silent


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def pair(listener):
    """A connection: the client's end and ours."""
    with socket.create_connection(listener.getsockname(), timeout=5) as client:
        ours, _ = listener.accept()
        with ours:
            ours.settimeout(5)
            yield client, ours


@pytest.fixture
def no_files():
    """While it is entered, this process can open no more files."""

    @contextlib.contextmanager
    def no_files():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        free = os.open(os.devnull, os.O_RDONLY)
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    return no_files()


def port_of(listener: socket.socket) -> int:
    return listener.getsockname()[1]


def test_a_silent_connection_is_told_that_no_more_comes_and_can_still_be_answered(listener, pair):
    client, ours = pair
    client.sendall(b"POST")
    threading.Event().wait(0.05)
    assert end_silent(port_of(listener), silent_s=0.02) == 1
    assert ours.recv(10) == b"POST"
    assert ours.recv(10) == b"", "the reader wakes"
    ours.sendall(b"400")
    assert client.recv(10) == b"400"


def test_a_connection_that_was_sent_something_lately_is_left_alone(listener, pair):
    client, ours = pair
    ours.sendall(b"answer")
    assert end_silent(port_of(listener), silent_s=30) == 0
    client.sendall(b"next")
    assert ours.recv(10) == b"next"


def test_connections_of_others_are_left_alone(listener, pair):
    threading.Event().wait(0.05)
    assert end_silent(port_of(listener) + 1, silent_s=0.02) == 0


def test_an_answer_that_the_client_does_not_read_is_given_up_at_the_second_look(listener, pair):
    """Nothing more is sent, so that whoever sends it, or waits to, hears of the end."""
    client, ours = pair
    ours.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            ours.send(bytes(1_000_000))
    client.setblocking(False)
    while end_silent(port_of(listener), silent_s=0.02) == 0:
        threading.Event().wait(0.01)
    with pytest.raises(BlockingIOError):
        ours.send(b"more")
    assert end_silent(port_of(listener), silent_s=0.02) == 1
    with pytest.raises(BrokenPipeError):
        ours.send(b"more")


def test_without_a_file_left_to_look_with_nothing_is_ended_and_nothing_raised(listener, pair, no_files):
    threading.Event().wait(0.05)
    with no_files:
        assert end_silent(port_of(listener), silent_s=0.02) == 0
    assert end_silent(port_of(listener), silent_s=0.02) == 1


def test_nothing_is_left_open(listener, pair):
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(10):
        end_silent(port_of(listener), silent_s=30)
    assert len(set(os.listdir("/proc/self/fd"))) == len(before)
