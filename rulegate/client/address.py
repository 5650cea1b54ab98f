"""The address of a server, taken apart once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where and how a server is asked.

    Attributes:
        host: Its name or address, an IPv6 address without brackets.
        port: Its port.
        is_secure: Whether it speaks TLS.
        target: The path and the query, as they are sent.
    """

    host: str
    port: int
    is_secure: bool
    target: str

    @classmethod
    def of(cls, url: str, *, default_path: str = "/") -> Address:
        """The address that an ``http://`` or ``https://`` URL names.

        ``default_path`` is its path where it has none, or only a slash.

        Raises:
            ValueError: If it is no such URL, or holds a user's name or a password.
        """
        parts = urlsplit(url)
        port = parts.port
        if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
            raise ValueError("not the address of a server")
        path = default_path if parts.path in {"", "/"} else parts.path
        return cls(
            host=parts.hostname,
            port=_PORTS[parts.scheme] if port is None else port,
            is_secure=parts.scheme == "https",
            target=f"{path}?{parts.query}" if parts.query else path,
        )
