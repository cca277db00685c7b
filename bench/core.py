"""What a command costs, by part, and how near the engine comes to the bare writer.

The bare writer executes the same statements on the same schema, with values prepared beforehand: no decision,
no overlay, no journal encoding, nobody waiting.
"""

import asyncio
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.measure import PAYLOAD, RESULT, folder, interleaved, median, ratio, raw_fsync, table
from taskloom.bus.memory import MemoryBus
from taskloom.core.apply import apply
from taskloom.core.commands import Claim, Complete, Create
from taskloom.core.decide import Moment, decide
from taskloom.core.events import TaskCompleted
from taskloom.core.keys import KeyMaker
from taskloom.core.task import Task
from taskloom.engine.batch import Batch, Environment, empty_save
from taskloom.engine.change import Change
from taskloom.engine.engine import Engine, Plan
from taskloom.engine.handlers import handle
from taskloom.engine.submission import Submission
from taskloom.engine.transaction import run
from taskloom.ports.clock import SystemClock, SystemTokens
from taskloom.ports.store import Load, Save
from taskloom.store.sqlite.batches import answer
from taskloom.store.sqlite.hot import HotTasks
from taskloom.store.sqlite.hot_lanes import HotLanes
from taskloom.store.sqlite.store import SqliteStore, connect

COUNT = int(next((word for word in sys.argv[1:] if word.isdigit()), 12_000))
ROUNDS = 5
BATCH = 100


class Silence:
    async def deliver(self, call: Any) -> Any:
        raise AssertionError(call)

    async def close(self) -> None:
        pass


def engine_at(path: Path, synchronous: str = "FULL") -> Engine:
    store = SqliteStore(path, synchronous=synchronous)
    return Engine(
        Plan(store=store, clock=SystemClock(), tokens=SystemTokens(), bus=MemoryBus(), deliverer=Silence())
    )


async def fill(engine: Engine, count: int) -> None:
    numbers = iter(range(count))

    async def put() -> None:
        for _ in numbers:
            await engine.submit(Create(tenant="default", queue="q", dialect="queue", lane="k", input=PAYLOAD))

    await asyncio.gather(*[put() for _ in range(500)])


async def claim_all(engine: Engine) -> list[Task]:
    tasks: list[Task] = []
    while True:
        claim = Claim(tenant="default", queues=(("q", 1),), worker="w", holder="k", size=500)
        found = await engine.claim(claim)
        assert isinstance(found, list)
        if not found:
            break
        tasks += [handout.task for handout in found]
    shuffled = []  # as real workers finish: out of order within a neighbourhood
    for start in range(0, len(tasks), 1000):
        part = tasks[start : start + 1000]
        random.Random(start).shuffle(part)
        shuffled += part
    return shuffled


async def completions(path: Path, callers: int, synchronous: str = "FULL") -> float:
    """Completions a second through the engine, as seen by `callers` concurrent callers."""
    engine = engine_at(path, synchronous)
    await engine.start()
    count = COUNT if callers > 1 else COUNT // 10
    await fill(engine, count)
    tasks = iter(await claim_all(engine))

    async def work() -> None:
        for task in tasks:
            done = Complete(key=task.key, tenant="default", result=RESULT, token=task.token, by="k")
            await engine.submit(done)

    start = time.perf_counter()
    await asyncio.gather(*[work() for _ in range(callers)])
    took = time.perf_counter() - start
    await engine.stop()
    return count / took


def prepared(path: Path) -> list[tuple[Load, Save]]:
    """The loads and saves of completions in batches, values ready to be bound."""

    async def claimed() -> list[Task]:
        engine = engine_at(path)
        await engine.start()
        await fill(engine, COUNT)
        tasks = await claim_all(engine)
        await engine.stop()
        return tasks

    tasks = uvloop.run(claimed())
    now = SystemClock().now_ms()
    keys = KeyMaker(2)
    batches = []
    for start in range(0, len(tasks), BATCH):
        save = empty_save()
        part = tasks[start : start + BATCH]
        for task in part:
            key = keys.make(now)
            save.finished.append(apply(task, TaskCompleted(task.key, key, "k"), now))
            save.payloads.append((key, RESULT))
        save.events = len(part)
        save.journal = b"j" * (70 * len(part))
        batches.append((Load(tasks=[task.key for task in part]), save))
    return batches


def bare() -> float:
    """Completions a second of the bare writer."""
    with folder() as path:
        batches = prepared(path)
        connection = connect(path / "taskloom.db")
        hot, lanes = HotTasks(), HotLanes()
        start = time.perf_counter()
        for load, save in batches:
            connection.execute("BEGIN IMMEDIATE")
            answer(connection, load, hot, lanes)
            answer(connection, save, hot, lanes)
            connection.execute("COMMIT")
        took = time.perf_counter() - start
        connection.close()
        return COUNT / took


