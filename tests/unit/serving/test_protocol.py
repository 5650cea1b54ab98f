"""Content types are judged as MLflow's scoring server judges them."""

from __future__ import annotations

import pytest

from rulegate.serving.errors import UnsupportedContentType
from rulegate.serving.protocol import CONTENT_TYPES, check_content_type


@pytest.mark.parametrize("media_type", CONTENT_TYPES)
@pytest.mark.parametrize("parameters", ["", ";charset=utf-8", "; charset=UTF-8", " ; charset=utf-8 "])
def test_what_the_protocol_knows(media_type, parameters):
    assert check_content_type(media_type + parameters) == media_type


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        ";",
        "text/plain",
        "json",
        "application/json; charset=latin-1",
        "application/json; boundary=x",
        "application/json;",
        "*/*",
    ],
)
def test_what_it_does_not_know(content_type):
    with pytest.raises(UnsupportedContentType) as raised:
        check_content_type(content_type)
    assert len(raised.value.message) < 400
