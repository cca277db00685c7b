"""`Idempotency-Key` of a put: one task for each key, also of many calls at once and for callers who wait."""

import asyncio

import pytest

from tests.dialects.queue.desk import ENVELOPE, QUEUE, STORES

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)

KEY = {"idempotency-key": "order-7"}


async def test_of_many_puts_at_once_with_one_key_all_are_answered_with_one_task(desk):
    answers = await asyncio.gather(*[desk.post_put(KEY) for _ in range(30)])

    assert {answer.status for answer in answers} == {200}
    assert len({answer.json()["data"] for answer in answers}) == 1
    assert len((await desk.post_take(size=100)).json()[f"{QUEUE}:1"]) == 1


async def test_of_two_bodies_at_once_with_one_key_one_makes_the_task_and_the_other_is_refused(desk):
    answers = await asyncio.gather(*[desk.post_put(KEY, trace_id=f"{number}") for number in range(20)])

    assert sorted({answer.status for answer in answers}) == [200, 422]
    assert [answer.status for answer in answers].count(200) == 1
    assert len((await desk.post_take(size=100)).json()[f"{QUEUE}:1"]) == 1


async def test_a_caller_who_asks_again_while_the_first_one_waits_gets_the_same_result(desk):
    calls = [asyncio.create_task(desk.post_put(KEY, response_mode="blocking")) for _ in range(2)]
    taken = await desk.taken()
    await desk.complete(taken["task_id"])

    answers = await asyncio.gather(*calls)

    assert [(answer.status, answer.json()) for answer in answers] == [(200, ENVELOPE["body"])] * 2
    assert (await desk.post_take()).json() == {}


async def test_asking_again_after_the_end_gives_the_result_at_once(desk):
    first = asyncio.create_task(desk.post_put(KEY, response_mode="blocking"))
    taken = await desk.taken()
    await desk.complete(taken["task_id"])
    await first

    again = await desk.post_put(KEY, response_mode="blocking")

    assert (again.status, again.headers["x-bella-task-id"]) == (200, taken["task_id"])


async def test_keys_of_tenants_do_not_meet(desk):
    stranger = await desk.other("stranger", tenant="elsewhere")
    await stranger.register()

    answers = [await desk.post_put(KEY), await stranger.post_put(KEY, trace_id="another body")]

    assert [answer.status for answer in answers] == [200, 200]


async def test_a_refused_put_leaves_its_key_free(desk):
    refused = await desk.post_put(KEY, queue="nobody")
    good = await desk.post_put(KEY)

    assert (refused.status, good.status) == (404, 200)


async def test_a_key_is_at_most_255_characters_long(desk):
    longest = await desk.post_put({"idempotency-key": "k" * 255})
    too_long = await desk.post_put({"idempotency-key": "k" * 256})

    assert (longest.status, too_long.status) == (200, 400)
