"""What outlives the worker process: the wish that it reload, and the last configuration that it found good."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import select
from dataclasses import asdict, dataclass

_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Good:
    """A configuration that a worker has answered by.

    Attributes:
        text: What stood in the file; variables of the environment stand there by name.
        request_timeout_s: How long its requests may take, which bounds how long the worker takes to end.
    """

    text: str
    request_timeout_s: float


class Handover:
    """Made before the worker is forked, and shared with it and those that replace it.

    Both parts live in the kernel, so that neither a worker that is killed nor a reader that finds it at work can wait
    for the other. Safe to use from many threads and from signal handlers.
    """

    def __init__(self) -> None:
        self._wish = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._good = os.memfd_create("configuration", os.MFD_CLOEXEC)

    def wish(self) -> None:
        """Has `wait` return, once however often this is called before."""
        # It would fail only after 2**64 wishes that nobody has heard.
        os.eventfd_write(self._wish, 1)

    def wait(self, timeout_s: float | None) -> bool:
        """Waits for a wish; whether there was one within ``timeout_s`` (None: however long it takes)."""
        poll = select.poll()
        poll.register(self._wish, select.POLLIN)
        poll.poll(None if timeout_s is None else timeout_s * 1000)
        with contextlib.suppress(BlockingIOError):
            return os.eventfd_read(self._wish) > 0
        return False

    def keep(self, good: Good) -> None:
        """Keeps a configuration in place of the one before."""
        content = json.dumps(asdict(good)).encode()
        content = hashlib.sha256(content).digest() + content
        os.pwrite(self._good, content, 0)
        os.ftruncate(self._good, len(content))

    def good(self) -> Good | None:
        """What was kept last; None if nothing was, or a worker was killed while it did."""
        content = os.pread(self._good, os.fstat(self._good).st_size, 0)
        digest, content = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        return Good(**json.loads(content)) if hashlib.sha256(content).digest() == digest else None
