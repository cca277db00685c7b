"""pgqueuer on PostgreSQL, batches of 100."""

import asyncio
import time

import asyncpg
from pgqueuer.db import AsyncpgDriver
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from tally import Tally, paced, ready, role, said

BATCH = 1_000


async def put(count: int, url: str) -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    begun = time.perf_counter()
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        await queries.enqueue(["noop"] * size, [b"0"] * size, [0] * size)
    said({"seconds": time.perf_counter() - begun})


async def pace(count: int, url: str) -> None:
    connection = await asyncpg.connect(url)
    queries = Queries(AsyncpgDriver(connection))
    for instant in paced(count):
        await queries.enqueue("noop", str(instant).encode())


async def work(count: int, url: str) -> None:
    tally = Tally(count)
    manager = QueueManager(Queries(AsyncpgDriver(await asyncpg.connect(url))))

    @manager.entrypoint("noop")
    async def noop(job) -> None:
        tally.job(int(job.payload))

    ready()
    await manager.run(batch_size=100)


async def install(url: str) -> None:
    await Queries(AsyncpgDriver(await asyncpg.connect(url))).install()


if __name__ == "__main__":
    name, count, url = role()
    if name == "install":
        asyncio.run(install(url))
    else:
        asyncio.run({"put": put, "pace": pace, "drain": work, "start": work}[name](count, url))
