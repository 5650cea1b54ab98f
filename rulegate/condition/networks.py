"""Networks of addresses, and whether an address is in one of them."""

from __future__ import annotations

import bisect
import ipaddress
from collections.abc import Iterable
from typing import Any, Final

_MAX_ADDRESS: Final = 64
"""Code points in an address; the longest has fewer."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Networks:
    """A set of networks. Immutable; any number of threads may use it at once."""

    __slots__ = ("_first", "_last")

    def __init__(self, networks: Iterable[Network]) -> None:
        spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in networks:
            spans[network.version].append((int(network.network_address), int(network.broadcast_address)))
        merged = {version: _merged(sorted(found)) for version, found in spans.items()}
        self._first = {version: [first for first, _ in found] for version, found in merged.items()}
        self._last = {version: [last for _, last in found] for version, found in merged.items()}

    def hold(self, address: Any) -> bool:
        """Whether an address is in one of the networks; an IPv4 address written as IPv6 (``::ffff:…``) is IPv4.

        Raises:
            TypeError: If the address is not text.
            ValueError: If the text is not an address.
        """
        if type(address) is not str:
            raise TypeError("only text")
        if len(address) > _MAX_ADDRESS:
            raise ValueError("too long")
        parsed = ipaddress.ip_address(address)
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        number = int(parsed)
        position = bisect.bisect_right(self._first[parsed.version], number) - 1
        return position >= 0 and number <= self._last[parsed.version][position]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Sorted spans without overlap; networks overlap only if one lies in the other."""
    merged: list[tuple[int, int]] = []
    for first, last in spans:
        if not merged or first > merged[-1][1]:
            merged.append((first, last))
    return merged
