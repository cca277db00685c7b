"""A15: a tenant that floods the server far beyond its rate is refused; its neighbour is served, every call.

`./dev bench abuse` shows what is left of the neighbour's throughput.
"""

import asyncio
import collections

from samples.callers import Caller
from tests.server.fixtures import ROOT_KEY

RATE = 60
FLOOD = 50 * RATE
CONNECTIONS = 20
HANG_GUARD_S = 30


async def key_of(port, tenant, rate):
    async with Caller(port, ROOT_KEY, tenant) as root:
        wanted = {"name": "app", "scopes": ["task.write", "task.work"], "rate": rate}
        status, made = await root.call("POST", "/api/v1/keys", wanted)
        assert status == 201, made
        return made["secret"]


async def flood(port, key, calls, statuses):
    """Call and call again, whatever the answer."""
    async with Caller(port, key) as caller:
        for _ in range(calls):
            status, _ = await caller.call("POST", "/api/v1/tasks", {"items": [{"queue": "flood"}]})
            statuses[status] += 1


async def test_a_flood_is_refused_and_every_call_of_the_neighbour_is_served(process):
    port = int(process.url.rpartition(":")[2])
    loud, quiet = await key_of(port, "loud", RATE), await key_of(port, "quiet", 0)
    statuses = collections.Counter()

    async with asyncio.timeout(3 * HANG_GUARD_S), Caller(port, quiet) as neighbour:
        floods = [flood(port, loud, FLOOD // CONNECTIONS, statuses) for _ in range(CONNECTIONS)]
        running = asyncio.gather(*floods)
        served = 0
        while not running.done() or not served:
            await neighbour.work("quiet")
            served += 1
        await running

    assert set(statuses) == {200, 429}
    assert statuses[200] >= RATE
    assert statuses[429] > FLOOD // 2
