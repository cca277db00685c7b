"""64 completions of one task at once: one winner, one event, one callback."""

import asyncio
import json

import msgspec
import pytest

from taskloom.core.events import Entry, TaskCompleted, TaskFailed
from taskloom.dialects.queue.spelling import read
from tests.dialects.queue.desk import STORES

CALLS = 64

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


def contender(desk, task_id, taken, which, number):
    """One of the 64; `which` says what tells them apart."""
    envelope = {"status_code": 200 if number % 4 else 500, "body": {"by": number}}
    if which == "same outcome":
        envelope = {"status_code": 200, "body": {"by": "all"}}
    elif which == "with tokens":
        envelope["lease_id"] = taken["lease_id"] if number % 2 else str(number + 1)
    return desk.complete(task_id, envelope)


async def finals(engine, key):
    """The events of the journal that ended a task."""
    found = []
    for chunk in await engine.store.journal(0, 1_000):
        for entry in msgspec.msgpack.decode(chunk.body, type=list[Entry]):
            found += [e for e in entry.events if isinstance(e, TaskCompleted | TaskFailed) and e.key == key]
    return found


@pytest.mark.parametrize("which", ["same outcome", "different outcomes", "with tokens"])
async def test_of_64_completions_at_once_one_wins(desk, which):
    task_id = await desk.put(callback_url="http://example.com/done")
    taken = await desk.take()

    answers = await asyncio.gather(*(contender(desk, task_id, taken, which, n) for n in range(CALLS)))

    statuses = [answer.status for answer in answers]
    task = await desk.get(task_id)
    calls = await desk.server.inbox.next()
    assert len(await finals(desk.server.engine, read(task_id))) == 1
    assert len({call.key for call in calls}) == 1
    assert json.loads(calls[0].body)["body"] == task["result"]["body"]
    if which == "same outcome":
        assert statuses == [200] * CALLS
    else:
        assert sorted(statuses) == [200] + [409] * (CALLS - 1)
        assert task["result"]["body"]["by"] == statuses.index(200)


async def test_completion_against_cancellation_has_one_winner(desk):
    for number in range(20):
        task_id = await desk.put()
        await desk.take()
        calls = [desk.complete(task_id), desk.cancel(task_id)]

        answers = await asyncio.gather(*(calls if number % 2 else reversed(calls)))

        status = (await desk.get(task_id))["status"]
        completed = answers[0 if number % 2 else 1]
        assert (completed.status, status) in {(200, "succeeded"), (409, "cancelled")}
