"""Taking: order, grouping, leases, retries, age, waiting."""

import asyncio

import pytest

from taskloom.core.commands import Create
from taskloom.dialects.queue.spelling import spell
from tests.dialects.queue.desk import ENDPOINT, QUEUE


async def test_a_taken_task_comes_with_its_lease(desk):
    task_id = await desk.put(trace_id="t-1")

    answer = await desk.post_take()

    ((name, tasks),) = answer.json().items()
    lease_id = tasks[0].pop("lease_id")
    assert (name, answer.headers["content-type"]) == (f"{QUEUE}:1", "application/json")
    assert lease_id.isdigit()
    assert tasks == [
        {
            "task_id": task_id,
            "batch_id": "",
            "trace_id": "t-1",
            "tenant": "default",
            "endpoint": ENDPOINT,
            "queue": QUEUE,
            "level": 1,
            "data": {"model": "m", "input": "x"},
            "status": "queued",
            "start_time": desk.server.clock.now,
            "running_time": 0,
            "expire_time": desk.server.clock.now + 86_400_000,
            "completed_time": 0,
            "callback_url": "",
            "response_mode": "callback",
            "attempt": 1,
        }
    ]


async def test_nothing_to_take_is_an_empty_object(desk):
    answer = await desk.post_take(f"{QUEUE}:0", f"{QUEUE}:1", "nobody:3")

    assert (answer.status, answer.body) == (200, b"{}")


async def test_fifo_takes_the_oldest_over_all_queues_and_groups_by_full_name(desk):
    await desk.register(queue="second")
    put = [("second", 2), (QUEUE, 1), ("second", 2), (QUEUE, 0)]
    ids = [await desk.put(queue=queue, level=level) for queue, level in put]

    answer = await desk.post_take("second:2", f"{QUEUE}:0", f"{QUEUE}:1", size=3)

    found = {name: [task["task_id"] for task in tasks] for name, tasks in answer.json().items()}
    assert found == {"second:2": [ids[0], ids[2]], f"{QUEUE}:1": [ids[1]]}


async def test_fifo_is_first_in_first_out_and_keys_take_turns(desk):
    other = await desk.other("second")
    mine = [await desk.put() for _ in range(3)]
    theirs = [await other.put() for _ in range(2)]

    answer = await desk.post_take(size=5)

    taken = [task["task_id"] for task in answer.json()[f"{QUEUE}:1"]]
    assert taken == [mine[0], theirs[0], mine[1], theirs[1], mine[2]]


async def test_round_robin_goes_on_where_it_left_off(desk):
    await desk.register("embed-b")
    ids = {queue: [await desk.put(queue=queue) for _ in range(3)] for queue in (QUEUE, "embed-b")}
    taken = []
    for _ in range(4):
        desk.server.clock.advance(ms=1)
        task = await desk.take(f"{QUEUE}:1", "embed-b:1", strategy="round_robin", size=1)
        taken.append(task["task_id"])

    assert [task_id in ids[QUEUE] for task_id in taken] == [True, False, True, False]
    rest = (await desk.post_take(f"{QUEUE}:1", "embed-b:1", strategy="round_robin", size=9)).json()
    assert {queue: len(tasks) for queue, tasks in rest.items()} == {f"{QUEUE}:1": 1, "embed-b:1": 1}


async def test_sequential_hands_out_one_of_a_queue_and_the_next_when_that_has_ended(desk):
    await desk.register("embed-b")
    for queue in (QUEUE, QUEUE, "embed-b"):
        await desk.put(queue=queue)

    async def taken():
        answer = await desk.post_take(f"{QUEUE}:1", "embed-b:1", strategy="sequential", size=9)
        return {queue: len(tasks) for queue, tasks in answer.json().items()}

    first = await desk.take(f"{QUEUE}:1", strategy="sequential")
    assert await taken() == {"embed-b:1": 1}
    assert await taken() == {}

    await desk.complete(first["task_id"])
    assert await taken() == {f"{QUEUE}:1": 1}

    await desk.lose_lease()
    assert await taken() == {f"{QUEUE}:1": 1, "embed-b:1": 1}


async def test_active_passive_drains_the_first_queue_first(desk):
    await desk.put(level=1)
    urgent = await desk.put(level=0)

    taken = await desk.take(f"{QUEUE}:0", f"{QUEUE}:1", strategy="active_passive")

    assert taken["task_id"] == urgent


