"""Tests without a server, a network or waiting: the real rules in this process, on a clock of the test's.

Needs the extra `testing`, which brings the server; nothing else of this package imports it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from taskloom.server.settings import Settings
from taskloom.server.wiring import Adapters, build
from taskloom.store.memory import MemoryStore
from taskloom_client.client import AsyncClient
from taskloom_client.worker import Worker

_KEY = "key-of-a-simulated-server-0123456789"
_START_MS = 1_800_000_000_000


class VirtualClock:
    """Time stands still until the test moves it."""

    def __init__(self) -> None:
        self._now_ms = _START_MS

    def now_ms(self) -> int:
        """The instant, Unix ms."""
        return self._now_ms

    def monotonic_ms(self) -> int:
        """The same clock, for durations."""
        return self._now_ms

    def move(self, ms: int) -> None:
        """Let time pass."""
        self._now_ms += ms


class Simulated:
    """A server in this process; `client` talks to it, workers made by `worker` work for it."""

    def __init__(self, app: Any, clock: VirtualClock) -> None:
        self._app = app
        self._clock = clock
        self._transport = httpx2.ASGITransport(app=app)
        self.client = AsyncClient("http://simulated", _KEY, transport=self._transport)

    def adopt(self, worker: Worker) -> Worker:
        """Let a worker made elsewhere, with its functions, work here instead."""
        worker.talk_through("http://simulated", _KEY, self._transport)
        return worker

    async def advance(self, *, hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
        """Let time pass, and do all that is due then."""
        self._clock.move(int(1000 * (hours * 3600 + minutes * 60 + seconds)))
        await self._app.engine.sweep()

    async def work(self, worker: Worker) -> None:
        """Let a worker do everything that is ready now."""
        await self.adopt(worker).drain()


@contextlib.asynccontextmanager
async def simulated() -> AsyncIterator[Simulated]:
    """A fresh server with nothing in it."""
    clock = VirtualClock()
    with TemporaryDirectory(prefix="taskloom-simulated-") as folder:
        settings = Settings(data=Path(folder), root_key=_KEY)
        app = build(settings, Adapters(store=MemoryStore(), clock=clock))
        await app.start()
        world = Simulated(app, clock)
        try:
            yield world
        finally:
            await world.client.close()
            await asyncio.shield(app.stop())
