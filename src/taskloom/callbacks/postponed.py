"""A deliverer that is made when the first call leaves.

An HTTP client takes long to load, a server that was killed must be back soon, and many never call anybody.
"""

import asyncio
from collections.abc import Callable

from taskloom.ports.callbacks import Call, Deliverer, Delivery


class Postponed:
    """Stands for the deliverer that `make` makes."""

    def __init__(self, make: Callable[[], Deliverer]) -> None:
        self._make = make
        self._made: Deliverer | None = None
        self._lock = asyncio.Lock()

    async def deliver(self, call: Call) -> Delivery:
        """One attempt by the real one."""
        async with self._lock:
            if self._made is None:
                self._made = await asyncio.to_thread(self._make)
            made = self._made
        return await made.deliver(call)

    async def close(self) -> None:
        """Let go of connections, if there are any."""
        if self._made is not None:
            await self._made.close()