async def test_by_default_one_task_is_handed_out_and_at_most_100(desk, monkeypatch):
    monkeypatch.setattr("taskloom.dialects.queue.routes_work.TAKE_SIZE_MAX", 3)
    for _ in range(5):
        await desk.put()

    one, many = await desk.post_take(), await desk.post_take(size=1_000)

    assert [len(answer.json()[f"{QUEUE}:1"]) for answer in (one, many)] == [1, 3]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, None),
        ({"queues": []}, "queues"),
        ({"queues": "embed-a:1"}, "queues"),
        ({"queues": ["embed-a"]}, "queues"),
        ({"queues": ["embed-a:10"]}, "queues"),
        ({"queues": [":1"]}, "queues"),
        ({"queues": ["embed-a:\u0663"]}, "queues"),
        ({"queues": ["q:1"] * 101}, "queues"),
        ({"queues": ["q:1"], "size": 0}, "size"),
        ({"queues": ["q:1"], "strategy": "fairest"}, "strategy"),
        ({"queues": ["q:1"], "wait_seconds": 31}, "wait_seconds"),
        ({"queues": ["q:1"], "process_timeout": -1}, "process_timeout"),
        ({"queues": ["q:1"], "process_max_retries": -2}, "process_max_retries"),
        ({"queues": ["q:1"], "worker": 7}, "worker"),
        ({"queues": ["q\x01:1"]}, "queues"),
        ({"queues": ["q\0:1"]}, None),
    ],
)
async def test_bad_takes_are_refused_and_name_the_field(desk, body, parameter):
    answer = await desk.client.post("/v1/queue/take", body)

    assert (answer.status, answer.json()["error"]["param"]) == (400, parameter)


@pytest.mark.parametrize(("process_timeout", "seconds"), [(None, 600), (0, 600), (30, 30)])
async def test_a_lease_lasts_as_long_as_wanted(desk, process_timeout, seconds):
    await desk.put()
    await desk.take(process_timeout=process_timeout)
    desk.server.clock.advance(seconds=seconds - 1)
    await desk.server.engine.sweep()
    early = (await desk.post_take()).json()
    await desk.lose_lease(1)

    assert early == {}
    assert (await desk.take())["attempt"] == 2


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (2, 3)])
async def test_a_task_comes_back_as_often_as_wanted_and_then_is_a_timeout(desk, retries, attempts):
    task_id = await desk.put()
    for attempt in range(1, attempts + 1):
        taken = await desk.take(process_timeout=10, process_max_retries=retries)
        assert taken["attempt"] == attempt
        await desk.lose_lease(10)

    assert (await desk.post_take()).json() == {}
    assert (await desk.get(task_id))["status"] == "timeout"


async def test_without_a_bound_a_task_comes_back_until_it_expires(desk):
    await desk.put(timeout=1_000)
    for _ in range(6):
        await desk.take(process_timeout=10, process_max_retries=-1)
        await desk.lose_lease(10)

    assert (await desk.take())["attempt"] == 7


async def test_only_tasks_of_an_age_are_taken_where_one_is_wanted(desk):
    old = await desk.put()
    desk.server.clock.advance(seconds=10)
    await desk.put()

    answer = await desk.post_take(size=5, min_age_seconds=10)

    assert [task["task_id"] for task in answer.json()[f"{QUEUE}:1"]] == [old]


async def test_a_waiting_take_is_answered_when_a_task_comes(desk):
    waiting = asyncio.create_task(desk.post_take(wait_seconds=30))
    await desk.somebody_waits()
    task_id = await desk.put()

    answer = await asyncio.wait_for(waiting, 30)

    assert answer.json()[f"{QUEUE}:1"][0]["task_id"] == task_id


async def test_who_stopped_waiting_is_handed_nothing(desk):
    waiting = desk.server.engine.waiting
    async with desk.client.stream("POST", "/v1/queue/take", {"queues": [f"{QUEUE}:1"], "wait_seconds": 30}):
        await desk.somebody_waits()
    task_id = await desk.put()

    assert len(waiting) == 0
    assert (await desk.get(task_id))["status"] == "waiting"


async def test_a_task_of_another_dialect_is_taken_and_completed_like_any_other(desk):
    create = Create(tenant="default", queue="charge-card", dialect="processes", input=b'{"amount": 7}')
    key = (await desk.server.engine.submit(create)).reply

    taken = await desk.take("charge-card:1")
    done = await desk.complete(taken["task_id"], lease_id=taken["lease_id"])

    assert taken["task_id"] == spell(key, 0, 1, "C")
    assert (taken["data"], taken["endpoint"]) == ({"amount": 7}, "")
    assert (done.status, (await desk.get(taken["task_id"]))["status"]) == (200, "succeeded")


async def test_a_task_of_another_tenant_is_not_handed_out(desk):
    await desk.put()
    stranger = await desk.other("stranger", tenant="elsewhere")

    assert (await stranger.post_take()).json() == {}


async def test_the_administrator_takes_from_every_tenant(desk, server):
    task_id = await desk.put()

    answer = await server.client().post("/v1/queue/take", {"queues": [f"{QUEUE}:1"]})

    assert answer.json()[f"{QUEUE}:1"][0]["task_id"] == task_id
