"""The event bus of workers, step by step, over a real Valkey."""

import asyncio
import json

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from tests.dialects.queue.bus_worker import BusWorker
from tests.dialects.queue.desk import chunk, compact
from tests.server.fixtures import serving

COMPLETION = "task-completion-event"
PROGRESS = "task-progress-event"


@pytest.fixture
async def server(valkey, tmp_path):
    async with serving(tmp_path / "data", bus=valkey.url) as running:
        yield running


@pytest.fixture
async def worker(desk):
    worker = await BusWorker(desk).open()
    yield worker
    await worker.close()


@pytest.fixture
async def admin(valkey):
    client = Redis.from_url(valkey.url)
    yield client
    await client.aclose()


async def blocking(desk, **fields):
    return asyncio.create_task(desk.post_put(response_mode="blocking", **fields))


async def emptied(admin, stream):
    """Returns once everything in a stream has been read."""
    async with asyncio.timeout(30):
        while await admin.xlen(stream):  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.01)


async def test_a_blocking_caller_is_answered_over_the_bus(desk, worker):
    caller = await blocking(desk)
    task = await worker.take()

    await worker.complete(task, status_code=201, body={"embedding": [1, 2.50]})

    answer = await caller
    assert (answer.status, answer.body) == (201, b'{"embedding": [1, 2.5]}')


async def test_a_completion_without_a_result_answers_an_empty_object(desk, worker):
    caller = await blocking(desk)

    await worker.complete(await worker.take())

    answer = await caller
    assert (answer.status, answer.json()) == (200, {})


async def test_an_error_over_the_bus_reaches_the_caller(desk, worker):
    caller = await blocking(desk)

    await worker.complete(await worker.take(), status_code=429, error="slow down")

    assert (await caller).status == 429


async def test_a_streaming_caller_receives_the_frames_in_their_order(desk, worker):
    async with desk.streaming() as pieces:
        task = await worker.take()
        for number in range(20):
            await worker.progress(task, number, chunk(f"t{number}"))
        await worker.complete(task, status_code=200, stream=True)
        read = await pieces.rest()

    places = [read.index(compact(chunk(f"t{number}"))) for number in range(20)]
    assert places == sorted(places)
    assert [read.count(compact(chunk(f"t{number}"))) for number in range(20)] == [1] * 20


async def test_the_instance_is_named_only_where_the_bus_is_used(desk, worker):
    await desk.put()
    assert "instance_id" not in await desk.take()
    caller = await blocking(desk)
    task = await worker.take()

    assert task["instance_id"]
    assert (await desk.complete(task["task_id"])).status == 200
    assert (await caller).status == 200


async def test_garbage_is_ignored_and_removed(desk, worker, admin):
    caller = await blocking(desk)
    task = await worker.take()
    stream = worker.topic + task["instance_id"]
    for name, payload in (
        ("", ""),
        ("batch-expire-event", "7"),
        (COMPLETION, ""),
        (COMPLETION, "[]"),
        (COMPLETION, "{}"),
        (COMPLETION, b"\xff\x00"),
        (COMPLETION, "[" * 5_000),
        (COMPLETION, {"taskId": "TASK-none"}),
        (COMPLETION, {"taskId": 7}),
        (COMPLETION, {"taskId": task["task_id"], "result": []}),
        (COMPLETION, {"taskId": task["task_id"], "result": {"status_code": 9_999}}),
        (COMPLETION, {"taskId": task["task_id"], "result": {"lease_id": "1"}}),
        (PROGRESS, {"taskId": task["task_id"], "eventName": "a\nb"}),
        (PROGRESS, {"taskId": task["task_id"], "eventData": "\ud800"}),
        (PROGRESS, {"taskId": task["task_id"], "eventId": {}}),
    ):
        await worker.add(task, name, payload)
    await worker.redis.xadd(stream, {"something": "else"})

    await worker.complete(task, status_code=200, body={"good": True})

    assert (await caller).json() == {"good": True}
    await emptied(admin, stream)
    assert 0 < await admin.ttl(stream) <= 86_400


async def test_the_same_completion_twice_counts_once(desk, worker, admin):
    caller = await blocking(desk)
    task = await worker.take()

    await worker.complete(task, body={"first": True})
    await worker.complete(task, body={"second": True})

    assert (await caller).json() == {"first": True}
    await emptied(admin, worker.topic + task["instance_id"])
    assert (await desk.get(task["task_id"]))["result"]["body"] == {"first": True}


ALLOWED = {"xadd", "ping", "auth", "hello", "select", "client|setinfo", "client|setname"}


