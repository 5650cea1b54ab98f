"""What the registry process tells of what it cannot do: the reason, and no folder of the server."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from rulegate.serving.frames import Frame, Kind
from rulegate.serving.mlflow import registry_process


@pytest.fixture
def fetch(tmp_path, monkeypatch) -> Callable[[Callable[[], None]], dict[str, str]]:
    """Fetches from a store that does what it is told to; what is told of the failure."""

    def fetch(download: Callable[[], None]) -> dict[str, str]:
        monkeypatch.setattr(mlflow.artifacts, "download_artifacts", lambda **_: download())
        facts = {"artifact_uri": "runs:/1/m", "identity": "0" * 40, "cache": str(tmp_path), "cache_limit_bytes": 1}
        frame = Frame(1, Kind.FETCH, json.dumps(facts | {"keep": [], "registry_uri": None}))
        answer = registry_process._answer(frame)
        assert answer.kind is Kind.ERROR
        return answer.facts()

    return fetch


def wrapped(number: int) -> None:
    """As stores do where they download one file after another."""
    try:
        raise OSError(number, os.strerror(number), "/srv/cache/model.pkl")
    except OSError as error:
        raise MlflowException("one or more artifacts could not be had") from error


def quoted(number: int) -> None:
    """As stores do where they download several files at once."""
    raise MlflowException(f"failures: {{'model.pkl': '[Errno {number}] {os.strerror(number)}: /srv/cache/model.pkl'}}")


@pytest.mark.parametrize("store", [wrapped, quoted])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_one_and_the_log_says_which(fetch, tmp_path, store, number):
    told = fetch(lambda: store(number))
    assert told["message"] == "the disk of the cache of models is full"
    assert f"no space is left in {tmp_path}" in told["detail"]
    assert "RULEGATE_CACHE" in told["detail"]
    assert os.strerror(number) in told["detail"]


@pytest.mark.parametrize("store", [wrapped, quoted])
def test_what_else_a_store_fails_with_is_no_full_disk(fetch, store):
    assert fetch(lambda: store(errno.EIO))["message"] == "the registry, or the store behind it, does not answer"


@pytest.mark.parametrize("path", ["/srv/with space/key.pem", "conf/secret/key.pem", b"/srv/secret/key.pem", "key.pem"])
def test_of_a_file_that_the_system_refuses_the_name_is_told_and_not_the_folder(fetch, path):
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    assert fetch(refuse)["message"] == "PermissionError: Permission denied: 'key.pem'"
