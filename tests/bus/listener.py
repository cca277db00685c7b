"""One end of a bus under test."""

import asyncio

from taskloom.bus.shared import ALL

WAIT_S = 30


class Listener:
    """What one server heard, and a way to wait for it."""

    def __init__(self, bus):
        self.bus = bus
        self.heard = asyncio.Queue()

    async def open(self):
        await self.bus.open(self.heard.put_nowait)
        await self.until(ALL)

    async def until(self, topic):
        async with asyncio.timeout(WAIT_S):
            while (heard := await self.heard.get()) != topic:
                pass
        return heard