def through_engine(callers: int, synchronous: str = "FULL") -> Callable[[], float]:
    def once() -> float:
        with folder() as path:
            return uvloop.run(completions(path, callers, synchronous))

    return once


class Meter:
    """Time spent inside the generator of a batch, and outside by kind of request."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.commands = 0

    def add(self, name: str, since: float) -> float:
        now = time.perf_counter()
        self.parts[name] = self.parts.get(name, 0.0) + now - since
        return now


def metered(path: Path) -> Meter:
    """Completions through the real transaction, driven here so that each part can be timed."""

    async def claimed() -> list[Task]:
        engine = engine_at(path)
        await engine.start()
        await fill(engine, COUNT)
        tasks = await claim_all(engine)
        await engine.stop()
        return tasks

    tasks = uvloop.run(claimed())
    environment = Environment(KeyMaker(3), 3, SystemTokens(), {}, {}, {})
    connection = connect(path / "taskloom.db")
    meter = Meter()
    hot, lanes = HotTasks(), HotLanes()
    for start in range(0, len(tasks), BATCH):
        part = tasks[start : start + BATCH]
        submissions = [
            Submission(Complete(key=t.key, tenant="default", result=RESULT, token=t.token, by="k"))
            for t in part
        ]
        connection.execute("BEGIN IMMEDIATE")
        work = run(environment, submissions, SystemClock().now_ms())
        at = time.perf_counter()
        request = next(work)
        try:
            while True:
                at = meter.add("core + engine", at)
                reply = answer(connection, request, hot, lanes)
                at = meter.add(f"store: {type(request).__name__.lower()}", at)
                request = work.send(reply)
        except StopIteration:
            at = meter.add("core + engine", at)
        connection.execute("COMMIT")
        meter.add("store: commit", at)
        meter.commands += len(part)
    connection.close()
    return meter


def pieces() -> list[list[str]]:
    """The pure parts alone, in a loop."""
    task = Task(1 << 40, "default", "q", 1, "k", 0, 2, "queue", 0, token=7, worker="w", holder="k")  # type: ignore[arg-type]
    command = Complete(key=task.key, tenant="default", result=RESULT, token=7, by="k")
    keys = KeyMaker(3)
    now = SystemClock().now_ms()
    moment = Moment(now, lambda: keys.make(now))
    event = TaskCompleted(task.key, 5, "k")
    environment = Environment(keys, 3, SystemTokens(), {}, {}, {})
    batch = Batch(environment, now)
    batch.tasks[task.key] = task

    def whole() -> None:
        change = Change(batch)
        handle(change, command)

    subjects: dict[str, Callable[[], Any]] = {
        "decide": lambda: decide(task, command, moment),
        "apply": lambda: apply(task, event, now),
        "handle (decide, apply, overlay)": whole,
    }
    rows = []
    for name, call in subjects.items():
        best = min(_loop(call) for _ in range(5))
        rows.append([name, f"{best:.2f}"])
    return rows


def _loop(call: Callable[[], Any], times: int = 20_000) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times * 1e6


def main() -> None:
    with folder() as path:
        print(raw_fsync(path))
    table("pure parts, µs each", ["part", "µs"], pieces())
    meters = []
    for _ in range(3):
        with folder() as path:
            meters.append(metered(path))
    names = list(meters[0].parts)
    rows = [[name, f"{median([m.parts[name] / m.commands * 1e6 for m in meters]):.2f}"] for name in names]
    table(
        f"one completion in a batch of {BATCH}, µs by part (must: core + engine <= 30, aim <= 12)",
        ["part", "µs"],
        rows,
    )
    subjects = {
        "bare writer, batch 100": bare,
        "engine, 1 caller": through_engine(1),
        "engine, 64 callers": through_engine(64),
        "engine, 512 callers": through_engine(512),
        "engine, 512 callers, NORMAL": through_engine(512, "NORMAL"),
    }
    figures = interleaved(ROUNDS, subjects)
    rows = [
        [name, f"{median(values):,.0f}", ratio(figures, name, "bare writer, batch 100")]
        for name, values in figures.items()
    ]
    table(
        "durable completions a second (must: 64 callers >= 0.60 of bare, aim 0.85)",
        ["", "per s", "÷ bare"],
        rows,
    )
    print("  FULL ÷ NORMAL:", ratio(figures, "engine, 512 callers", "engine, 512 callers, NORMAL"))


if __name__ == "__main__":
    main()
