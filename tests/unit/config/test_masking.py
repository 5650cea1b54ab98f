"""What is shown of a configuration holds none of its secrets, and all else as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rulegate.config.masking import MASK, masked

WHOLE = """\
registry_uri: postgresql://user:{secret}@registry/mlflow?password={secret}&sslmode=require
admin:
  port: 5001
  token: {token}
external:
  - name: risk
    url: http://risk:8181/v1/data/risk?api_key={secret}
    headers: {{Authorization: "Bearer {secret}", "X-Key": '{secret}'}}
  - {{name: other, url: "http://other/"}}
# was postgresql://user:{secret}@old
model_endpoints:
  - name: a
    routes:
      - {{alias: a, model_uri: "models:/a/1"}}
"""


def test_every_secret_is_masked_and_nothing_else():
    shown = masked(WHOLE.format(secret="hunter2", token="hunter2-hunter2-hunter2"))
    assert shown == WHOLE.format(secret=MASK, token=MASK).replace(f'"Bearer {MASK}"', MASK).replace(f"'{MASK}'", MASK)


def test_references_to_variables_stay():
    text = WHOLE.format(secret="${SECRET}", token="${TOKEN}").replace("Bearer ", "")
    assert masked(text) == text


@pytest.mark.parametrize("style", ["{}", "'{}'", '"{}"', "|\n    {}\n", ">-\n    {}"])
def test_the_style_of_a_token_makes_no_difference(style):
    shown = masked(f"admin:\n  token: {style.format('hunter2-hunter2-hunter2')}\n  port: 1\n")
    assert "hunter2" not in shown
    assert "port: 1" in shown


@given(st.text(max_size=60))
def test_any_text_can_be_masked(text):
    masked(text)


@pytest.mark.parametrize(
    "text", ["", "[]", "admin: 3", "admin: [token]", "external: {a: b}", "external: [1, {headers: 2}]"]
)
def test_a_text_of_another_form_stays_as_it_is(text):
    assert masked(text) == text
