"""The resolver of outgoing calls: asks once, and answers only when every address may be called."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from taskloom.callbacks.address import PORTS, Address, AddressError, Guard, is_public
from taskloom.core.limits import CALLBACK_LOOKUPS_AT_ONCE

# Names whose servers never answer must not hold up what else runs in the loop's own threads.
_threads: Final = ThreadPoolExecutor(CALLBACK_LOOKUPS_AT_ONCE, thread_name_prefix="lookup")

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) -> its addresses."""


class GuardedResolver(AbstractResolver):
    """Resolves once and answers only when every address may be called."""

    def __init__(self, guard: Guard, lookup: Lookup | None = None) -> None:
        self._guard = guard
        self._lookup = lookup or system_lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host, all of them checked."""
        del family
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in await self._lookup(host, port)]
        if not found:
            raise AddressError("the host has no address")
        for address in found:
            if not self._guard.is_trusted(host, address, port):
                if not is_public(address):
                    raise AddressError("the host leads to an address that is not public")
                self._guard.public_target("https" if port == PORTS["https"] else "http", port)
        return [_result(host, address, port) for address in found]

    async def close(self) -> None:
        """Nothing to let go of."""


async def system_lookup(host: str, port: int) -> list[str]:
    """The addresses the system knows for a host."""
    find = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_threads, find)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _result(host: str, address: Address, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
