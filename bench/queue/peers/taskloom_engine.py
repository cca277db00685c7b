"""Taskloom in process: an engine on SQLite (FULL), one worker that claims 900 and completes the last."""

import asyncio
import time
from pathlib import Path
from typing import Any

import uvloop
from tally import Tally, ready, role, said

from bench.core import engine_at
from taskloom.core.commands import Claim, Complete, Create
from taskloom.engine.engine import Engine

BATCH = 1_000
SIZE = 900
KIND = {"tenant": "default", "queue": "noop", "dialect": "native"}
CLAIM = Claim(tenant="default", queues=(("noop", 1),), worker="w", holder="k", size=SIZE)


async def put(engine: Engine, count: int) -> None:
    begun = time.perf_counter()
    for start in range(0, count, BATCH):
        await engine.submit_many([Create(**KIND, input=b"0") for _ in range(min(BATCH, count - start))])
    said({"seconds": time.perf_counter() - begun})


async def drain(engine: Engine, count: int) -> None:
    """What is finished is told in the same breath in which more is asked for."""
    tally = Tally(count)
    ready()
    finished: list[Any] = []
    while True:
        wait_ms = 0 if finished else 10_000
        claiming = engine.claim(CLAIM, wait_ms)
        claimed, _ = await asyncio.gather(claiming, engine.submit_many(finished))
        finished = [
            Complete(key=task.key, tenant="default", token=task.token, by="k")
            for task in (handout.task for handout in claimed)
        ]
        for handout in claimed:
            tally.job(int(handout.input))


async def main() -> None:
    name, count, place = role()
    engine = engine_at(Path(place))
    await engine.start()
    await (put if name == "put" else drain)(engine, count)
    await engine.stop()


uvloop.run(main())
