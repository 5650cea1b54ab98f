"""What a model process tells of a failure is bounded, whatever the model raises."""

from __future__ import annotations

import pytest


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred:UserWarning")  # MLflow's own, when it is imported
def test_what_a_model_says_as_it_leaves_is_cut_and_gives_away_no_password():
    from rulegate.serving.mlflow import model_process

    frame = model_process._failure(1, SystemExit("http://user:s3cret@host/" + "x" * 1_000_000))
    detail = frame.facts()["detail"]
    assert len(detail) < 100_000
    assert "characters are left out" in detail
    assert "s3cret" not in detail
