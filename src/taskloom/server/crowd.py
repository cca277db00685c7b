"""How many may be there at once: connections of one address, calls of one key."""

import ipaddress
from collections.abc import Hashable
from typing import Final

_NETWORK_BITS: Final = 64
"""Of an IPv6 address, the part that is given to one customer; what follows is theirs to choose."""


class Crowd:
    """Counts who is there by name, and remembers nobody who left. A limit of 0 is none."""

    __slots__ = ("_there", "limit", "refused")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.refused = 0
        """How many were turned away since the start."""
        self._there: dict[Hashable, int] = {}

    def enter(self, name: Hashable) -> bool:
        """One more of this name, who must leave again; False, and nobody entered, at the limit."""
        count = self._there.get(name, 0)
        if count >= self.limit > 0:
            self.refused += 1
            return False
        self._there[name] = count + 1
        return True

    def leave(self, name: Hashable) -> None:
        """One less of this name."""
        count = self._there[name] - 1
        if count:
            self._there[name] = count
        else:
            del self._there[name]

    def __len__(self) -> int:
        return sum(self._there.values())


def neighbourhood(host: str) -> str:
    """What counts as one address: an IPv4 address, also within IPv6, or the network an IPv6 one is in."""
    if ":" not in host:
        return host
    address = ipaddress.IPv6Address(host.partition("%")[0])
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, _NETWORK_BITS), strict=False))
