"""F14: many open long polls; a task for each is put, and each is answered with exactly one.

`./dev bench abuse` shows how long it takes, and what others feel meanwhile.
"""

import asyncio
import json

import pytest

from samples.callers import Caller, leave, opened, request
from taskloom.server.run import allow_open_files
from tests.faults.server import HANG_GUARD_S, ROOT_KEY, ServerProcess

POLLS, POLLS_LONG = 500, 10_000
QUEUE = "polls"
TAKE_WAIT_S = 30
CLAIM_WAIT_MS = 600_000
BULK = 1_000


def polls(count):
    """Requests for one task, in turn in the queue dialect and in the native one."""
    take = {"queues": [f"{QUEUE}:1"], "size": 1, "wait_seconds": TAKE_WAIT_S}
    claim = {"queues": [{"queue": QUEUE}], "size": 1, "wait_ms": CLAIM_WAIT_MS}
    both = [
        request("POST", "/v1/queue/take", ROOT_KEY, take),
        request("POST", "/api/v1/tasks/claim", ROOT_KEY, claim),
    ]
    return [both[number % 2] for number in range(count)]


def tasks_of(line):
    """The ids of the tasks a poll was answered with."""
    assert line.status == 200, line.answer
    answer = json.loads(line.body)
    if "items" in answer:
        return [task["key"] for task in answer["items"]]
    return [task["task_id"] for tasks in answer.values() for task in tasks]


async def all_waiting(caller, count, heard):
    """Until the server says that so many calls are under way, this one left out."""
    async with asyncio.timeout(HANG_GUARD_S):
        while await under_way(caller) < count:
            assert heard.empty(), heard.get_nowait().answer


async def under_way(caller):
    status, text = await caller.text("GET", "/metrics")
    assert status == 200
    (line,) = [line for line in text.splitlines() if line.startswith('taskloom_crowd{by="key"}')]
    return float(line.split()[-1]) - 1


async def answered(server, count):
    """What every poll was answered with, after a task was put for each; others are served meanwhile."""
    allow_open_files()
    heard = asyncio.Queue()
    async with Caller(server.port, ROOT_KEY) as caller:
        registered = {"queue": QUEUE, "endpoint": "/v1/polls"}
        await caller.post("/v1/queue/register", registered)
        lines = await opened(server.port, polls(count), heard.put_nowait)
        await all_waiting(caller, count, heard)
        await caller.work("others")
        for first in range(0, count, BULK):
            items = [{"queue": QUEUE}] * min(BULK, count - first)
            await caller.post("/api/v1/tasks", {"items": items})
        await caller.work("others")
        async with asyncio.timeout(4 * HANG_GUARD_S):
            found = [tasks_of(await heard.get()) for _ in range(count)]
        _, queue = await caller.call("GET", f"/api/v1/queues/{QUEUE}")
        await leave(lines)
    return found, queue


async def run(tmp_path, count):
    server = ServerProcess(tmp_path / "data")
    await asyncio.to_thread(server.start)
    try:
        found, queue = await answered(server, count)
    finally:
        server.kill()
    assert {len(tasks) for tasks in found} == {1}
    assert len({tasks[0] for tasks in found}) == count
    assert sum(key["ready"] for key in queue["keys"]) == 0
    assert sum(key["in_flight"] for key in queue["keys"]) == count


async def test_every_open_poll_is_answered_with_one_task(tmp_path):
    await run(tmp_path, POLLS)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_each_of_ten_thousand_open_polls_is_answered_with_one_task(tmp_path):
    await run(tmp_path, POLLS_LONG)
