"""A model URI is refused for its form alone when no registry could ever resolve it."""

from __future__ import annotations

import pytest

from rulegate.config.model_uri import check_model_uri, is_remote


@pytest.mark.parametrize(
    "uri",
    [
        "models:/sentiment/production",
        "models:/sentiment/Production",
        "models:/sentiment/STAGING",
        "models:/sentiment/Archived",
        "models:/sentiment/None",
        "models:/sentiment/3",
        "models:/sentiment/latest",
        "models:/sentiment@champion",
        "models:/sentiment@champion-2",
        "models:/sentiment@vNext",
        "models:/sentiment/10",
        "models:/my model/1",
        "models:/a@b/1",
        "models:/a@b@champion",
        "models:/catalog.schema.model/1",
        "models:/m-0123456789abcdef0123456789abcdef",
        "models://profile@databricks/sentiment/1",
        "runs:/0123456789abcdef/model",
        "runs:/0123456789abcdef/a/b",
        "/models/sentiment",
        "models/sentiment",
        "./sentiment",
        "sentiment",
        "file:/models/sentiment",
        "file:///models/sentiment",
        "file://localhost/models/sentiment",
        "s3://bucket/sentiment",
        "gs://bucket/sentiment",
        "abfss://container@account.dfs.core.windows.net/sentiment",
        "dbfs:/models/sentiment",
        "mlflow-artifacts:/1/abc/artifacts/model",
        "oss://bucket/sentiment",
    ],
)
def test_every_form_that_mlflow_reads_is_accepted(uri: str):
    assert check_model_uri(uri) is None


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("model:/sentiment/1", "did you mean `models:/sentiment/1`?"),
        ("Models:/sentiment/1", "did you mean `models:/sentiment/1`?"),
        ("run:/abc/model", "did you mean `runs:/abc/model`?"),
        ("models:sentiment/1", "did you mean `models:/sentiment/1`?"),
        ("models://sentiment/1", "did you mean `models:/sentiment/1`?"),
        ("models:/sentiment", "write `models:/sentiment/latest`, `models:/sentiment/1` or `models:/sentiment@alias`"),
        ("models:/sentiment/", "write `models:/sentiment/latest`, `models:/sentiment/1` or `models:/sentiment@alias`"),
        ("models:/sentiment/prod", "did you mean `production`?"),
        ("models:/sentiment/champion", "an alias is written `models:/sentiment@champion`"),
        ("models:/sentiment@", "write, for example, `models:/sentiment@champion`"),
        ("models:/sentiment@v3", "did you mean `models:/sentiment/3`?"),
        ("models:/sentiment@Latest", "did you mean `models:/sentiment/latest`?"),
        ("models:/sentiment@a b", "an alias is letters, digits, `-` and `_`"),
        ("models:/sentiment/0", "write `models:/sentiment/1`, or `models:/sentiment/latest` for the newest"),
        ("models:/sentiment/00", "write `models:/sentiment/1`, or `models:/sentiment/latest` for the newest"),
        ("file://models/sentiment", "did you mean `file:///models/sentiment`?"),
        ("runs:/../../x", "an id is letters, digits, `-` and `_`: write it as `runs:/<run id>/<path>`"),
        ("runs:/<run id>/model", "an id is letters, digits, `-` and `_`: write it as `runs:/<run id>/<path>`"),
        ("runs:/abc", "write it as `runs:/<run id>/<path>`"),
        (" models:/sentiment/1", "remove it"),
    ],
)
def test_a_slip_is_answered_with_what_was_probably_meant(uri: str, hint: str):
    fault = check_model_uri(uri)
    assert fault is not None
    assert (fault.code, fault.hint) == ("RG315", hint)


@pytest.mark.parametrize(
    "uri",
    [
        "models:/",
        "models:",
        "models:/@a",
        "models:/a/1/2",
        "models:/a:b/1",
        "models:/../1",
        "runs:/",
        "runs:a/b",
        "file:",
        "s3://",
        "x:y",
        "a:b:c",
        "a\nb",
    ],
)
def test_what_names_no_model_is_refused(uri: str):
    fault = check_model_uri(uri)
    assert fault is not None
    assert fault.code == "RG315"
    assert fault.hint


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:5001", "https://models.example/a", "HTTP://[::1]:8080/a/b", "http://models"]
)
def test_the_address_of_another_server_is_accepted(uri: str):
    assert check_model_uri(uri) is None
    assert is_remote(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http:",
        "http://",
        "http:///a",
        "http:/models/a",
        "http://models:0",
        "http://models:",
        "http://models:70000",
        "http://models:http",
        "http://user@models",
        "http://user:password@models",
        "http://:@models",
        "http://models/a?b",
        "http://models/a#b",
        "http://models/a b",
        "http://models/é",
        "http://[::1",
        "http://a\\b",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(uri: str):
    fault = check_model_uri(uri)
    assert fault is not None
    assert fault.code == "RG330"
    assert "password@" not in fault.message


@pytest.mark.parametrize("uri", ["", "  ", "\t"])
def test_empty_text_is_told_as_such(uri: str):
    fault = check_model_uri(uri)
    assert fault is not None
    assert fault.code == "RG311"
