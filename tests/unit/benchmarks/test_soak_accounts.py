"""The soak's books: each request that is not answered is put down to what took it, and no more than that can have."""

from __future__ import annotations

import pytest

from benchmarks.soak_accounts import Accounts

HAD = "the process of models:/soak/7 ended while it had the request"
LOADING = "models:/soak/7 cannot be loaded: its process ended while loading it"
AT_ONCE = "models:/soak/7 cannot be loaded: the process of models:/soak/7 ended as soon as it was loaded"
LOOP = "the process of models:/soak/7 ends again and again without having answered"
AGAIN = "; it is tried again in 0.5 s"
ALONE = "; it is left alone for 0.5 s"


@pytest.fixture
def accounts() -> Accounts:
    return Accounts(askers=2)


@pytest.mark.parametrize(("code", "message"), [("RG504", HAD), ("RG502", LOADING), ("RG504", AT_ONCE)])
def test_a_kill_explains_one_lost_request_of_each_asker(accounts, code, message):
    accounts.killed["models:/soak/7"] += 1
    for _ in range(2):
        assert not accounts.failed("hot", 503, code, message)
    assert not accounts.all_unexplained()
    accounts.failed("hot", 503, code, message)
    assert list(accounts.all_unexplained()) == [
        "models:/soak/7: 3 requests lost with processes, of which 2 can be explained"
    ]


def test_a_kill_explains_nothing_of_another_version(accounts):
    accounts.killed["models:/soak/70"] += 1
    accounts.failed("hot", 503, "RG504", HAD)
    assert accounts.all_unexplained()


@pytest.mark.parametrize(("code", "message"), [("RG504", LOOP), ("RG502", LOADING), ("RG504", AT_ONCE)])
def test_a_pause_explains_that_each_asker_is_refused_once(accounts, code, message):
    accounts.killed["models:/soak/7"] += 1
    accounts.read_log(f"… WARNING rulegate.serving {message}{ALONE}\n")
    for _ in range(2):
        assert accounts.failed("hot", 503, code, message + AGAIN), "it is to wait"
    assert not accounts.lost
    assert not accounts.all_unexplained()
    accounts.failed("hot", 503, code, message + AGAIN)
    assert list(accounts.all_unexplained()) == [
        "models:/soak/7: 3 requests refused in pauses, of which 2 can be explained"
    ]


def test_a_pause_without_a_kill_is_unexplained(accounts):
    accounts.read_log(f"WARNING {LOOP}{ALONE}")
    assert list(accounts.all_unexplained()) == ["models:/soak/7: 1 pauses, of which 0 can be explained"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("RG505", "models:/soak/7 did not answer in time"),
        ("RG502", "models:/soak/7 cannot be loaded: the process that starts models ended; the next request …"),
        ("RG502", "models:/soak/7 cannot be loaded: not today"),
        ("RG599", HAD),
    ],
)
def test_whatever_else_fails_is_unexplained(accounts, code, message):
    accounts.killed["models:/soak/7"] += 1
    accounts.failed("hot", 503, code, message)
    assert list(accounts.all_unexplained()) == [f"hot: 503 {code} {message}"]
