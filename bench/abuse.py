"""What others feel of slow sockets (A9), of a flood (A15) and of open long polls (F14).

`./dev bench abuse` takes small sizes, `--long` those of the goals: 5,000 slow sockets, 10,000 polls.
"""

import asyncio
import sys
import time
from pathlib import Path

from bench.measure import folder, interleaved, median, memory_mb, ratio, raw_fsync, table
from samples.callers import GROWING, Caller, Line, leave, opened, request, slow, trickle
from taskloom.server.run import allow_open_files
from tests.server.fixtures import ROOT_KEY, Process

LONG = "--long" in sys.argv
SLOW = 5_000 if LONG else 500
POLLS = 10_000 if LONG else 1_000
PROBES = 500
ROUNDS = 4
ROUND_S = 2.0
RATE = 60
BULK = 1_000
POLL = {"queues": [{"queue": "polls"}], "size": 1, "wait_ms": 600_000}


def port_of(process: Process) -> int:
    return int(process.url.rpartition(":")[2])


async def felt(port: int, probes: int = PROBES) -> list[float]:
    """Milliseconds of calls one after another, sorted."""
    times = []
    async with Caller(port, ROOT_KEY) as caller:
        for _ in range(probes):
            begun = time.perf_counter()
            await caller.post("/api/v1/tasks", {"items": [{"queue": "others"}]})
            times.append(1000 * (time.perf_counter() - begun))
    return sorted(times)


def shown(times: list[float]) -> str:
    """Median and 99th percentile."""
    return f"{times[len(times) // 2]:.1f} / {times[int(len(times) * 0.99)]:.1f} ms"


async def slow_sockets(process: Process) -> None:
    port, manners = port_of(process), slow(ROOT_KEY)
    alone, before = await felt(port), memory_mb(process.pid)
    names = [list(manners)[number % len(manners)] for number in range(SLOW)]
    lines = await opened(port, [manners[name] for name in names])
    growing = [line for name, line in zip(names, lines, strict=True) if name in GROWING]
    trickling = asyncio.create_task(trickle(growing))
    beside, after = await felt(port), memory_mb(process.pid)
    trickling.cancel()
    await leave(lines)
    rows = [
        ["others alone, p50 / p99", shown(alone), ""],
        ["others beside them, p50 / p99", shown(beside), "must p99 < 100 ms"],
        ["server memory", f"{before:.0f} -> {after:.0f} MB", ""],
    ]
    table(f"A9: {SLOW:,} slow sockets", ["", "measured", ""], rows)


async def flood(port: int, key: str) -> None:
    """As fast as a rate of `RATE` a minute fifty times over, until it is cancelled."""
    async with Caller(port, key) as caller:
        while True:
            await caller.call("POST", "/api/v1/tasks", {"items": [{"queue": "flood"}]})
            await asyncio.sleep(60 / (50 * RATE))


async def throughput(port: int, loud: str = "") -> float:
    """Calls a second of one neighbour, beside a flood if its key is given."""
    flooding = asyncio.create_task(flood(port, loud)) if loud else None
    served, ends = 0, time.perf_counter() + ROUND_S
    async with Caller(port, ROOT_KEY) as caller:
        while time.perf_counter() < ends:
            await caller.work("quiet")
            served += 3
    if flooding is not None:
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
    return served / ROUND_S


async def loud_key(port: int) -> str:
    async with Caller(port, ROOT_KEY, "loud") as root:
        wanted = {"name": "app", "scopes": ["task.write"], "rate": RATE}
        secret: str = (await root.call("POST", "/api/v1/keys", wanted))[1]["secret"]
        return secret


def neighbours(process: Process) -> None:
    port = port_of(process)
    loud = asyncio.run(loud_key(port))
    runs = {
        "alone": lambda: asyncio.run(throughput(port)),
        "beside the flood": lambda: asyncio.run(throughput(port, loud)),
    }
    figures = interleaved(ROUNDS, runs)
    rows = [[name, f"{median(values):,.0f}"] for name, values in figures.items()]
    table(f"A15: a neighbour of 50 x {RATE} calls a minute", ["", "calls per s"], rows)
    print(f"  beside / alone: {ratio(figures, 'beside the flood', 'alone')}; must be 0.90 or more")


async def polls(process: Process) -> None:
    port, heard = port_of(process), asyncio.Queue[Line]()
    before, begun = memory_mb(process.pid), time.perf_counter()
    lines = await opened(
        port, [request("POST", "/api/v1/tasks/claim", ROOT_KEY, POLL)] * POLLS, heard.put_nowait
    )
    await felt(port, 1)
    opened_s, waiting, after = time.perf_counter() - begun, await felt(port), memory_mb(process.pid)
    begun = time.perf_counter()
    async with Caller(port, ROOT_KEY) as caller:
        for first in range(0, POLLS, BULK):
            items = [{"queue": "polls"}] * min(BULK, POLLS - first)
            await caller.post("/api/v1/tasks", {"items": items})
    put_s = time.perf_counter() - begun
    beside = asyncio.create_task(felt(port))
    answers = [await heard.get() for _ in range(POLLS)]
    answered_s = time.perf_counter() - begun
    tasks = sum(b'"lease_token"' in line.body for line in answers)
    rows = [
        ["open", f"{opened_s:.1f} s", ""],
        ["server memory", f"{before:.0f} -> {after:.0f} MB", ""],
        ["others while they wait, p50 / p99", shown(waiting), "must p99 < 50 ms"],
        ["others while they are answered, p50 / p99", shown(await beside), ""],
        ["tasks put", f"{put_s:.1f} s", ""],
        ["all answered, after the last was put", f"{answered_s - put_s:.1f} s", "must < 3 s"],
        ["answered with a task", f"{tasks:,}", ""],
    ]
    await leave(lines)
    table(f"F14: {POLLS:,} open long polls", ["", "measured", ""], rows)


def main() -> None:
    allow_open_files()
    with folder() as path:
        print(raw_fsync(path))
        for name, run in (
            ("slow", lambda process: asyncio.run(slow_sockets(process))),
            ("neighbours", neighbours),
            ("polls", lambda process: asyncio.run(polls(process))),
        ):
            process = Process(Path(path) / name).start()
            try:
                run(process)
            finally:
                process.kill()


if __name__ == "__main__":
    main()
