"""A task in a queue that had 10 keys before, and in one that had 200,000, each of them idle now.

The task comes in where nothing waits, is claimed and completed, one call at a time, in turn over both.
"""

import asyncio
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop

from bench.core import engine_at
from bench.measure import PAYLOAD, RESULT, folder, median, raw_fsync, table
from taskloom.core.commands import Claim, Complete, Create
from taskloom.engine.engine import Engine
from taskloom.engine.outcome import Accepted

CALLS = 300
SIZES = (10, 200_000)
CLAIM = Claim(tenant="default", queues=(("q", 1),), worker="w", holder="k")


def fill(path: Path, lanes: int) -> None:
    """So many lanes that had a task each, one after another."""
    connection = sqlite3.connect(path / "taskloom.db")
    series = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ?)"
    connection.execute(
        "INSERT INTO lanes (queue, level, tenant, lane, depth, in_flight, virtual_time, entered, ended)"
        f" {series} SELECT 'q', 1, 'default', 'k' || n, 0, 0, n * 1000000, 1, 1 FROM s",
        (lanes,),
    )
    connection.execute(
        "INSERT INTO shares (queue, level, tenant, depth, in_flight, virtual_time, served_at, entered, ended)"
        " SELECT queue, level, tenant, 0, 0, max(virtual_time), 0, count(*), count(*) FROM lanes"
        " GROUP BY 1, 2, 3"
    )
    connection.commit()
    connection.close()


async def one_task(engine: Engine, turn: int) -> float:
    """A task from its beginning to its end, microseconds."""
    start = time.perf_counter()
    key = f"k{turn % SIZES[0] + 1}"
    made = await engine.submit(Create(tenant="default", queue="q", dialect="native", lane=key, input=PAYLOAD))
    assert isinstance(made, Accepted)
    claimed = await engine.claim(CLAIM)
    assert isinstance(claimed, list)
    task = claimed[0].task
    await engine.submit(Complete(key=task.key, tenant="default", result=RESULT, token=task.token, by="k"))
    return (time.perf_counter() - start) * 1e6


async def measure() -> None:
    with ExitStack() as stack:
        engines: dict[int, Engine] = {}
        for lanes in SIZES:
            path = stack.enter_context(folder())
            engine = engine_at(path)
            await engine.start()
            await engine.stop()
            await asyncio.to_thread(fill, path, lanes)
            engines[lanes] = engine_at(path)
            await engines[lanes].start()
            if lanes == SIZES[0]:
                print(raw_fsync(path))
        took: dict[int, list[float]] = {lanes: [] for lanes in SIZES}
        for turn in range(CALLS):
            for lanes, engine in engines.items():
                took[lanes].append(await one_task(engine, turn))
        for engine in engines.values():
            await engine.stop()
    few = median(took[SIZES[0]])
    lines = [
        [f"{lanes:,}", f"{median(took[lanes]):.0f}", f"{median(took[lanes]) / few:.2f}"] for lanes in SIZES
    ]
    table("one caller: put, claim, complete", ["idle keys", "p50 µs", f"÷ {SIZES[0]}"], lines)


if __name__ == "__main__":
    uvloop.run(measure())
