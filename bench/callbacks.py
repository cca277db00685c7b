"""Calls to a good receiver while nine bad ones, each of another tenant, have rows waiting (F13).

The same calls first alone and then beside the bad ones: time from the answer to the completion until the
receiver has the event, and what the server's memory grew by. `./dev bench callbacks 10000` takes a size.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp
from msgspec import Struct

from bench.measure import folder, memory_mb, table
from samples.receivers import MANNERS, Receivers
from tests.server.fixtures import ROOT_KEY, Process

WAITING = int(next((word for word in sys.argv[1:] if word.isdigit()), 2_000))
"""Calls that wait for each bad receiver."""
CALLS = 500
PAUSE_S = 0.01
BULK = 1_000


class Figures(Struct):
    """What was measured; times in ms, sorted."""

    alone: list[float]
    beside: list[float]
    memory_before_mb: float
    memory_after_mb: float
    called: dict[str, int]


class Caller:
    """One tenant's calls of the native API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, tenant: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"authorization": f"Bearer {ROOT_KEY}", "taskloom-tenant": tenant}

    async def post(self, path: str, body: Any) -> Any:
        async with self._session.post(self._url + path, json=body, headers=self._headers) as answer:
            found = await answer.json()
            assert answer.status < 300, found
            return found

    async def hears(self, url: str) -> None:
        """A webhook for every end of a task."""
        await self.post("/api/v1/webhooks", {"url": url, "events": ["task.*"]})

    async def claimed(self, count: int) -> list[dict[str, str]]:
        """New tasks, handed out and ready to be completed."""
        items: list[dict[str, str]] = []
        while len(items) < count:
            size = min(BULK, count - len(items))
            await self.post("/api/v1/tasks", {"items": [{"queue": "bench"}] * size})
            claim = {"queues": [{"queue": "bench"}], "size": size}
            found = (await self.post("/api/v1/tasks/claim", claim))["items"]
            items += [{"key": task["key"], "lease_token": task["lease_token"]} for task in found]
        return items

    async def complete(self, items: list[dict[str, str]]) -> None:
        for first in range(0, len(items), BULK):
            await self.post("/api/v1/tasks/complete", {"items": items[first : first + BULK]})


async def _paced(caller: Caller, receivers: Receivers) -> list[float]:
    """Complete tasks one after another; how long each took to arrive, in ms."""
    receivers.arrived.clear()
    receivers.expect(CALLS)
    done: dict[str, float] = {}
    for item in await caller.claimed(CALLS):
        await caller.complete([item])
        done[item["key"]] = time.monotonic()
        await asyncio.sleep(PAUSE_S)
    await asyncio.wait_for(receivers.all_arrived.wait(), 120)
    return sorted(1000 * (receivers.arrived[key] - at) for key, at in done.items())


async def measure(process: Process, waiting: int) -> Figures:
    """The same calls alone and beside the bad receivers."""
    timeout = aiohttp.ClientTimeout(total=60)
    async with Receivers() as receivers, aiohttp.ClientSession(timeout=timeout) as session:
        good = Caller(session, process.url, "good")
        await good.hears(receivers.good)
        alone = await _paced(good, receivers)
        bad = [Caller(session, process.url, f"bad-{number}") for number in range(len(MANNERS))]
        tasks = [await caller.claimed(waiting) for caller in bad]
        for caller, url in zip(bad, receivers.urls.values(), strict=True):
            await caller.hears(url)
        before = memory_mb(process.pid)
        await asyncio.gather(*(caller.complete(items) for caller, items in zip(bad, tasks, strict=True)))
        beside = await _paced(good, receivers)
        return Figures(alone, beside, before, memory_mb(process.pid), dict(receivers.called))


def run(path: Path, waiting: int) -> Figures:
    """Start a server, measure, stop it."""
    process = Process(path, "--callbacks-allow", "127.0.0.1").start()
    try:
        return asyncio.run(measure(process, waiting))
    finally:
        process.kill()


def percentile(times: list[float], part: float) -> float:
    """Of sorted times."""
    return times[min(len(times) - 1, int(part * len(times)))]


def _row(name: str, times: list[float]) -> list[str]:
    figures = (statistics.median(times), percentile(times, 0.99), times[-1])
    return [name, *(f"{value:.1f} ms" for value in figures)]


def main() -> None:
    with folder() as path:
        figures = run(path, WAITING)
    rows = [_row("alone", figures.alone), _row("beside the bad ones", figures.beside)]
    table(f"{CALLS} calls to a good receiver, from commit to arrival", ["", "median", "p99", "longest"], rows)
    before, after = figures.memory_before_mb, figures.memory_after_mb
    print(f"\n{WAITING:,} calls wait for each of {len(MANNERS)} bad receivers; p99 must be below 1,000 ms")
    print(f"server memory {before:.0f} -> {after:.0f} MB; must grow by less than 50 MB")
    print("attempts at the bad ones meanwhile:", json.dumps(figures.called))


if __name__ == "__main__":
    main()