async def test_a_user_can_write_to_its_topic_and_do_nothing_else(worker, admin):
    user = worker.redis.connection_pool.connection_kwargs["username"]
    rules = await admin.acl_getuser(user)

    assert rules["categories"] == ["-@all"]
    assert set(rules["commands"]) == {f"+{name}" for name in ALLOWED}
    assert (plain(rules["keys"]), plain(rules["channels"])) == ([f"~{worker.topic}*"], [])
    assert (rules["selectors"], len(rules["passwords"])) == ([], 1)
    assert await worker.redis.ping()
    assert await worker.redis.xadd(worker.topic + "node-1", {"name": "nothing"})


def plain(values):
    return [value.decode() if isinstance(value, bytes) else value for value in values]


async def test_what_a_user_is_refused(worker):
    stream = worker.topic + "node-1"
    for forbidden in (
        ("GET", stream),
        ("XREAD", "STREAMS", stream, "0"),
        ("XDEL", stream, "1-1"),
        ("DEL", stream),
        ("EVAL", "return 1", "0"),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("CLIENT", "LIST"),
        ("KEYS", "*"),
        ("PUBLISH", "taskloom", "x"),
        ("SUBSCRIBE", "taskloom"),
        ("XADD", "taskloom:eventbus:", "*", "a", "b"),
        ("XADD", "other", "*", "a", "b"),
    ):
        with pytest.raises(NoPermissionError):
            await worker.redis.execute_command(*forbidden)


async def test_a_user_cannot_write_to_the_topic_of_another_key_or_tenant(desk, worker):
    stranger = await BusWorker(await desk.other("stranger", tenant="elsewhere")).open()
    colleague = await BusWorker(await desk.other("colleague")).open()
    for other in (stranger, colleague):
        with pytest.raises(NoPermissionError):
            await other.redis.xadd(worker.topic + "node-1", {"name": COMPLETION})
        await other.close()


async def test_a_stranger_cannot_finish_a_task_it_only_knows_the_id_of(desk, worker, admin):
    caller = await blocking(desk)
    task = await worker.take()
    for other in (await desk.other("stranger", tenant="elsewhere"), await desk.other("colleague")):
        bad = await BusWorker(other).open()
        await bad.complete(task, body={"stolen": True})
        await emptied(admin, bad.topic + task["instance_id"])
        await bad.close()

    await worker.complete(task, body={"mine": True})

    assert (await caller).json() == {"mine": True}


async def test_the_servers_own_credentials_are_not_handed_out(desk, worker, valkey):
    place = (await desk.client.get("/v1/queue/eventbus")).json()

    assert valkey.url.partition("@")[0].rpartition(":")[2] not in json.dumps(place)
    assert place == (await desk.client.get("/v1/queue/eventbus")).json()
    wrong = Redis.from_url(place["url"].replace("@", "x@"))
    with pytest.raises(AuthenticationError):
        await wrong.ping()
    await wrong.aclose()


async def test_streams_of_a_server_that_is_gone_are_read_by_another(desk, worker, admin):
    caller = await blocking(desk)
    task = await worker.take()
    task["instance_id"] = "node-999"

    await worker.complete(task, body={"orphan": True})

    assert (await caller).json() == {"orphan": True}


async def test_http_and_bus_go_side_by_side(desk, worker):
    by_http, by_bus = await blocking(desk), await blocking(desk)
    one, two = await worker.take(), await worker.take()

    assert (await desk.complete(one["task_id"])).status == 200
    await worker.complete(two, body={"n": 2})

    assert {(await by_http).status, (await by_bus).status} == {200}


async def test_a_key_that_is_gone_is_heard_no_more(server, desk, worker, admin):
    caller = await blocking(desk)
    task = await worker.take()
    assert (await server.client().delete("/api/v1/keys/desk?tenant=default")).status in (200, 204)

    await worker.complete(task, body={"too": "late"})
    await emptied(admin, worker.topic + task["instance_id"])

    shown = (await server.client().get(f"/v1/queue/{task['task_id']}")).json()
    assert shown["status"] == "queued"
    with pytest.raises(RedisError):
        await BusWorker.complete(worker, task, body={"even": "later"})
    assert (await server.client().post(f"/v1/queue/{task['task_id']}/cancel")).status == 202
    assert (await caller).status == 499


async def test_a_new_key_of_the_same_name_has_an_address_of_its_own(server, desk, worker):
    assert (await server.client().delete("/api/v1/keys/desk?tenant=default")).status in (200, 204)
    made = await server.client().post(
        "/api/v1/keys?tenant=default", {"name": "desk", "scopes": ["task.work"]}
    )
    assert made.status in (200, 201), made.body

    place = (await server.client(made.json()["secret"]).get("/v1/queue/eventbus")).json()

    assert place["topic"] == worker.topic
    fresh, old = Redis.from_url(place["url"]), Redis.from_url(worker.url)
    assert await fresh.ping()
    with pytest.raises(AuthenticationError):
        await old.ping()
    await fresh.aclose()
    await old.aclose()
