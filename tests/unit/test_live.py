"""A configuration that is read again: what is switched to, what is refused, what is told, and when a file is news."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from rulegate.config import Config, changed_keys, load_config
from rulegate.config.watch import Watch
from rulegate.handover import Good, Handover
from rulegate.live import Live, Result, last_good

CONFIG = """
model_endpoints:
  - name: one
    routes:
      - {alias: only, model_uri: "models:/m/1"}
"""


class Gateway:
    """What is switched, on paper."""

    def __init__(self) -> None:
        self.configs: list[Config] = []
        self.waiting: tuple[str, ...] = ()
        self.fails = False

    def switch(self, config: Config) -> tuple[str, ...]:
        if self.fails:
            raise RuntimeError("a fault of ours")
        self.configs.append(config)
        return self.waiting


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "gateway_config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def handover() -> Handover:
    return Handover()


@pytest.fixture
def live(path, gateway, handover) -> Live:
    return Live(
        load_config(path),
        gateway.switch,
        obstacle=lambda config: ("uv is missing", "install it") if config.models.environment == "uv" else None,
        handover=handover,
        allow=("models:/m/*",),
    )


def test_a_change_is_switched_to_once(live, path, gateway, handover):
    changed = CONFIG + "server: {max_body: 1MiB}\n"
    path.write_text(changed)
    attempt = live.reload()
    assert (attempt.result, attempt.keys) == (Result.CHANGED, ("server.max_body", "server"))
    assert [config.server.max_body_bytes for config in gateway.configs] == [1024**2]
    assert live.status.config is gateway.configs[0]
    assert handover.good() == Good(changed, 60.0)
    assert live.reload().result is Result.UNCHANGED
    assert len(gateway.configs) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_endpoints: []\n", "has 1 error"),
        ("", "has 1 error"),
        (CONFIG.replace("models:/m", "models:/other"), "has 1 error"),
        (CONFIG + "models: {environment: uv}\n", "uv is missing; install it"),
        (None, "has 1 error"),
    ],
)
def test_what_is_wrong_changes_nothing_and_is_told(live, path, gateway, caplog, text, message):
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    attempt = live.reload()
    assert attempt.result is Result.REFUSED
    assert message in attempt.status.refusal.message
    assert bool(attempt.status.refusal.diagnostics) == ("error" in message)
    assert not gateway.configs
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    path.write_text(CONFIG)
    assert live.reload().result is Result.UNCHANGED
    assert live.status.refusal is None
    assert (live.status.changed, live.status.refused) == (0, 1)


def test_a_fault_of_the_gateway_keeps_what_runs(live, path, gateway):
    gateway.fails = True
    path.write_text(CONFIG + "server: {max_body: 1MiB}\n")
    assert live.reload().result is Result.REFUSED
    assert "max_body" not in live.status.config.text
    gateway.fails = False
    assert live.reload().result is Result.CHANGED


def test_keys_that_cannot_change_are_told(live, path, gateway, caplog):
    gateway.waiting = ("server.port",)
    path.write_text(CONFIG + "server: {port: 7}\n")
    assert live.reload().status.waiting == ("server.port",)
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        "these keys hold their new values from the next start on: server.port"
    ]


def test_a_new_worker_reads_what_the_last_one_found_good(path, handover):
    begun_with = load_config(path)
    assert last_good(handover, begun_with) is begun_with
    handover.keep(Good(CONFIG + "server: {max_body: 7B}\n", 1.5))
    path.write_text("broken")
    again = last_good(handover, begun_with)
    assert (again.server.max_body_bytes, again.path) == (7, path)


def test_what_a_killed_worker_kept_by_half_counts_as_nothing(handover, monkeypatch):
    handover.keep(Good("a: long text", 1.0))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "ftruncate", killed)
    with pytest.raises(KeyboardInterrupt):
        handover.keep(Good("short", 1.0))
    assert handover.good() is None
    monkeypatch.undo()
    handover.keep(Good("short", 1.0))
    assert handover.good() == Good("short", 1.0)


def test_wishes_are_heard_once_and_by_who_comes_later(handover):
    assert not handover.wait(0)
    handover.wish()
    handover.wish()
    assert handover.wait(None)
    assert not handover.wait(0)


def _settled(watch: Watch) -> bool:
    """Whether there is news, after as many looks as it takes."""
    return any([watch.look(), watch.look()])


def test_a_file_is_news_once_it_is_left_alone(path):
    watch = Watch(path)
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False], "it may have changed since it was read"
    path.write_text("half")
    assert not watch.look()
    path.write_text("half and the rest")
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]


def test_replaced_relinked_and_touched_files_are_news(path, tmp_path):
    watch = Watch(path)
    assert _settled(watch)
    before = path.stat()
    (tmp_path / "new").write_text("x" * before.st_size)
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(tmp_path / "new", path)
    assert _settled(watch), "as large and as old as the one before, and another"
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").write_text(folder)
    (tmp_path / "data").symlink_to("a")
    path.unlink()
    path.symlink_to("data/file")
    assert _settled(watch)
    (tmp_path / "next").symlink_to("b")
    os.replace(tmp_path / "next", tmp_path / "data")
    assert _settled(watch)


def test_a_file_that_is_missing_for_a_moment_is_no_news(path, tmp_path):
    watch = Watch(path)
    assert _settled(watch)
    path.rename(tmp_path / "away")
    assert not watch.look()
    (tmp_path / "away").rename(path)
    assert [watch.look(), watch.look()] == [False, True], "the rename is a change, its content need not be"
    path.unlink()
    assert [watch.look(), watch.look(), watch.look()] == [False, True, False]


@pytest.mark.parametrize(
    ("new", "keys"),
    [
        (CONFIG + "# a comment\n", ()),
        (CONFIG.replace("alias: only", "alias: other"), ("model_endpoints.one",)),
        (CONFIG.replace("name: one", "name: two"), ("model_endpoints.one", "model_endpoints", "model_endpoints.two")),
        (CONFIG + "server: {port: 1, host: a}\n", ("server.port", "server.host", "server")),
        (CONFIG + "default_endpoint: one\n", ("default_endpoint",)),
    ],
)
def test_changes_are_told_by_the_keys_of_the_file(new, keys):
    assert changed_keys(CONFIG, new) == keys
    assert set(changed_keys(new, CONFIG)) == set(keys)
