"""Dead letters: tasks that failed for good are listed with their attempts, replayed once, or discarded."""

import asyncio

import pytest

from tests.dialects.native.bench import QUEUE, STORES, codes, done
from tests.dialects.queue.desk import Desk

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

LETTERS = "/api/v1/dead-letters"


async def letters(bench, asked=""):
    answer = await bench.client.get(f"{LETTERS}?{asked}")
    assert answer.status == 200, answer.body
    return answer.json()


def keys(page):
    return [item["key"] for item in page["items"]]


async def died(bench, code="broken", **fields):
    """A task that failed for good."""
    (key,) = await bench.made(**fields)
    (task,) = await bench.claimed(queues=[{"queue": fields.get("queue", QUEUE)}], worker="w")
    await bench.fail({"key": key, "lease_token": task["lease_token"], "code": code, "message": "why"})
    return key


async def replay(bench, key):
    return await bench.client.post(f"{LETTERS}/{key}/replay")


async def test_a_letter_tells_of_every_attempt(bench):
    (key,) = await bench.made(retry={"max_retries": 2, "first_pause_ms": 0})
    for number in range(2):
        (task,) = await bench.claimed(worker=f"w{number}")
        bench.server.clock.advance(seconds=5)
        await bench.fail(
            {"key": key, "lease_token": task["lease_token"], "code": f"E{number}", "message": "m"}
        )
    await bench.claimed(worker="w2")
    await bench.lose_lease()

    letter = (await bench.client.get(f"{LETTERS}/{key}")).json()

    assert (letter["key"], letter["queue"], letter["attempt"]) == (key, QUEUE, 3)
    assert letter["error"]["code"] == "lease_lost"
    told = [(one["number"], one["worker"], one["error"]["code"]) for one in letter["attempts"]]
    assert told == [(1, "w0", "E0"), (2, "w1", "E1"), (3, "w2", "lease_lost")]
    assert all(one["started_at"] < one["ended_at"] for one in letter["attempts"])
    assert await letters(bench) == {"items": [letter], "next": None}


async def test_what_is_tried_again_or_ended_otherwise_is_no_dead_letter(bench):
    await bench.made(3, retries=1)
    one, other, third = await bench.claimed(3)
    await bench.fail({"key": one["key"], "lease_token": one["lease_token"]})
    await bench.complete(done(other))
    await bench.client.post(f"/api/v1/tasks/{third['key']}/cancel")

    assert (await letters(bench))["items"] == []
    assert (await bench.client.get(f"{LETTERS}/{one['key']}")).status == 404


async def test_letters_are_narrowed_by_queue_code_and_time_and_come_in_pages(bench):
    first = await died(bench)
    elsewhere = await died(bench, queue="elsewhere")
    other = await died(bench, code="other", level=3)
    before = bench.server.clock.now_ms()
    bench.server.clock.advance(seconds=60)
    last = await died(bench)

    assert keys(await letters(bench, f"queue={QUEUE}&code=broken&order=oldest")) == [first, last]
    assert keys(await letters(bench, "level=3")) == [other]
    instant = f"{before // 1000 + 1}"
    assert keys(await letters(bench, f"died_after={instant}")) == [last]
    page = await letters(bench, "limit=3")
    assert (keys(page), page["next"]) == ([last, other, elsewhere], elsewhere)
    assert keys(await letters(bench, f"limit=3&after={page['next']}")) == [first]


async def test_a_replayed_letter_lives_again_and_completes(bench):
    key = await died(bench, retry={"max_retries": 0})

    answer = await replay(bench, key)

    assert answer.json() == {"key": key, "status": "ready"}
    assert (await letters(bench))["items"] == []
    (task,) = await bench.claimed()
    assert (task["key"], task["attempt"]) == (key, 2)
    assert codes(await bench.complete(done(task))) == ["completed"]


async def test_many_at_once_replay_a_letter_once(bench):
    key = await died(bench)

    answers = await asyncio.gather(*[replay(bench, key) for _ in range(20)])

    statuses = sorted(answer.status for answer in answers)
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 404, 409}


async def test_a_letter_whose_outcome_was_consumed_is_replayed_as_a_new_task_that_names_it(bench):
    desk = Desk(bench.server, await bench.server.key("desk"))
    await desk.register()
    async with desk.streaming(callback_url=""):
        taken = await desk.taken()
        await desk.client.post(f"/v1/queue/{taken['task_id']}/fail", {"code": "broken"})
    (old,) = keys(await letters(bench))

    new = (await replay(bench, old)).json()

    assert (new["key"] != old, new["status"]) == (True, "ready")
    assert (await letters(bench))["items"] == []
    shown = await bench.get(new["key"])
    assert (shown["attributes"]["replays"], shown["input"]) == (old, {"model": "m"})
    assert (await bench.get(old))["state"] == "failed"
    assert (await desk.take())["data"] == {"model": "m"}


async def test_a_discarded_letter_is_gone_and_its_task_stays_failed(bench):
    key = await died(bench)

    answer = await bench.client.delete(f"{LETTERS}/{key}")

    assert answer.status == 204
    assert (await letters(bench))["items"] == []
    assert (await bench.get(key))["state"] == "failed"
    assert (await replay(bench, key)).status == 404


async def test_many_are_replayed_by_a_filter_the_oldest_first_up_to_a_limit(bench):
    first, second, third = [await died(bench) for _ in range(3)]
    other = await died(bench, code="other")

    answer = await bench.client.post(f"{LETTERS}/replay", {"code": "broken", "limit": 2})

    assert [item["key"] for item in answer.json()["items"]] == [first, second]
    assert keys(await letters(bench, "order=oldest")) == [third, other]


async def test_many_are_discarded_by_a_filter(bench):
    await died(bench)
    other = await died(bench, code="other")

    await bench.client.post(f"{LETTERS}/discard", {"code": "broken"})

    assert keys(await letters(bench)) == [other]


async def test_another_tenant_sees_no_letters_and_replays_none(bench):
    key = await died(bench)
    stranger = await bench.other("stranger", tenant="elsewhere")

    assert (await letters(stranger))["items"] == []
    assert (await replay(stranger, key)).status == 404
    assert (await stranger.client.delete(f"{LETTERS}/{key}")).status == 404
    assert (await stranger.client.post(f"{LETTERS}/replay", {})).json() == {"items": []}
    assert (await stranger.client.get(f"{LETTERS}?tenant=default")).status == 404
    assert keys(await letters(bench)) == [key]


@pytest.mark.parametrize("asked", ["limit=0", "level=11", "order=best", "died_after=soon", "what=1"])
async def test_what_makes_no_sense_is_refused(bench, asked):
    assert (await bench.client.get(f"{LETTERS}?{asked}")).status == 400
