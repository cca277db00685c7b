"""Claim and completion at 10 k, 1 M and (with --long) 10 M rows, nine in ten of them ended.

The rows are written by SQL in one go; then the real engine claims and completes, one call at a time, in turn
over all sizes, so that a noisy minute hits all alike.
"""

import asyncio
import sqlite3
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import uvloop
from msgspec import structs

from bench.core import engine_at
from bench.measure import PAYLOAD, RESULT, folder, median, raw_fsync, table
from taskloom.core.commands import Claim, Complete
from taskloom.core.keys import KeyParts, join
from taskloom.core.task import READY, Task
from taskloom.engine.engine import Engine

CALLS = 300
QUEUES = 10


def fill(path: Path, rows: int) -> None:
    """`rows` tasks over ten queues, the last tenth of them ready."""
    connection = sqlite3.connect(path / "taskloom.db", isolation_level=None)
    first = join(KeyParts(1_735_000_000, 0, 1))
    values = {
        "key": f"{first} + n * 2048",
        "tenant": "'default'",
        "queue": f"'q' || (n % {QUEUES})",
        "level": "1",
        "lane": "'k'",
        "priority": "0",
        "state": "CASE WHEN n < {ended} THEN 4 ELSE 1 END",
        "dialect": "'queue'",
        "created_at": "1735000000000",
        "flow": "0",
        "root": f"{first} + n * 2048",
        "worker": "''",
        "assignee": "''",
        "finished_at": "0",
    }
    ended = rows * 9 // 10
    sample = Task(1, "t", "q", 1, "k", 0, READY, "queue", 1_735_000_000_000, losses_max=3)
    within = [values.get(name, _spelt(value)) for name, value in structs.asdict(sample).items()]
    chosen = ", ".join([*values.values(), f"json_array({', '.join(within)})"]).replace("{ended}", str(ended))
    columns = ", ".join([*values, "body"])
    series = "WITH RECURSIVE s(n) AS (SELECT {a} UNION ALL SELECT n + 1 FROM s WHERE n + 1 < {b})"
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN")
    half = series.format(a=0, b=ended)
    connection.execute(f"INSERT INTO history ({columns}) {half} SELECT {chosen} FROM s")
    rest = series.format(a=ended, b=rows)
    connection.execute(
        f"INSERT INTO tasks ({columns}, due_at) {rest} SELECT {chosen}, 4611686018427387903 FROM s"
    )
    whole = series.format(a=0, b=rows)
    connection.execute(
        f"INSERT INTO details (key, attributes, callback, input) {whole}"
        f" SELECT {first} + n * 2048, x'7b7d', '', ? FROM s",
        (PAYLOAD,),
    )
    connection.execute(
        "INSERT INTO lanes (queue, level, tenant, lane, depth, in_flight, virtual_time)"
        " SELECT queue, level, tenant, lane, count(*), 0, 0 FROM tasks GROUP BY 1, 2, 3, 4"
    )
    connection.execute(
        "INSERT INTO shares (queue, level, tenant, depth, in_flight, virtual_time, served_at)"
        " SELECT queue, level, tenant, sum(depth), 0, 0, 0 FROM lanes GROUP BY 1, 2, 3"
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("ANALYZE")
    connection.close()


def _spelt(value: object) -> str:
    """A value of a task's field as SQL has it within an array."""
    if isinstance(value, bool):
        return f"json('{str(value).lower()}')"
    return f"'{value}'" if isinstance(value, str) else str(value)


async def one_call(engine: Engine, turn: int) -> tuple[float, float]:
    """One claim and its completion, microseconds each."""
    start = time.perf_counter()
    found = await engine.claim(
        Claim(tenant="default", queues=((f"q{turn % QUEUES}", 1),), worker="w", holder="k")
    )
    claimed = time.perf_counter()
    assert isinstance(found, list)
    task = found[0].task
    await engine.submit(Complete(key=task.key, tenant="default", result=RESULT, token=task.token, by="k"))
    return (claimed - start) * 1e6, (time.perf_counter() - claimed) * 1e6


async def measure(sizes: list[int]) -> None:
    with ExitStack() as stack:
        engines: dict[int, Engine] = {}
        first = stack.enter_context(folder())
        print(raw_fsync(first))
        for rows in sizes:
            path = stack.enter_context(folder())
            engine = engine_at(path)
            await engine.start()
            await engine.stop()
            start = time.perf_counter()
            await asyncio.to_thread(fill, path, rows)
            size = (path / "taskloom.db").stat().st_size / 1e6
            print(f"{rows:,} rows written in {time.perf_counter() - start:.0f} s, {size:,.0f} MB")
            start = time.perf_counter()
            engines[rows] = engine_at(path)
            await engines[rows].start()
            print(f"  opened in {(time.perf_counter() - start) * 1000:.0f} ms")
        claims: dict[int, list[float]] = {rows: [] for rows in sizes}
        ends: dict[int, list[float]] = {rows: [] for rows in sizes}
        for turn in range(CALLS):
            for rows, engine in engines.items():
                claim, end = await one_call(engine, turn)
                claims[rows].append(claim)
                ends[rows].append(end)
        for engine in engines.values():
            await engine.stop()
    base = sizes[0]
    lines = [
        [
            f"{rows:,}",
            f"{median(claims[rows]):.0f}",
            f"{median(claims[rows]) / median(claims[base]):.2f}",
            f"{median(ends[rows]):.0f}",
            f"{median(ends[rows]) / median(ends[base]):.2f}",
        ]
        for rows in sizes
    ]
    head = ["rows", "claim p50 µs", "÷ 10 k", "complete p50 µs", "÷ 10 k"]
    table("one caller, own commit each (must: claim ÷ 10 k <= 1.5, aim 1.1)", head, lines)


if __name__ == "__main__":
    uvloop.run(measure([10_000, 1_000_000] + ([10_000_000] if "--long" in sys.argv else [])))
