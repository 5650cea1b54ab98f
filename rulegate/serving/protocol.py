"""The scoring protocol's content types, judged before any model is asked.

The rules and the wording are those of MLflow's scoring server, so that its clients read the same answer; a missing
content type, which makes that server fail, is refused like an unknown one.
"""

from __future__ import annotations

from rulegate.serving.errors import UnsupportedContentType

CSV = "text/csv"
JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"
CONTENT_TYPES = (CSV, JSON, PARQUET)

_MAX_QUOTED = 200


def check_content_type(content_type: str | None) -> str:
    """The media type of a request, without its parameters; one of ``CONTENT_TYPES``.

    Raises:
        UnsupportedContentType: If there is none, or one that the protocol does not know.
    """
    if content_type == JSON:
        return JSON
    media_type, *pairs = [part.strip() for part in (content_type or "").split(";")]
    parameters = {key: value for key, _, value in (pair.partition("=") for pair in pairs)}
    if parameters.get("charset", "utf-8").lower() != "utf-8":
        raise _refused("The scoring server only supports UTF-8")
    if unknown := sorted(set(parameters) - {"charset"}):
        raise _refused(f"Unrecognized content type parameters: {', '.join(unknown)[:_MAX_QUOTED]}.")
    if media_type not in CONTENT_TYPES:
        got = f"Got '{content_type[:_MAX_QUOTED]}'." if content_type else "The request names none."
        raise _refused(f"This predictor only supports the following content types: Types: {list(CONTENT_TYPES)}. {got}")
    return media_type


def _refused(message: str) -> UnsupportedContentType:
    return UnsupportedContentType(message, error_code="BAD_REQUEST")
