"""What clients are told has no path of the server and none of the request's data."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.serving.mlflow.redaction import MAX_MESSAGE_CHARACTERS, for_client, without_paths, without_text


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("No such file or directory: '/srv/models/m/MLmodel'", "No such file or directory: 'MLmodel'"),
        ("see file:///srv/secret/a.txt, line 3", "see a.txt, line 3"),
        ('in "/a/b c/d"', 'in "d"'),
        ("lost '/My Data/k.pem' or '/a b/c/'", "lost 'k.pem' or '…'"),
        ("no `file:///with space/key.pem`, no 'text/csv'", "no `key.pem`, no 'text/csv'"),
        ("cannot open /srv/with space/key.pem", "cannot open key.pem"),
        ("cannot open /srv/some other folder/a/key.pem: it is gone", "cannot open key.pem: it is gone"),
        ("Types: ['text/csv', 'application/json']", "Types: ['text/csv', 'application/json']"),
        ("models:/sentiment/3 and runs:/abc/model", "models:/sentiment/3 and runs:/abc/model"),
        ("https://mlflow.org/docs/latest/models.html", "https://mlflow.org/docs/latest/models.html"),
        ("1/2 or a/b", "1/2 or a/b"),
        ("cannot open /tmp/x/", "cannot open …"),
    ],
)
def test_paths_are_cut_to_their_last_name(message, shown):
    assert without_paths(message) == shown


@given(st.lists(st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True), min_size=2, max_size=6), st.sampled_from("'\"( "))
def test_no_folder_of_a_path_is_left(names, before):
    path = "/" + "/".join(names)
    assert without_paths(f"it failed{before}{path}") == f"it failed{before}{names[-1]}"


@given(st.text())
def test_mlflows_quotations_of_the_input_are_cut_out(data):
    message = f"Failed to enforce schema of data '   text\n0  {data}secret' with schema '['a': long]'. Error: missing"
    assert for_client(message) == "Failed to enforce schema of data with schema '['a': long]'. Error: missing"
    message = f"Failed to predict data '{data}secret'. \nError: no"
    assert for_client(message) == "Failed to predict data. Error: no"
    message = f"Failed to convert data `{data}secret` to type `long (required)` defined in the model signature."
    assert for_client(message) == "Failed to convert data to type `long (required)` defined in the model signature."
    message = f"Invalid input. Ensure that input is a valid JSON formatted string. Error: 'x'\nInput: \n{data}secret\n"
    assert for_client(message) == "Invalid input. Ensure that input is a valid JSON formatted string. Error: 'x'"


@given(st.text(min_size=MAX_MESSAGE_CHARACTERS, max_size=3 * MAX_MESSAGE_CHARACTERS))
def test_a_message_has_a_bound(message):
    assert len(for_client(message)) <= MAX_MESSAGE_CHARACTERS


def test_of_an_exception_of_a_models_own_clients_are_told_the_type():
    assert without_text(RuntimeError("keys/private.pem is missing")) == "it raised RuntimeError; the log tells why"
    endless = type("E" * 1_000_000, (Exception,), {})
    assert len(without_text(endless())) < 200


@pytest.mark.parametrize(
    "piece",
    [
        "Failed to predict data '",
        "Failed to enforce schema of '",
        "\nInput: ",
        "/a",
        " /a/",
        "'/a",
        "'/a b/",
        " /a/b c",
        "/a b ",
    ],
)
def test_a_long_message_takes_time_in_proportion_to_its_length(piece):
    """A body that imitates what is searched for is no way to keep a model busy."""
    begin_s = time.process_time()
    for_client(piece * (4_000_000 // len(piece)))
    assert time.process_time() - begin_s < 2
