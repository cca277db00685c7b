"""taskiq on a Redis stream, up to 100 tasks at once."""

import asyncio
import time

from tally import Tally, paced, ready, role, said
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

name, count, url = role()
broker = RedisStreamBroker(url=url)
tally = Tally(count)


@broker.task(task_name="noop")
async def noop(instant: int) -> None:
    tally.job(instant)


async def put() -> None:
    await broker.startup()
    begun = time.perf_counter()
    for _ in range(count):
        await noop.kiq(0)
    said({"seconds": time.perf_counter() - begun})
    await broker.shutdown()


async def pace() -> None:
    await broker.startup()
    for instant in paced(count):
        await noop.kiq(instant)
    await broker.shutdown()


async def work() -> None:
    broker.is_worker_process = True
    await broker.startup()
    ready()
    await run_receiver_task(broker, max_async_tasks=100)


asyncio.run({"put": put, "pace": pace}.get(name, work)())
