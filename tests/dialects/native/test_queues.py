"""Limits, rates, pauses and weights of queues and keys, over HTTP on every store."""

import asyncio

import pytest

from tests.dialects.queue.conftest import server  # noqa: F401  the stores
from tests.dialects.queue.desk import STORES, Desk

pytestmark = pytest.mark.parametrize("server", STORES, indirect=True)


@pytest.fixture
async def desk(server):  # noqa: F811
    desk = Desk(server, await server.key("desk"))
    desk.boss = server.client(await server.key("boss", scopes=["task.supervise", "task.read"]))
    await desk.register()
    return desk


async def settings(desk, **fields):
    answer = await desk.boss.call("PUT", "/api/v1/queues/embed-a", fields)
    assert answer.status == 200, answer.body
    return answer.json()


async def taken(desk, size=10):
    answer = await desk.post_take(size=size)
    return len(answer.json().get("embed-a:1", []))


async def test_no_more_are_under_way_than_the_queue_allows(desk):
    for _ in range(5):
        await desk.put()
    await settings(desk, limit=2)

    first = await desk.post_take(size=10)
    assert len(first.json()["embed-a:1"]) == 2
    assert await taken(desk) == 0

    await desk.complete(first.json()["embed-a:1"][0]["task_id"])
    assert await taken(desk) == 1


async def test_a_limit_of_each_key_holds_for_a_key_first_seen_later(desk):
    await settings(desk, key_limit=1)
    second = await desk.other("second")
    for _ in range(3):
        await desk.put()
        await second.put()

    assert await taken(desk) == 2
    assert await taken(desk) == 0


async def test_a_keys_own_limit_wins_over_the_one_of_all_keys(desk):
    await settings(desk, key_limit=1, keys=[{"key": "desk", "limit": 3}])
    for _ in range(5):
        await desk.put()

    assert await taken(desk) == 3


async def test_a_worker_that_waits_is_handed_the_next_task_when_one_ends(desk):
    for _ in range(2):
        await desk.put()
    await settings(desk, limit=1)
    first = await desk.take()

    waiting = asyncio.create_task(desk.taken())
    await desk.somebody_waits()
    await desk.complete(first["task_id"])

    assert (await asyncio.wait_for(waiting, 30))["task_id"] != first["task_id"]


async def test_a_rate_spreads_the_starts_over_the_minute(desk):
    for _ in range(9):
        await desk.put()
    await settings(desk, rate=60, burst=2)

    assert await taken(desk) == 2
    assert await taken(desk) == 0
    desk.server.clock.advance(seconds=1)
    assert await taken(desk) == 1
    desk.server.clock.advance(seconds=60)
    assert await taken(desk) == 2


async def test_a_paused_queue_hands_nothing_out_until_its_instant(desk):
    await desk.put()
    paused = await desk.client.post("/api/v1/queues/embed-a/pause", {"seconds": 30})
    assert paused.json()["paused_until"] is not None

    assert await taken(desk) == 0
    desk.server.clock.advance(seconds=30)
    assert await taken(desk) == 1


async def test_a_pause_without_an_end_lasts_until_somebody_resumes(desk):
    await desk.put()
    paused = await desk.client.post("/api/v1/queues/embed-a/pause")
    assert paused.json()["paused_until"] == "resumed"
    desk.server.clock.advance(seconds=86_400)
    await desk.put()
    waiting = asyncio.create_task(desk.taken())
    await desk.somebody_waits()

    resumed = await desk.client.post("/api/v1/queues/embed-a/resume", {})

    assert resumed.json()["paused_until"] is None
    assert (await asyncio.wait_for(waiting, 30))["queue"] == "embed-a"


async def test_a_paused_key_leaves_the_others_alone(desk):
    second = await desk.other("second")
    await desk.put()
    theirs = await second.put()
    await desk.client.post("/api/v1/queues/embed-a/pause", {"key": "desk"})

    answer = await desk.post_take(size=10)

    assert [task["task_id"] for task in answer.json()["embed-a:1"]] == [theirs]


async def test_a_weight_gives_a_key_more_turns(desk):
    second = await desk.other("second")
    await settings(desk, keys=[{"key": "desk", "weight": 3}])
    mine = {await desk.put() for _ in range(8)}
    for _ in range(8):
        await second.put()

    answer = await desk.post_take(size=8)

    assert sum(task["task_id"] in mine for task in answer.json()["embed-a:1"]) == 6


async def test_a_queue_shows_its_keys_and_their_counts(desk):
    for _ in range(3):
        await desk.put()
    await desk.complete((await desk.take())["task_id"])
    await desk.take()

    shown = (await desk.client.get("/api/v1/queues/embed-a")).json()
    (listed,) = (await desk.client.get("/api/v1/queues")).json()["items"]

    (key,) = shown["keys"]
    assert (key["key"], key["level"], key["ready"], key["in_flight"]) == ("desk", 1, 1, 1)
    assert (key["entered"], key["ended"], key["batch"]) == (3, 1, False)
    assert (listed["queue"], listed["ready"], listed["in_flight"]) == ("embed-a", 1, 1)


async def test_the_limits_of_one_tenant_are_not_those_of_another(desk):
    stranger = await desk.other("stranger", tenant="elsewhere")
    await stranger.register()
    await settings(desk, limit=1)
    for _ in range(2):
        await stranger.put()

    assert await taken(stranger) == 2
    assert (await stranger.client.get("/api/v1/queues/embed-a")).json()["limit"] == 0


async def test_a_key_named_without_settings_is_left_as_it_is(desk):
    shown = await settings(desk, limit=2, keys=[{"key": "desk", "weight": 3}])

    assert await settings(desk, keys=[{"key": "desk"}, {"key": "stranger", "level": 1}]) == shown


@pytest.mark.parametrize(
    "body",
    [{"limit": -1}, {"rate": "many"}, {"keys": [{"key": "a/b"}]}, {"nonsense": 1}, {"keys": [{"weight": 2}]}],
)
async def test_what_is_no_setting_is_refused(desk, body):
    answer = await desk.boss.call("PUT", "/api/v1/queues/embed-a", body)

    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
