"""Serves the admin port beside the gateway: in a few threads of its own, within limits of its own."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

THREADS: Final = 2
"""Requests that are worked on at once; more of them wait."""

MAX_CONNECTIONS: Final = 32
"""Connections held at once; further ones wait to be accepted."""

MAX_HEADER_BYTES: Final = 32 * 1024
"""The largest head of a request."""

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""The largest body that is received; what the application takes is less, so that it can say so."""

SILENT_S: Final = 30
"""Seconds after which a connection on which nothing happens is closed."""

_OWN_DESCRIPTORS: Final = 2
"""What waitress counts among the connections though it is none: its listening socket, and the pipe that wakes it."""


_log = logging.getLogger("rulegate.admin")

Wsgi = Callable[..., Iterable[bytes]]
"""An application that never raises."""


class Listener:
    """Answers what comes to a listening socket, until it is closed. A request that comes slowly holds no thread.

    What this takes is imported and made in a thread, since nobody who asks the gateway should wait for it; until then,
    who connects waits.

    Args:
        make_application: Makes what answers.
        sock: The listening socket; closed with this.
    """

    def __init__(self, make_application: Callable[[], Wsgi], sock: socket.socket) -> None:
        self._make_application = make_application
        self._sock = sock
        self._server: Any = None
        self._made = threading.Event()
        self._thread = threading.Thread(target=self._run, name="admin port", daemon=True)

    def start(self) -> None:
        """Begins, in threads of its own."""
        self._thread.start()

    def close(self) -> None:
        """Ends every connection at once; what is worked on may end. Safe to call again."""
        self._made.wait()
        if self._server is not None and self._thread.is_alive():
            # Sockets are closed by the thread that waits for them, which ends when none is left. It may be awake, and
            # have closed what wakes it before that is done.
            with contextlib.suppress(OSError):
                self._server.trigger.pull_trigger(self._close)
            self._thread.join()

    def _run(self) -> None:
        try:
            self._server = self._make()
        except Exception:  # noqa: BLE001 - logged whole, and the gateway answers without it
            _log.exception("the admin port cannot be served")
            return
        finally:
            self._made.set()
        self._server.run()

    def _make(self) -> Any:
        # They take a moment to import.
        from waitress.server import create_server

        from rulegate.admin.refusals import Channel

        server = create_server(
            self._make_application(),
            sockets=[self._sock],
            threads=THREADS,
            connection_limit=MAX_CONNECTIONS + _OWN_DESCRIPTORS,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            channel_timeout=SILENT_S,
            cleanup_interval=SILENT_S // 2,
            # The gateway has many connections, and `select` knows no descriptor above 1023.
            asyncore_use_poll=True,
            ident=None,
        )
        server.channel_class = Channel
        return server

    def _close(self) -> None:
        self._server.asyncore.close_all(self._server._map)
        self._server.task_dispatcher.shutdown()
