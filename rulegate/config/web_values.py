"""The kinds of values that travel over HTTP: addresses, headers, statuses, messages, tokens."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, PlainValidator, Strict

from rulegate.config.field_types import WholeNumber, Within, text
from rulegate.config.messages import addresses, values
from rulegate.config.values import Expected, Refused
from rulegate.config.web_address import check_address

MAX_MESSAGE_CHARACTERS = 500
"""The longest message of a refusal."""
MIN_TOKEN_CHARACTERS = 16
"""The shortest token of the admin port: what is shorter can be guessed."""

_NO_HEADER = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
_NO_HEADER_TEXT = re.compile(r"[^\t -~\xa0-\xff]")
_NO_TOKEN = re.compile(r"[^!-~]")

# Those by which one connection, or one message, is held together: who sends it writes them.
_OF_THE_CONNECTION: Final = (
    "accept-encoding", "connection", "content-encoding", "content-length", "expect", "host", "http2-settings",
    "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
    "upgrade",
)  # fmt: skip


def check_header_name(name: str) -> str:
    """The name of a header that may be sent on."""
    if not name:
        raise Refused(values.empty_text("the name of a header"))
    if found := _NO_HEADER.search(name):
        raise Refused(addresses.no_header_name(found[0]))
    if name.lower() in _OF_THE_CONNECTION:
        raise Refused(addresses.header_of_the_connection(name))
    return name


def check_header_value(value: object) -> str:
    """What may stand behind a header's name: printable text of Latin-1, in one line."""
    if not isinstance(value, str):
        raise Expected("text")
    if _NO_HEADER_TEXT.search(value) or value != value.strip():
        raise Refused(addresses.no_header_value())
    return str(value)


def check_message(value: object) -> str:
    """Printable text in one line."""
    if not isinstance(value, str):
        raise Expected("text")
    if not value.strip():
        raise Refused(values.empty_text("a message"))
    if not value.isprintable() or len(value) > MAX_MESSAGE_CHARACTERS:
        raise Refused(addresses.no_message(MAX_MESSAGE_CHARACTERS))
    return str(value)


def check_token(token: str) -> str:
    """A token as it can stand in a header, long enough not to be guessed."""
    if _NO_TOKEN.search(token) or len(token) < MIN_TOKEN_CHARACTERS:
        raise Refused(addresses.no_token(MIN_TOKEN_CHARACTERS))
    return token


def _check_service(url: str) -> str:
    if fault := check_address(url, query=True):
        raise Refused(fault)
    return url


AdminToken = Annotated[str, Strict(), AfterValidator(check_token), text(f"[!-~]{{{MIN_TOKEN_CHARACTERS},}}")]
HeaderName = Annotated[str, Strict(), AfterValidator(check_header_name), text(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")]
RefusalStatus = Annotated[WholeNumber, Within(400, 599)]
ServiceUrl = Annotated[str, Strict(), AfterValidator(_check_service), text(r"[hH][tT][tT][pP][sS]?://.+")]

# These go beside the type of a field: Annotated[str, MESSAGE].
HEADER_VALUE = PlainValidator(check_header_value, json_schema_input_type=str)
MESSAGE = PlainValidator(check_message, json_schema_input_type=Annotated[str, Field(min_length=1)])
