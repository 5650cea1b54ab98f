"""The form of a server's address, `http://host:port/path`: what can be seen to be wrong before anybody is asked."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from rulegate.config.messages import Fault, addresses, values

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_UNSAFE = re.compile(r"[^!-~]|[\"<>\\^`{|}]")


def check_address(address: str, *, query: bool) -> Fault | None:
    """What is wrong with the form of an address of HTTP, or None.

    Args:
        address: The text.
        query: Whether it may have one; where a path is added to the address, it may not.
    """
    if not address.strip():
        return values.empty_text("the address of a server")
    if found := _UNSAFE.search(address):
        return addresses.address_with(found[0])
    if not _SCHEME.match(address):
        return addresses.address_without_scheme()
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return addresses.address_without_host_or_port()
    if parts.username is not None or parts.password is not None:
        return addresses.address_with_password()
    if not parts.hostname or port == 0 or parts.netloc.endswith(":"):
        return addresses.address_without_host_or_port()
    if "#" in address:
        return addresses.address_with("#")
    if "?" in address and not query:
        return addresses.address_with("?")
    return None
