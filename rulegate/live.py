"""The configuration that a gateway answers by: read again when it changes, checked whole, switched to at once."""

from __future__ import annotations

import enum
import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from rulegate.config import Config, ConfigError, changed_keys, check_source, read_file
from rulegate.config.watch import Watch
from rulegate.diagnostics import Diagnostic, Source, render_all
from rulegate.diagnostics.report import Report
from rulegate.handover import Good, Handover
from rulegate.log import FACTS

LOOK_INTERVAL_S = 1.0
"""Seconds between two looks at the file; a change counts at the second look that finds it."""

_log = logging.getLogger("rulegate.live")


class Result(enum.Enum):
    """What came of one attempt to reload."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a text is not the running configuration.

    Attributes:
        message: One line.
        diagnostics: What is wrong with it, in the file's order; empty where it is nothing in the text.
        at_s: When it was refused, in seconds of the Unix epoch.
    """

    message: str
    diagnostics: tuple[Diagnostic, ...]
    at_s: float


@dataclass(frozen=True, slots=True)
class Status:
    """What a gateway answers by, and what came of the last attempt to change it.

    Attributes:
        config: The running configuration; what it says of ``waiting`` keys does not hold yet.
        loaded_at_s: Since when, in seconds of the Unix epoch.
        waiting: Keys that hold what they held at the start, and the new value from the next start on.
        refusal: Why what stands in the file now is not what runs; None if it is.
        changed: How many attempts have changed the configuration.
        refused: How many have failed.
    """

    config: Config
    loaded_at_s: float
    waiting: tuple[str, ...] = ()
    refusal: Refusal | None = None
    changed: int = 0
    refused: int = 0

    @property
    def sha256(self) -> str:
        """The digest of the running configuration's text, as ``sha256sum`` prints it."""
        return hashlib.sha256(self.config.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to reload: its result, the status after it, and the keys that it changed."""

    result: Result
    status: Status
    keys: tuple[str, ...] = ()


class Live:
    """Keeps a gateway at what its file says. Safe to use from many threads; attempts wait for each other.

    Args:
        config: What the gateway has begun to answer by.
        switch: Answers by another configuration from then on; returns the keys that cannot change. If it raises,
            everything is as it was.
        obstacle: Why this machine cannot serve a configuration, and what to do about it; None if it can.
        handover: Where a wish to reload comes from, and what is good is kept.
        allow: Globs of the model URIs that whoever runs the gateway allows.
        watched: Whether the file is looked at now and then; if not, it is only read on a wish.
    """

    def __init__(
        self,
        config: Config,
        switch: Callable[[Config], tuple[str, ...]],
        *,
        obstacle: Callable[[Config], tuple[str, str] | None],
        handover: Handover,
        allow: Collection[str] = (),
        watched: bool = True,
    ) -> None:
        self._switch = switch
        self._obstacle = obstacle
        self._handover = handover
        self._allow = allow
        self._lock = threading.Lock()
        self._status = Status(config, time.time())
        # Of the file when it was last read: what has been told is not told again.
        self._last_text: str | None = config.text
        self._watch = Watch(config.path) if watched and config.path is not None else None
        self._closed = threading.Event()
        self._keep(config)

    @property
    def status(self) -> Status:
        """How things are now."""
        return self._status

    def start(self) -> None:
        """Begins to follow wishes and the file, in a thread of its own."""
        threading.Thread(target=self._run, name="reload", daemon=True).start()

    def close(self) -> None:
        """Ends that, once an attempt that is under way has ended. Safe to call again."""
        self._closed.set()
        self._handover.wish()
        with self._lock:
            pass

    def reload(self) -> Attempt:
        """Reads the file, checks it whole, and answers by it from the next request on if nothing is wrong with it.

        Never raises: what is wrong is logged, and stands in the status until an attempt succeeds.
        """
        with self._lock:
            return self._reload(again=True)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._wait_and_reload()
            except Exception:  # noqa: BLE001 - logged whole
                # Whatever it was, later changes must not go unnoticed because of it.
                _log.exception("the gateway failed to look after its configuration")

    def _wait_and_reload(self) -> None:
        wished = self._handover.wait(LOOK_INTERVAL_S if self._watch is not None else None)
        if self._closed.is_set():
            return
        if wished:
            self.reload()
        elif self._watch is not None and self._watch.look():
            with self._lock:
                self._reload(again=False)

    def _reload(self, *, again: bool) -> Attempt:
        """One attempt; without ``again`` a text that was the last one to be read is not looked at."""
        running = self._status.config
        if running.path is None:
            return self._refuse("the configuration is no file")
        try:
            source = read_file(running.path)
        except ConfigError as error:
            return self._refuse_diagnosed(error.diagnostics)
        seen, self._last_text = source.text == self._last_text, source.text
        if source.text == running.text:
            return self._leave()
        if seen and not again:
            return Attempt(Result.REFUSED, self._status)
        try:
            config = check_source(source, path=running.path, allow=self._allow, thorough=False)
        except ConfigError as error:
            return self._refuse_diagnosed(error.diagnostics)
        if (obstacle := self._obstacle(config)) is not None:
            return self._refuse("; ".join(obstacle))
        try:
            waiting = self._switch(config)
        except Exception:  # noqa: BLE001 - whatever it is, the gateway goes on as it was
            _log.exception("the gateway failed to change its configuration")
            return self._refuse("the gateway failed to change its configuration; its log tells why")
        return self._change(config, waiting)

    def _change(self, config: Config, waiting: tuple[str, ...]) -> Attempt:
        before = self._status
        keys = changed_keys(before.config.text, config.text)
        self._status = Status(config, time.time(), waiting, None, before.changed + 1, before.refused)
        self._keep(config)
        detail = {"detail": render_all(config.warnings)} if config.warnings else {}
        _log.info("the configuration has changed", extra={FACTS: {"keys": ", ".join(keys), **detail}})
        if waiting:
            _log.warning("these keys hold their new values from the next start on: %s", ", ".join(waiting))
        return Attempt(Result.CHANGED, self._status, keys)

    def _leave(self) -> Attempt:
        if self._status.refusal is not None:
            _log.info("the configuration stands in its file again as it runs")
            self._status = replace(self._status, refusal=None)
        return Attempt(Result.UNCHANGED, self._status)

    def _refuse_diagnosed(self, diagnostics: tuple[Diagnostic, ...]) -> Attempt:
        name = diagnostics[0].source.name
        return self._refuse(f"{name} has {Report(name, diagnostics).summary()}", diagnostics)

    def _refuse(self, message: str, diagnostics: tuple[Diagnostic, ...] = ()) -> Attempt:
        refusal = Refusal(message, diagnostics, time.time())
        self._status = replace(self._status, refusal=refusal, refused=self._status.refused + 1)
        detail = {"detail": render_all(diagnostics)} if diagnostics else {}
        _log.error("the configuration stays as it was: %s", message, extra={FACTS: detail})
        return Attempt(Result.REFUSED, self._status)

    def _keep(self, config: Config) -> None:
        self._handover.keep(Good(config.text, config.server.request_timeout_s))


def last_good(handover: Handover, config: Config, allow: Collection[str] = ()) -> Config:
    """What a worker before this one answered by, read again; ``config`` if there was none."""
    good = handover.good()
    if good is None:
        return config
    try:
        return check_source(Source(str(config.path), good.text), path=config.path, allow=allow, thorough=False)
    except ConfigError:
        # It was good a moment ago, under the same variables of the environment.
        _log.exception("the last good configuration is not good any more")
        return config
