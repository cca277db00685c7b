"""Queues in numbers, and clearing them."""

import asyncio

import pytest

from taskloom.core.limits import CLEARED_AT_ONCE
from tests.dialects.queue.desk import QUEUE, STORES, Desk
from tests.server.fixtures import ROOT_KEY

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

HEAD = {
    "id", "queue", "level", "last_wrote_sharding_key", "last_wrote_id", "last_scanned_sharding_key",
    "last_scanned_id", "total_put_cnt", "total_loaded_cnt", "total_completed_cnt", "cuid", "muid", "cu_name",
    "mu_name", "ctime", "mtime",
}  # fmt: skip


async def got(desk, path):
    answer = await desk.client.get(path)
    assert answer.status == 200, answer.body
    return answer.json()


async def clear(desk, full_name=f"{QUEUE}:1"):
    return await desk.client.post(f"/v1/console/{full_name}/clear")


async def work_through(desk):
    """Five tasks: one succeeded, one failed, one timed out, one taken, one waits."""
    made = [await desk.put() for _ in range(5)]
    taken = [await desk.take(process_timeout=10, process_max_retries=0) for _ in range(3)]
    await desk.complete(taken[0]["task_id"])
    await desk.complete(taken[1]["task_id"], {"status_code": 500, "body": {}})
    await desk.lose_lease(10)
    await desk.take()
    return made


@pytest.mark.parametrize("level", [0, 1])
async def test_the_head_of_a_queue_counts_what_came_in_what_was_taken_and_what_ended(desk, level):
    for _ in range(3):
        await desk.put(level=level)
    await desk.complete((await desk.take(f"{QUEUE}:{level}"))["task_id"])
    await desk.take(f"{QUEUE}:{level}")

    head = await got(desk, f"/v1/queue/{QUEUE}:{level}/stats")

    assert set(head) == HEAD
    assert (head["queue"], head["level"], head["cu_name"]) == (QUEUE, level, "desk")
    assert (head["total_put_cnt"], head["total_loaded_cnt"], head["total_completed_cnt"]) == (3, 2, 1)
    assert len(head["ctime"]) == len("2026-09-21T10:30:00")
    assert await got(desk, f"/v1/queue/{QUEUE}:{level}/backlog") == 1


async def test_the_console_lists_every_queue_of_the_tenant(desk):
    await desk.register("unused")
    await desk.put(level=0)
    stranger = await desk.other("stranger", tenant="elsewhere")

    heads = await got(desk, "/v1/console/queue/stats")

    told = [(head["queue"], head["level"], head["total_put_cnt"]) for head in heads]
    assert told == [(QUEUE, 0, 1), (QUEUE, 1, 0), ("unused", 1, 0)]
    assert await got(stranger, "/v1/console/queue/stats") == []


async def test_the_details_count_every_status(desk):
    await work_through(desk)
    desk.server.clock.advance(seconds=20)

    details = await got(desk, f"/v1/queue/{QUEUE}:1/details")

    assert details == {
        "queue": QUEUE,
        "level": 1,
        "waiting": 1,
        "queued": 1,
        "succeeded": 1,
        "failed": 1,
        "timeout": 1,
        "cancelled": 0,
        "oldest_age_seconds": 31,
        "rate": 0.05,
    }


@pytest.mark.parametrize("what", ["stats", "details", "backlog"])
async def test_a_queue_nobody_registered_and_a_name_without_level_have_no_numbers(desk, what):
    assert (await desk.client.get(f"/v1/queue/nobody:1/{what}")).status == 404
    assert (await desk.client.get(f"/v1/queue/{QUEUE}/{what}")).status == 400


async def test_clearing_cancels_what_waits_each_with_its_call_and_leaves_what_is_taken(desk):
    held = await desk.put()
    await desk.take()
    waiting = [await desk.put(callback_url="http://example.com/done") for _ in range(3)]
    elsewhere = await desk.put(level=2)

    answer = await clear(desk)

    assert (answer.status, answer.json()) == (200, f"{QUEUE}:1")
    statuses = [(await desk.get(task_id))["status"] for task_id in (*waiting, held, elsewhere)]
    assert statuses == ["cancelled"] * 3 + ["queued", "waiting"]
    calls = await desk.server.inbox.next(3)
    assert len(calls) == 3
    assert await got(desk, f"/v1/queue/{QUEUE}:1/backlog") == 0


async def test_the_online_level_can_be_cleared_too(desk):
    task_id = await desk.put(level=0)

    await clear(desk, f"{QUEUE}:0")

    assert (await desk.get(task_id))["status"] == "cancelled"


async def test_what_comes_after_the_clearing_stays(desk):
    await clear(desk)
    task_id = await desk.put()
    await clear(desk, f"{QUEUE}:2")

    assert (await desk.get(task_id))["status"] == "waiting"


async def test_a_long_queue_is_cleared_in_steps(desk):
    count = 2 * CLEARED_AT_ONCE + 1
    await asyncio.gather(*[desk.put() for _ in range(count)])

    await clear(desk)

    head = await got(desk, f"/v1/queue/{QUEUE}:1/stats")
    assert (head["total_put_cnt"], head["total_completed_cnt"]) == (count, count)


async def test_only_who_registered_a_queue_and_an_administrator_may_clear_it(desk):
    task_id = await desk.put()
    other = await desk.other("other")
    stranger = await desk.other("stranger", tenant="elsewhere")

    refused = await clear(other)

    assert (refused.status, refused.json()["code"]) == (400, 400)
    assert (await clear(stranger)).status == 404
    assert (await desk.get(task_id))["status"] == "waiting"
    assert (await clear(Desk(desk.server, ROOT_KEY))).status == 200
    assert (await desk.get(task_id))["status"] == "cancelled"
