"""The warm parent where the system refuses it something."""

from __future__ import annotations

import errno
import json
import os
import socket

import pytest

from rulegate.serving.mlflow.warm_parent import _Forking


def test_a_system_that_allows_no_more_processes_fails_one_fork_and_not_the_parent(monkeypatch):
    def refuse() -> int:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refuse)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        read_end, write_end = os.pipe()
        forking = _Forking(theirs)
        forking._fork({"fork": "model", "arguments": {}, "model": "m", "token": 7}, read_end, write_end)
        assert json.loads(ours.recv(1000)) == {"refused": errno.EAGAIN, "token": 7}
    for descriptor in (read_end, write_end):
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    for end in (forking._wake_read, forking._wake_write):
        end.close()
